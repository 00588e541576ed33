using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Abf;

/// <summary>
/// Puts the next hops of policies in the place of what the lookup found. Forwarded packets only: those for the gateway itself, and its own, go where routes lead them. A packet of a translated flow is asked about as its flow's first
/// packet was, with the source that it arrived with.
/// </summary>
internal static unsafe class AbfSteering
{
    /// <param name="frame">Packets at a lookup.</param>
    /// <param name="nextHops">What the lookup found for each; changed for those that a policy sends.</param>
    /// <returns>How many were sent by a policy, and of how many all next hops of the policy were away.</returns>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization | MethodImplOptions.NoInlining)]
    public static (uint Sent, uint Away) Steer<TFamily>(ref Frame frame, uint* nextHops)
        where TFamily : struct, IFilterFamily
    {
        var v6 = TFamily.AddressWords > 1;
        var keys = stackalloc uint[Frame.Size * TFamily.KeyWords];
        var found = stackalloc uint[Frame.Size];
        var places = stackalloc int[Frame.Size];
        var programs = stackalloc nint[Frame.Size];
        var adjacencies = frame.Tables.Adjacencies;
        var (count, alike) = (0, true);
        for (var i = 0; i < frame.Count; i++)
        {
            var meta = frame.Meta(frame.Indices[i]);
            if ((meta->Flags & PacketFlags.Own) != 0 || adjacencies[nextHops[i]]->Kind == AdjacencyKind.Local) continue;
            var program = frame.Tables.Abf.Of(meta->RxInterface, v6);
            if (program == null) continue;
            var key = keys + count * TFamily.KeyWords;
            TFamily.Read(meta, frame.Chunk(frame.Indices[i]), key);
            if (!v6 && FlowOrigin.Of(meta) is var origin && origin != 0) AsArrived(key, origin);
            programs[count] = (nint)program;
            alike &= program == (AbfProgram*)programs[0];
            places[count++] = i;
        }
        if (count == 0) return default;
        if (alike) FilterSearch.Find<TFamily>(((AbfProgram*)programs[0])->Rules, keys, count, found);
        else FindEach<TFamily>(programs, keys, count, found);
        var (sent, away) = (0u, 0u);
        for (var n = 0; n < count; n++)
        {
            var rule = found[n];
            if (rule == FilterProgram.None) continue;
            var program = (AbfProgram*)programs[n];
            var index = frame.Indices[places[n]];
            var meta = frame.Meta(index);
            var counters = program->Rules->Counters + (uint)frame.Context.Worker * program->Rules->CounterStride + rule * 2;
            counters[0]++;
            counters[1] += meta->TotalLength;
            var way = program->Ways[rule];
            if (way == 0) continue;
            var hop = AdjacencyTable.NoRoute;
            if ((way & ~AbfProgram.Drops) is var list && list != 0)
            {
                var ip = frame.Data(index);
                hop = v6 ? PathList.Choose6(adjacencies[list], ip, meta->Length) : PathList.Choose4(adjacencies[list], ip, meta->Length, FlowOrigin.Of(meta));
            }
            if (hop != AdjacencyTable.NoRoute)
            {
                nextHops[places[n]] = hop;
                sent++;
                continue;
            }
            away++;
            if ((way & AbfProgram.Drops) != 0) nextHops[places[n]] = AdjacencyTable.Unreachable;
        }
        return (sent, away);
    }

    private static void AsArrived(uint* key, ulong origin)
    {
        key[0] = BinaryPrimitives.ReverseEndianness(FlowOrigin.RawAddress(origin));
        if ((key[3] & FilterKey.ProtocolMask) is 6 or 17) key[2] = (key[2] & 0xFFFF) | (uint)BinaryPrimitives.ReverseEndianness(FlowOrigin.RawPort(origin)) << 16;
    }

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void FindEach<TFamily>(nint* programs, uint* keys, int count, uint* found)
        where TFamily : struct, IFilterFamily
    {
        var waiting = stackalloc uint[FilterProgram.MaxWaiting];
        for (var n = 0; n < count; n++) found[n] = FilterProgram.Find<TFamily>(((AbfProgram*)programs[n])->Rules, keys + n * TFamily.KeyWords, waiting);
    }
}
