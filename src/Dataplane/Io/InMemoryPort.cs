using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Io;

/// <summary>
/// A port whose wire is memory, for tests and benchmarks: the other side (one thread) gives packets with <see cref="Offer(uint)"/> and takes what was sent with <see cref="Collect"/>.
/// Both directions are bounded rings of packet indices; nothing is copied.
/// </summary>
public sealed unsafe class InMemoryPort : IPacketPort
{
    private readonly PacketPool _pool;
    private readonly PacketRing _toGateway;
    private readonly PacketRing _fromGateway;
    private PortCounters _counters;
    private bool _disposed;

    public InMemoryPort(PacketPool pool, int capacity = 4096)
    {
        _pool = pool;
        _toGateway = new PacketRing(capacity);
        _fromGateway = new PacketRing(capacity);
    }

    public string Kind => "in-memory";

    public int PollFd => -1;

    public bool IsUp { get; set; } = true;

    public PortCounters Counters => _counters;

    /// <summary>Puts a packet on the wire towards the gateway; false when the ring is full, and then the packet is still the caller's.</summary>
    public bool Offer(uint index) => _toGateway.TryPush(index);

    /// <summary>Puts packets on the wire towards the gateway, from the front while there is room; returns how many.</summary>
    public int Offer(ReadOnlySpan<uint> indices) => _toGateway.Push(indices);

    /// <summary>Puts a copy of a frame on the wire towards the gateway, chained when it is long; false when there is no room.</summary>
    public bool Offer(ReadOnlySpan<byte> frame)
    {
        var index = PacketCopy.FromBytes(_pool, frame);
        if (index == 0) return false;
        if (_toGateway.TryPush(index)) return true;
        _pool.Free(index);
        return false;
    }

    /// <summary>Takes what the gateway sent; the packets are the caller's to free.</summary>
    public int Collect(Span<uint> indices) => _fromGateway.Pop(indices);

    /// <summary>Takes one frame that the gateway sent as bytes; null when there is none.</summary>
    public byte[]? CollectBytes()
    {
        uint index = 0;
        if (_fromGateway.Pop(new Span<uint>(ref index)) == 0) return null;
        var bytes = PacketCopy.ToArray(_pool, index);
        _pool.Free(index);
        return bytes;
    }

    public int Receive(Span<uint> indices)
    {
        var count = _toGateway.Pop(indices);
        for (var i = 0; i < count; i++) _counters.RxBytes += _pool.Meta(indices[i])->TotalLength;
        _counters.RxPackets += (ulong)count;
        return count;
    }

    public int Transmit(ReadOnlySpan<uint> indices)
    {
        var count = _fromGateway.Push(indices);
        for (var i = 0; i < count; i++) _counters.TxBytes += _pool.Meta(indices[i])->TotalLength;
        _counters.TxPackets += (ulong)count;
        return count;
    }

    public bool PrepareToSleep() => _toGateway.Count == 0;

    /// <summary>Frees what still lies on the wire.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        Span<uint> batch = stackalloc uint[256];
        foreach (var ring in (ReadOnlySpan<PacketRing>)[_toGateway, _fromGateway])
        {
            for (var n = ring.Pop(batch); n > 0; n = ring.Pop(batch)) _pool.Free(batch[..n]);
            ring.Dispose();
        }
    }
}
