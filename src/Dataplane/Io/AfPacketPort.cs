using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Netlink;

namespace Gateway.Dataplane.Io;

/// <summary>
/// A network device of the host through AF_PACKET rings. With several queues the sockets form a fanout group: the kernel gives each flow (by addresses and ports, both directions alike; fragments by
/// addresses) to one of them.
/// </summary>
internal sealed class AfPacketPort : HostPort
{
    private readonly AfPacketQueue[] _queues;

    /// <param name="closing">The factory, which frees the port on its control thread and gives the device back.</param>
    public AfPacketPort(PacketPool pool, LinkInfo link, int queues, Action<IDevicePort> closing)
        : base(link, closing)
    {
        _queues = [.. PacketSocket.Group(link.Index, link.Mtu, queues).Select(socket => new AfPacketQueue(this, pool, socket))];
        Queues = _queues;
    }

    public override string Kind => "af-packet";

    public override IReadOnlyList<IPacketPort> Queues { get; }

    public override ulong RxDamaged => _queues.Aggregate(0ul, (sum, queue) => sum + queue.RxDamaged);

    protected override bool NeedsRenewal(LinkInfo before, LinkInfo link) => link.Mtu > before.Mtu && link.Mtu > 1900;

    protected override void Renew(LinkInfo link)
    {
        var sockets = PacketSocket.Group(link.Index, link.Mtu, _queues.Length);
        for (var i = 0; i < sockets.Count; i++) _queues[i].Renew(sockets[i]);
    }

    protected override void Tidy()
    {
        foreach (var queue in _queues) queue.Tidy();
    }

    public override void Free()
    {
        foreach (var queue in _queues) queue.Free();
    }
}
