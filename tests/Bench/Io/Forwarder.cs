using System.Globalization;
using System.Net;
using System.Net.NetworkInformation;
using Gateway.Bench.Harness;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using InterfaceAddress = Gateway.Dataplane.Apply.InterfaceAddress;
using XdpMode = Gateway.Policy.Items.XdpMode;

namespace Gateway.Bench.Io;

/// <summary>
/// Two hosts and something between them that forwards: the kernel's bridge, or a gateway with one worker on ports of some kind.
/// <code>
/// left eth0 ── a [box] b ── eth0 right
/// </code>
/// </summary>
internal sealed class Forwarder : IDisposable
{
    internal const string KernelBridge = "kernel-bridge", AfPacket = "af-packet", AfXdp = "af-xdp";

    private static readonly byte[] _nobody = [2, 0, 0, 0, 0, 0x99];

    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly DataplaneControl? _control;
    private readonly PortFactory? _ports;
    private readonly PacketPool _pool = new(2048, hugepages: false);
    private readonly uint[] _batch = new uint[256];
    private PortFactory? _senders;
    private IDevicePort? _sender;
    private byte[] _gatewayMac = _nobody;

    /// <param name="pinned">The gateway's worker keeps to the first processor.</param>
    internal Forwarder(string kind, bool pinned)
    {
        Kind = kind;
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        try
        {
            _net.Link(_left, "eth0", _box, "a");
            _net.Link(_box, "b", _right, "eth0");
            foreach (var ns in new[] { _left, _box, _right }) ns.Must("sysctl -qw net.ipv6.conf.all.disable_ipv6=1");
            _left.Address("eth0", "10.0.1.1/16");
            _right.Address("eth0", "10.0.2.1/16");
            if (kind == KernelBridge)
            {
                _box.Must("ip link add name br0 type bridge mcast_snooping 0 && ip link set dev a master br0 && ip link set dev b master br0 && ip link set dev br0 up");
                _box.Must($"bridge fdb replace {Text(_nobody)} dev b master static");
                return;
            }

            _left.Must("ip addr flush dev eth0");
            _right.Must("ip addr flush dev eth0");
            _left.Address("eth0", "10.0.1.1/24");
            _right.Address("eth0", "10.0.2.1/24");
            _left.Route("default", "10.0.1.254");
            _right.Route("default", "10.0.2.254");
            _control = new DataplaneControl(new DataplaneOptions { Buffers = 16384, Cores = pinned ? [0] : [] });
            _ports = new PortFactory(null, _box.Path);
            (_, _gatewayMac) = Attach("a", "10.0.1.254");
            var (beyond, _) = Attach("b", "10.0.2.254");
            _control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.9.0.0/16"), Via = IPAddress.Parse("10.0.2.99") });
            _control.AddNeighbor(beyond, IPAddress.Parse("10.0.2.99"), new PhysicalAddress(_nobody));
            _control.Start();
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    internal string Kind { get; }

    /// <summary>Packets per second that arrive when one processor sends as fast as it can.</summary>
    internal unsafe double Measure(int size, TimeSpan time)
    {
        _senders ??= new PortFactory(null, _left.Path);
        _sender ??= _senders.Open(new PortSpec.AfPacket("eth0") { TakeOver = true }, _pool) is PortOpening.Opened opened ? opened.Port : throw new NotHereException("the sender's port does not open.");
        var frame = UdpFrame.Make(_gatewayMac, [2, 0, 0, 0, 0, 1], "10.0.1.1", "10.9.0.1", size);
        var before = Arrived();
        var clock = System.Diagnostics.Stopwatch.StartNew();
        while (clock.Elapsed < time)
        {
            var count = _pool.Allocate(_batch);
            for (var i = 0; i < count; i++)
            {
                var meta = _pool.Meta(_batch[i]);
                frame.CopyTo(new Span<byte>(_pool.Data(_batch[i]), frame.Length));
                (meta->Length, meta->TotalLength) = ((ushort)frame.Length, (uint)frame.Length);
            }

            var sent = _sender.Transmit(_batch.AsSpan(0, count));
            _pool.Free(_batch.AsSpan(sent, count - sent));
            _pool.Free(_batch.AsSpan(0, _sender.Receive(_batch)));
        }

        var seconds = clock.Elapsed.TotalSeconds;
        Thread.Sleep(20);
        return (Arrived() - before) / seconds;
    }

    /// <summary>Median round trip of a ping, in microseconds, through a forwarder that has nothing else to do.</summary>
    internal double Ping(int count)
    {
        var output = _left.Must(string.Create(CultureInfo.InvariantCulture, $"ping -i 0.01 -c {count} 10.0.2.1"), 60);
        double[] times = [.. output.Split('\n').Where(l => l.Contains("time=", StringComparison.Ordinal)).Select(l => double.Parse(l.Split("time=")[1].Split(' ')[0], CultureInfo.InvariantCulture) * 1000)];
        if (times.Length < count * 9 / 10) throw new InvalidOperationException($"{Kind}: only {times.Length} of {count} pings came back.");
        Array.Sort(times);
        return times[times.Length / 2];
    }

    public void Dispose()
    {
        _sender?.Dispose();
        _senders?.Dispose();
        _control?.Dispose();
        _ports?.Dispose();
        _net.Dispose();
        _pool.Dispose();
    }

    /// <summary>Packets that the right host's device has received.</summary>
    private long Arrived()
    {
        var line = _right.Must("cat /proc/net/dev").Split('\n').Single(l => l.TrimStart().StartsWith("eth0:", StringComparison.Ordinal));
        return long.Parse(line.Split(':')[1].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture);
    }

    private (uint Index, byte[] Mac) Attach(string device, string address)
    {
        PortSpec spec = Kind == AfXdp ? new PortSpec.AfXdp(device) { Mode = XdpMode.Native } : new PortSpec.AfPacket(device);
        var opening = _ports!.Open(spec, _control!.Pool);
        if (opening is not PortOpening.Opened opened) throw new NotHereException($"a port of {Kind} does not open: {opening}");
        var index = _control.AddInterface(new InterfaceSettings { Name = device, Type = Kind, Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        _control.SetAddresses(index, [new InterfaceAddress(IPAddress.Parse(address), 24)]);
        return (index, opened.Mac.GetAddressBytes());
    }

    private static string Text(byte[] mac) => string.Join(':', mac.Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
