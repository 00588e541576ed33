using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// With thousands of busy SAs what a packet needs of its SA lies in main memory, a dozen lines one behind the other. A frame asks for all its packets' lines before it works on the first: step by
/// step, since one line says where the next ones are.
/// </summary>
internal static unsafe class SaPrefetch
{
    /// <summary>Fewer SAs stay in the caches by themselves, bar a packet now and then.</summary>
    private const int Many = 512;
    private const int Line = 64;

    /// <summary>For packets whose SA's number is their next hop.</summary>
    public static void Outbound(ref Frame frame)
    {
        var sad = frame.Tables.Sad;
        if (!Sse.IsSupported || sad.Count < Many) return;
        for (var i = 0; i < frame.Count; i++) sad.Prefetch(frame.Meta(frame.Indices[i])->NextHop);
        for (var i = 0; i < frame.Count; i++)
        {
            var sa = sad[frame.Meta(frame.Indices[i])->NextHop];
            if (sa == null) continue;
            Lines(sa, 1);
            Lines(&sa->Out, (sizeof(SaOutbound) + Line - 1) / Line);
        }
        for (var i = 0; i < frame.Count; i++)
        {
            var sa = sad[frame.Meta(frame.Indices[i])->NextHop];
            if (sa == null) continue;
            Lines(sa->Out.Path, 2);
            Sse.Prefetch0(sa->Out.Seed);
        }
    }

    /// <summary>For packets whose ESP header is their layer 4.</summary>
    public static void Inbound(ref Frame frame)
    {
        var sad = frame.Tables.Sad;
        if (!Sse.IsSupported || sad.Count < Many) return;
        for (var i = 0; i < frame.Count; i++) sad.PrefetchSpi(SpiOf(ref frame, i));
        for (var i = 0; i < frame.Count; i++)
        {
            var sa = sad.Find(SpiOf(ref frame, i));
            if (sa == null) continue;
            Lines(sa, 1);
            Lines(&sa->In, (sizeof(SaInbound) + Line - 1) / Line);
            Sse.Prefetch0(&sa->Out.Path);
        }
        for (var i = 0; i < frame.Count; i++)
        {
            var sa = sad.Find(SpiOf(ref frame, i));
            if (sa == null) continue;
            Lines(sa->Hot, 2);
            Sse.Prefetch0(sa->In.Seed);
            Sse.Prefetch0(sa->In.Selectors4);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint SpiOf(ref Frame frame, int i)
    {
        var index = frame.Indices[i];
        // Whatever stands there: a prefetch of what is no SPI does no harm, and the chunk holds the four bytes.
        return Wire.U32(frame.Chunk(index) + Math.Min((int)frame.Meta(index)->L4, PacketPool.ChunkSize - sizeof(uint)));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Lines(void* at, int lines)
    {
        for (var i = 0; i < lines; i++) Sse.Prefetch0((byte*)at + i * Line);
    }
}
