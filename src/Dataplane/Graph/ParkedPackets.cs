using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Graph;

/// <summary>
/// Packets of one worker whose SA moves to it from another worker: they wait, in their order, for the moment in which the other has let go, which is a loop of its away.
/// </summary>
internal sealed unsafe class ParkedPackets
{
    public const int Capacity = 2048;

    private readonly uint[] _packets = new uint[Capacity];
    private readonly ushort[] _nodes = new ushort[Capacity];

    public int Count { get; private set; }

    /// <summary>Keeps a packet that stands before a node; false when there is no room.</summary>
    public bool TryPark(ushort node, uint packet)
    {
        if (Count == Capacity) return false;
        _packets[Count] = packet;
        _nodes[Count++] = node;
        return true;
    }

    /// <summary>Lets all try again; those whose SA is still not here come back.</summary>
    public void Release(WorkerContext context)
    {
        var count = Count;
        Count = 0;
        for (var i = 0; i < count; i++) context.Enqueue(_nodes[i], _packets[i]);
    }

    public void Dispose(PacketPool pool)
    {
        pool.Free(_packets.AsSpan(0, Count));
        Count = 0;
    }
}
