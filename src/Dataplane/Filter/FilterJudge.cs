using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;

namespace Gateway.Dataplane.Filter;

/// <summary>Finds the rules of a whole frame's packets, counts them, and says what becomes of the packets.</summary>
internal static unsafe class FilterJudge
{
    /// <summary>How far ahead of its turn a packet's header is fetched.</summary>
    private const int Ahead = 8;

    /// <summary>Where the rules come from.</summary>
    internal interface IDirection
    {
        static abstract uint By(PacketMeta* meta);

        static abstract FilterProgram* Of<TFamily>(FilterSlots* slots)
            where TFamily : struct, IFilterFamily;
    }

    /// <summary>The interface that the packet came in by.</summary>
    internal readonly struct Inbound : IDirection
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static uint By(PacketMeta* meta) => meta->RxInterface;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static FilterProgram* Of<TFamily>(FilterSlots* slots)
            where TFamily : struct, IFilterFamily => TFamily.In(slots);
    }

    /// <summary>The interface that the packet leaves by.</summary>
    internal readonly struct Outbound : IDirection
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static uint By(PacketMeta* meta) => meta->TxInterface;

        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        public static FilterProgram* Of<TFamily>(FilterSlots* slots)
            where TFamily : struct, IFilterFamily => TFamily.Out(slots);
    }

    /// <summary>Fills in the verdict of each packet. A packet to be reflected is marked, with the number of its rule in the low half of Opaque1.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Judge<TFamily, TDirection>(ref Frame frame, FilterVerdict* verdicts)
        where TFamily : struct, IFilterFamily
        where TDirection : struct, IDirection
    {
        var keys = stackalloc uint[Frame.Size * TFamily.KeyWords];
        var found = stackalloc uint[Frame.Size];
        var programs = stackalloc nint[Frame.Size];
        var filters = frame.Tables.Filters;
        FilterProgram* first = null, program = null;
        var (alike, last, policed) = (true, uint.MaxValue, false);
        for (var i = 0; i < frame.Count; i++)
        {
            if (i + Ahead < frame.Count && Sse.IsSupported) Sse.Prefetch0(frame.Data(frame.Indices[i + Ahead]));
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            TFamily.Read(meta, frame.Chunk(index), keys + i * TFamily.KeyWords);
            var by = TDirection.By(meta);
            if (by != last) program = TDirection.Of<TFamily>(filters[by]);
            last = by;
            programs[i] = (nint)program;
            if (i == 0) first = program;
            alike &= program == first;
        }
        // The packets of a frame mostly came in by one interface, and are looked for together.
        if (alike && first != null) FilterSearch.Find<TFamily>(first, keys, frame.Count, found);
        else FindEach<TFamily>(programs, keys, frame.Count, found);
        var worker = (uint)frame.Context.Worker;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            program = (FilterProgram*)programs[i];
            // The rules were taken away while the packet was on its way.
            if (program == null)
            {
                verdicts[i] = default;
                continue;
            }
            var rule = found[i];
            if (rule == FilterProgram.None)
            {
                rule = program->Rules;
                verdicts[i] = program->Verdicts[rule];
                if (verdicts[i].Action >= FilterAction.Deny && TFamily.IsNeighborDiscovery(meta, frame.Chunk(index), keys + i * TFamily.KeyWords)) verdicts[i] = default;
            }
            else
            {
                verdicts[i] = program->Verdicts[rule];
            }
            if (i + Ahead < frame.Count && Sse.IsSupported) Sse.Prefetch0(program->Counters + worker * program->CounterStride + found[i + Ahead] * 2);
            var counters = program->Counters + worker * program->CounterStride + rule * 2;
            counters[0]++;
            counters[1] += meta->TotalLength;
            policed |= program->Guards != null;
            if (verdicts[i].Action == FilterAction.Reflect)
            {
                meta->Flags |= PacketFlags.Reflect;
                meta->Opaque1 = rule;
            }
        }
        if (policed) Police(ref frame, programs, found, verdicts);
    }

    /// <summary>Holds what rules let pass to their limits and policers.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Police(ref Frame frame, nint* programs, uint* found, FilterVerdict* verdicts)
    {
        var packets = stackalloc PolicedPacket[Frame.Size];
        var drops = stackalloc bool[Frame.Size];
        var count = 0;
        for (var i = 0; i < frame.Count; i++)
        {
            var program = (FilterProgram*)programs[i];
            if (program == null || program->Guards == null || found[i] == FilterProgram.None || verdicts[i].Action > FilterAction.Reflect) continue;
            var guards = program->Guards[found[i]];
            if (guards == 0) continue;
            var meta = frame.Meta(frame.Indices[i]);
            var ip = frame.Chunk(frame.Indices[i]) + meta->L3;
            if (guards >> 32 != 0 && !GuardJudge.MaySend(ref frame, (uint)(guards >> 32), ip)) verdicts[i].Action = FilterAction.Limited;
            else if ((uint)guards != 0) packets[count++] = new PolicedPacket { Ip = ip, Length = meta->TotalLength, At = i, Policer = (uint)guards };
        }
        GuardJudge.Rules(ref frame, packets, count, drops);
        for (var i = 0; i < count; i++)
            if (drops[i]) verdicts[packets[i].At].Action = FilterAction.Exceeded;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FindEach<TFamily>(nint* programs, uint* keys, int count, uint* found)
        where TFamily : struct, IFilterFamily
    {
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        for (var i = 0; i < count; i++)
            if (programs[i] != 0) found[i] = FilterProgram.Find<TFamily>((FilterProgram*)programs[i], keys + i * TFamily.KeyWords, waiting);
    }
}
