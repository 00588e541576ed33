using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io;

/// <summary>
/// A port on a network device of the host, of one or several queues: what is known of the device, and what to do when it goes and comes back. The control side tells of the device
/// (<see cref="Seen"/>); workers use the queues.
/// </summary>
internal abstract class HostPort : IDevicePort, IQueuedPort, ILinkedPort
{
    private readonly Action<IDevicePort> _closing;
    private volatile LinkInfo? _link;
    private uint _losses;
    private int _disposed;

    protected HostPort(LinkInfo link, Action<IDevicePort> closing)
    {
        _closing = closing;
        Device = link.Name;
        TakenIndex = link.Index;
        _link = link;
    }

    public abstract string Kind { get; }

    public string Device { get; }

    /// <summary>Index of the device that the newest rings stand on.</summary>
    public int TakenIndex { get; private set; }

    public LinkInfo? Link => _link;

    public bool IsUp => _link is { HasCarrier: true };

    public uint LinkLosses => Volatile.Read(ref _losses);

    public abstract IReadOnlyList<IPacketPort> Queues { get; }

    public abstract ulong RxDamaged { get; }

    public int PollFd => Queues[0].PollFd;

    /// <summary>Sums over the queues.</summary>
    public PortCounters Counters => Queues.Aggregate(default(PortCounters), (sum, queue) => sum + queue.Counters);

    public int Receive(Span<uint> indices) => Queues[0].Receive(indices);

    public int Transmit(ReadOnlySpan<uint> indices) => Queues[0].Transmit(indices);

    public bool PrepareToSleep() => Queues[0].PrepareToSleep();

    /// <summary>Control side: the device changed, vanished (null) or came back under another index; then new rings are made and handed to the workers.</summary>
    public void Seen(LinkInfo? link)
    {
        if ((IsUp && link is not { HasCarrier: true }) || (link is not null && TakenIndex != link.Index)) _losses++;
        if (link is not null && (TakenIndex != link.Index || (_link is { } before && NeedsRenewal(before, link))))
        {
            Renew(link);
            TakenIndex = link.Index;
        }

        _link = link;
        Tidy();
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _disposed, 1) == 0) _closing(this);
    }

    /// <summary>Control side: frees everything; called once, by way of <see cref="Dispose"/>.</summary>
    public abstract void Free();

    /// <summary>Whether the same device changed so that the rings no longer suit it.</summary>
    protected abstract bool NeedsRenewal(LinkInfo before, LinkInfo link);

    /// <summary>Makes new rings on a device and hands them to the queues.</summary>
    protected abstract void Renew(LinkInfo link);

    /// <summary>Frees rings that the workers have done with.</summary>
    protected abstract void Tidy();
}
