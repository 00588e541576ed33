using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Graph;

/// <summary>Up to 256 packets on their way through one node, with the context of the worker that carries them.</summary>
internal readonly unsafe ref struct Frame
{
    /// <summary>Largest number of packets in a frame.</summary>
    public const int Size = 256;

    public readonly WorkerContext Context;
    public readonly uint* Indices;
    public readonly int Count;

    /// <summary>Number of the node that has the frame.</summary>
    public readonly ushort Node;
    private readonly byte* _chunks;
    private readonly PacketMeta* _metas;
    private readonly ushort* _edges;
    private readonly ushort _dropBase;
    private readonly ushort _countBase;

    public Frame(WorkerContext context, ushort node, uint* indices, int count)
    {
        Context = context;
        Indices = indices;
        Count = count;
        Node = node;
        _chunks = context.Pool.Chunk(0);
        _metas = context.Pool.Meta(0);
        _edges = context.EdgesOf(node);
        _dropBase = context.Graph.DropBase[node];
        _countBase = context.Graph.CountBase[node];
    }

    public PacketPool Pool => Context.Pool;

    public DataplaneTables Tables => Context.Tables;

    /// <summary>Monotonic nanoseconds, sampled once per run of the graph.</summary>
    public long Now => Context.Now;

    /// <summary>The metadata of a packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PacketMeta* Meta(uint index) => _metas + index;

    /// <summary>The packet's current header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Data(uint index) => _chunks + (nuint)index * PacketPool.ChunkSize + _metas[index].Offset;

    /// <summary>The start of the packet's chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Chunk(uint index) => _chunks + (nuint)index * PacketPool.ChunkSize;

    /// <summary>Sends a packet (of this frame or a new one) along an edge of this node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Enqueue<TEdge>(TEdge edge, uint index)
        where TEdge : unmanaged, Enum => Context.Enqueue(_edges[Unsafe.BitCast<TEdge, ushort>(edge)], index);

    /// <summary>Stands in the place of an edge for a packet that went another way already: dropped, consumed, or sent by <see cref="Enqueue{TEdge}(TEdge, uint)"/>.</summary>
    public static TEdge Gone<TEdge>()
        where TEdge : unmanaged, Enum => Unsafe.BitCast<ushort, TEdge>(ushort.MaxValue);

    /// <summary>
    /// Sends each packet of the frame along the edge that stands in its place. Packets go the same way in long runs, often a whole frame of them, and a run costs hardly more than a packet.
    /// </summary>
    /// <param name="edges">One for each packet of the frame.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispatch<TEdge>(TEdge* edges)
        where TEdge : unmanaged, Enum => Dispatch((ushort*)edges, Indices, Count);

    /// <summary>The same for packets that the node has gathered.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Dispatch<TEdge>(TEdge* edges, uint* indices, int count)
        where TEdge : unmanaged, Enum => Dispatch((ushort*)edges, indices, count);

    private void Dispatch(ushort* edges, uint* indices, int count)
    {
        for (var start = 0; start < count;)
        {
            var edge = edges[start];
            var end = EndOfRun(edges, start, count);
            if (edge != ushort.MaxValue) Context.Enqueue(_edges[edge], indices + start, end - start);
            start = end;
        }
    }

    private static int EndOfRun(ushort* edges, int start, int count)
    {
        var edge = Vector256.Create(edges[start]);
        var end = start + 1;
        for (; end + Vector256<ushort>.Count <= count; end += Vector256<ushort>.Count)
        {
            var others = ~Vector256.Equals(Vector256.Load(edges + end), edge).ExtractMostSignificantBits() & 0xFFFF;
            if (others != 0) return end + BitOperations.TrailingZeroCount(others);
        }
        while (end < count && edges[end] == edges[start]) end++;
        return end;
    }

    /// <summary>Ends a packet here, with a reason of this node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Drop<TReason>(TReason reason, uint index)
        where TReason : unmanaged, Enum => Context.Drop((ushort)(_dropBase + Unsafe.BitCast<TReason, ushort>(reason)), index);

    /// <summary>Ends a packet that did its work here: it is freed and no drop is counted.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Consume(uint index) => Context.Consume(index);

    /// <summary>Adds to a count of this node.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Add<TCount>(TCount count, ulong number = 1)
        where TCount : unmanaged, Enum => Context.Counts[_countBase + Unsafe.BitCast<TCount, ushort>(count)] += number;

    /// <summary>Adds to the counter of a drop reason without a packet to drop: a packet that could not be made.</summary>
    public void AddDrop<TReason>(TReason reason)
        where TReason : unmanaged, Enum => Context.Drops[_dropBase + Unsafe.BitCast<TReason, ushort>(reason)]++;
}
