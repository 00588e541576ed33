using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io;

/// <summary>A TAP device as a port, of one or several queues; the kernel keeps a flow in the queue that its answers come by.</summary>
internal sealed class TapPort : IDevicePort, IQueuedPort
{
    private readonly Action<IDevicePort> _closing;
    private readonly TapQueue[] _queues;
    private volatile LinkInfo? _link;
    private int _disposed;

    /// <param name="queues">The device's queues; they belong to the port from now on.</param>
    /// <param name="closing">The factory, which frees the port on its control thread.</param>
    public TapPort(PacketPool pool, IReadOnlyList<TapDevice> queues, LinkInfo link, Action<IDevicePort> closing)
    {
        _closing = closing;
        Device = link.Name;
        _link = link;
        _queues = [.. queues.Select(queue => new TapQueue(this, pool, queue))];
        Queues = _queues;
    }

    public string Kind => "tap";

    public string Device { get; }

    public LinkInfo? Link => _link;

    public bool IsUp => _link is { IsUp: true };

    public IReadOnlyList<IPacketPort> Queues { get; }

    public int PollFd => Queues[0].PollFd;

    public ulong RxDamaged => _queues.Aggregate(0ul, (sum, queue) => sum + queue.RxDamaged);

    /// <summary>Sums over the queues.</summary>
    public PortCounters Counters => Queues.Aggregate(default(PortCounters), (sum, queue) => sum + queue.Counters);

    /// <summary>Control side: the device changed, or someone removed it (null).</summary>
    public void Seen(LinkInfo? link) => _link = link;

    public int Receive(Span<uint> indices) => Queues[0].Receive(indices);

    public int Transmit(ReadOnlySpan<uint> indices) => Queues[0].Transmit(indices);

    public bool PrepareToSleep() => Queues[0].PrepareToSleep();

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _closing(this);
    }

    /// <summary>Control side: frees everything; called once, by way of <see cref="Dispose"/>.</summary>
    public void Free()
    {
        foreach (var queue in _queues) queue.Free();
    }
}
