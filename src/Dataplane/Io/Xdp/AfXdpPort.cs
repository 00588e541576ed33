using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io.Interop;
using Gateway.Dataplane.Io.Netlink;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Io.Xdp;

/// <summary>A network device of the host through AF_XDP: a program on it gives what arrives to a socket for each of its receive queues, which share the packet pool with the kernel.</summary>
internal sealed class AfXdpPort : HostPort, IReasonedPort
{
    /// <summary>Largest MTU: a frame with a VLAN tag fits one chunk.</summary>
    public const int LongestMtu = XdpSocket.LongestFrame - 18;

    private const int _longestRing = 2048, _shortestRing = 64;

    private readonly PacketPool _pool;
    private readonly XdpMode _mode;
    private readonly AfXdpQueue[] _queues;
    private XdpProgram _program;
    private PromiscuousMode _promiscuous;

    /// <param name="queues">How many receive queues the device has.</param>
    /// <param name="closing">The factory, which frees the port on its control thread and gives the device back.</param>
    public AfXdpPort(PacketPool pool, LinkInfo link, XdpMode mode, int queues, Action<IDevicePort> closing)
        : base(link, closing)
    {
        (_pool, _mode) = (pool, mode);
        LeavesChecksums = link.Kind == "veth";
        IReadOnlyList<XdpSocket> sockets = Attach(link.Index, queues, out _program, out _promiscuous);
        _queues = [.. sockets.Select(socket => new AfXdpQueue(this, pool, socket))];
        Queues = _queues;
    }

    public override string Kind => "af-xdp";

    public override IReadOnlyList<IPacketPort> Queues { get; }

    public override ulong RxDamaged => _queues.Aggregate(0ul, (sum, queue) => sum + queue.RxDamaged);

    /// <summary>The other end is a stack of this machine, which leaves checksums to the device.</summary>
    public bool LeavesChecksums { get; }

    public bool IsNative => _program.IsNative;

    public IEnumerable<PortReason> Reasons
    {
        get
        {
            XdpStatistics sum = _queues.Aggregate(default(XdpStatistics), (sum, queue) =>
            {
                XdpStatistics one = queue.Statistics;
                return new(sum.Dropped + one.Dropped, sum.BadSends + one.BadSends, sum.RingFull + one.RingFull, sum.FillEmpty + one.FillEmpty);
            });
            ulong zeroCopy = (ulong)_queues.Count(queue => queue.IsZeroCopy);
            IEnumerable<PortReason> all =
            [
                IsNative
                    ? new("native-queues", (ulong)_queues.Length, "Queues whose packets are taken in the driver.")
                    : new("skb-queues", (ulong)_queues.Length, "Queues whose packets are taken behind the driver, because it cannot run the program itself or shall not."),
                new("zero-copy-queues", zeroCopy, "Queues whose device reads and writes the packet pool itself."),
                new("no-chunk", sum.Dropped, "Packets that found no chunk of the pool, or were too long for one."),
                new("ring-full", sum.RingFull, "Packets that found the receive ring full: the worker was too slow."),
                new("fill-empty", sum.FillEmpty, "How often the kernel looked for a chunk in vain: the pool was empty or the worker too slow."),
                new("send-refused", sum.BadSends, "Packets that the kernel refused to send."),
            ];
            return all.Where(reason => reason.Value > 0);
        }
    }

    protected override bool NeedsRenewal(LinkInfo before, LinkInfo link) => false;

    protected override void Renew(LinkInfo link)
    {
        if (Ethtool.ReceiveQueues(link.Name) is { } queues && queues != _queues.Length) throw new IOException($"{link.Name} has {queues} receive queues now, and not {_queues.Length}.");
        IReadOnlyList<XdpSocket> sockets = Attach(link.Index, _queues.Length, out XdpProgram program, out PromiscuousMode promiscuous);
        _program.Dispose();
        _promiscuous.Dispose();
        (_program, _promiscuous) = (program, promiscuous);
        for (int i = 0; i < sockets.Count; i++) _queues[i].Renew(sockets[i]);
    }

    protected override void Tidy()
    {
        foreach (AfXdpQueue queue in _queues) queue.Tidy();
    }

    public override void Free()
    {
        _program.Dispose();
        _promiscuous.Dispose();
        foreach (AfXdpQueue queue in _queues) queue.Free();
    }

    /// <summary>Sockets first, the program last: nothing arrives before there is a place for it.</summary>
    private List<XdpSocket> Attach(int device, int queues, out XdpProgram program, out PromiscuousMode promiscuous)
    {
        // The kernel always has a fill ring's worth of chunks of each queue; all queues of a few ports together must leave the pool to the packets.
        int ring = Math.Clamp((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)(_pool.Capacity / (12 * queues))), _shortestRing, _longestRing);
        List<XdpSocket> sockets = [];
        XdpProgram made = new(queues);
        try
        {
            for (int queue = 0; queue < queues; queue++)
            {
                sockets.Add(new XdpSocket(_pool, device, queue, ring));
                made.SetSocket(queue, sockets[queue].Fd);
            }

            promiscuous = new PromiscuousMode(device);
            AttachProgram(made, device);
            program = made;
            return sockets;
        }
        catch
        {
            made.Dispose();
            foreach (XdpSocket socket in sockets) socket.Dispose();
            throw;
        }
    }

    private void AttachProgram(XdpProgram program, int device)
    {
        if (_mode != XdpMode.Skb)
        {
            try
            {
                program.Attach(device, native: true);
                return;
            }
            catch (KernelException e) when (_mode == XdpMode.Auto && !e.IsPermission && e.Errno != Errors.Busy)
            {
                // The driver cannot, or not with this MTU: behind it, every device can.
            }
        }

        program.Attach(device, native: false);
    }
}
