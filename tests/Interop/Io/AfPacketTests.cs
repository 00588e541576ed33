using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Real kernels on both sides of two af-packet ports.</summary>
public sealed class AfPacketTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly PacketPool _pool = new(8192, hugepages: false);
    private readonly int _level;
    private readonly PortFactory _factory;

    public AfPacketTests()
    {
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        _level = _pool.Available;
        _factory = new PortFactory(null, _box.Path);
    }

    public void Dispose()
    {
        _factory.Dispose();
        _net.Dispose();
        Assert.Equal(_level, _pool.Available);
        _pool.Dispose();
    }

    [Fact]
    public void Ping_and_tcp_pass_with_the_senders_default_offloads()
    {
        Connect(1500);
        PortPump pump = new(_pool, Open("a"), Open("b"));
        using PortPump _ = pump;
        _left.Must("ping -c3 -i0.2 -W2 10.0.0.2");
        _left.Must("ping -c3 -i0.2 -W2 fd00::2");
        Assert.Contains("tcp-segmentation-offload: on", _left.Must("ethtool -k eth0"), StringComparison.Ordinal);
        TcpTransfer.Run(_left, _right, "10.0.0.2");
        TcpTransfer.Run(_left, _right, "fd00::2");
        TcpTransfer.Run(_left, _right, "10.0.0.2", reverse: true);

        // A 64 KB super-packet left the sender as one; what crossed is no longer than the wire takes.
        Assert.InRange(pump.Longest, 1000u, 1514u);

        // And nothing of it touched the managed heap, but for what the runtime makes once for the thread.
        pump.Dispose();
        Assert.InRange(pump.Moved, 5000, long.MaxValue);
        Assert.InRange(pump.Allocated, 0, 1000);
    }

    [Fact]
    public void Udp_bursts_with_segmentation_offload_arrive_whole()
    {
        Connect(1500);
        using PortPump pump = new(_pool, Open("a"), Open("b"));
        _left.Must("ping -c1 -W2 10.0.0.2");
        using BackgroundProcess receiver = _right.Start("python3 -u -c '" + string.Join('\n',
            "import socket,zlib",
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,4<<20); s.bind((\"10.0.0.2\",5000)); s.settimeout(10); print(\"ready\")",
            "got=[s.recv(65535) for i in range(40)]",
            "print(sorted(set(map(len,got))),zlib.crc32(b\"\".join(sorted(got))))") + "'");
        Netns.Await(() => receiver.Output.Contains("ready", StringComparison.Ordinal), "the receiver listens");
        string sent = _left.Must("python3 -c '" + string.Join('\n',
            "import socket,zlib,os",
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.connect((\"10.0.0.2\",5000)); s.setsockopt(17,103,1000)",
            "parts=[os.urandom(1000) for i in range(40)]",
            "s.send(b\"\".join(parts))",
            "print(zlib.crc32(b\"\".join(sorted(parts))))") + "'").Trim();
        Assert.Equal(0, receiver.WaitForExit(15));
        Assert.Contains($"[1000] {sent}", receiver.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Jumbo_frames_pass_as_chains()
    {
        Connect(9000);
        using PortPump pump = new(_pool, Open("a"), Open("b"));
        _left.Must("ping -c2 -i0.2 -W2 -M do -s 8972 10.0.0.2");
        TcpTransfer.Run(_left, _right, "10.0.0.2");
        Assert.InRange(pump.Longest, 9000u, 9014u);
    }

    [Fact]
    public void Vlan_tags_that_the_kernel_strips_come_back()
    {
        Connect(1500);
        IDevicePort a = Open("a");
        string frame = "ffffffffffff" + "020000000001" + "8100" + "602a" + "88b5" + new string('5', 92);
        _left.Must($"python3 -c '\nimport socket\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW); s.bind((\"eth0\",0)); s.send(bytes.fromhex(\"{frame}\"))'");
        List<string> seen = [];
        Netns.Await(
            () =>
            {
                uint[] batch = new uint[256];
                int count = a.Receive(batch);
                seen.AddRange(batch.Take(count).Select(i => Convert.ToHexStringLower(PacketCopy.ToArray(_pool, i))));
                _pool.Free(batch.AsSpan(0, count));
                return seen.Contains(frame);
            },
            "the frame arrives with its tag");
    }

    [Fact]
    public void A_taken_port_is_silent()
    {
        Connect(1500);
        _box.Must("ip addr add 10.0.0.9/24 dev a");
        _left.Must("ping -c1 -W2 10.0.0.9");
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(_factory.Open(new PortSpec.AfPacket("a") { TakeOver = true }, _pool));

        // Even with the address still known to the sender's neighbor table, and put back on another device of the box, nothing answers: no echo, no RST, no ARP.
        _box.Must("ip addr add 10.0.0.9/32 dev lo");
        _left.Must($"ip neigh replace 10.0.0.9 lladdr {_box.Mac("a")} dev eth0 nud permanent");
        Assert.False(_left.Try("ping -c2 -i0.2 -W1 10.0.0.9").Ok);
        Assert.Contains("timed out", _left.Must("python3 -c '\nimport socket\ns=socket.socket(); s.settimeout(1)\ntry: s.connect((\"10.0.0.9\",22))\nexcept Exception as e: print(e)'"), StringComparison.Ordinal);
        _left.Must("ip neigh del 10.0.0.9 dev eth0");
        Assert.False(_left.Try("ping -c2 -i0.2 -W1 10.0.0.9").Ok);
        Assert.Equal("1", _box.Must("cat /proc/sys/net/ipv6/conf/a/disable_ipv6").Trim());

        // And the port saw it all.
        uint[] batch = new uint[256];
        int seen = opened.Port.Receive(batch);
        Assert.True(seen >= 4, $"{seen} frames");
        _pool.Free(batch.AsSpan(0, seen));
        opened.Port.Dispose();
        _box.Must("ip addr del 10.0.0.9/32 dev lo");
        _left.Must("ping -c1 -W2 10.0.0.9");
    }

    [Fact]
    public void A_port_follows_its_device_down_and_up_and_away_and_back()
    {
        Connect(1500);
        IDevicePort a = Open("a"), b = Open("b");
        using PortPump pump = new(_pool, a, b);
        _left.Must("ping -c1 -W2 10.0.0.2");

        _right.Must("ip link set eth0 down");
        Netns.Await(() => !b.IsUp, "the port sees its carrier go");
        Assert.False(_left.Try("ping -c1 -W1 10.0.0.2").Ok);
        _right.Must("ip link set eth0 up");
        Netns.Await(() => b.IsUp, "the port sees its carrier come");
        _left.Must("ping -c2 -i0.2 -W2 10.0.0.2");
        TcpTransfer.Run(_left, _right, "10.0.0.2", reverse: true);

        _right.Must("ip link del eth0");
        Netns.Await(() => b.Link is null, "the port sees its device vanish");
        Assert.False(_left.Try("ping -c1 -W1 10.0.0.2").Ok);
        _net.Link(_box, "b", _right, "eth0");
        _right.Address("eth0", "10.0.0.2/24");
        Netns.Await(() => b.IsUp, "the port comes back with its device");
        _left.Must("ip neigh flush dev eth0");
        _left.Must("ping -c3 -i0.2 -W2 10.0.0.2");
        TcpTransfer.Run(_left, _right, "10.0.0.2");
        Assert.Equal("1", _box.Must("cat /proc/sys/net/ipv6/conf/b/disable_ipv6").Trim());
        Assert.Contains("gateway_b", _box.Must("nft list tables"), StringComparison.Ordinal);
    }

    [Fact]
    public void What_cannot_be_opened_says_why()
    {
        Connect(1500);
        Assert.Equal(new PortOpening.DeviceMissing("nowhere"), _factory.Open(new PortSpec.AfPacket("nowhere"), _pool));
        Assert.Contains("loopback", Refusal(new PortSpec.AfPacket("lo")), StringComparison.Ordinal);
        Assert.Contains("MTU of 1500", Refusal(new PortSpec.AfPacket("a") { Mtu = 9000 }), StringComparison.Ordinal);

        _box.Must("ip addr add 192.0.2.7/24 dev a");
        _box.Must("ip route add default via 192.0.2.254 dev a");
        string reason = Refusal(new PortSpec.AfPacket("a"));
        Assert.Contains("192.0.2.7/24", reason, StringComparison.Ordinal);
        Assert.Contains("default route via 192.0.2.254", reason, StringComparison.Ordinal);
        Assert.Contains("take_over", reason, StringComparison.Ordinal);
        Assert.Contains("192.0.2.7/24", _box.Must("ip addr show dev a"), StringComparison.Ordinal);

        IDevicePort b = Open("b");
        Assert.Contains("open already", Refusal(new PortSpec.AfPacket("b")), StringComparison.Ordinal);
        b.Dispose();

        if (_box.Try("ip link add link b name upper type macvlan").Ok)
        {
            Assert.Contains("device upper", Refusal(new PortSpec.AfPacket("b")), StringComparison.Ordinal);
            _box.Must("ip link del upper");
        }

        if (_box.Try("ip link add br0 type bridge").Ok)
        {
            _box.Must("ip link set dev b master br0");
            Assert.Contains("bridge", Refusal(new PortSpec.AfPacket("b")), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_device_that_appears_is_told_of()
    {
        using ManualResetEventSlim told = new();
        _factory.LinkChanged += change => { if (change is { Device: "late", Link: not null }) told.Set(); };
        Assert.Equal(new PortOpening.DeviceMissing("late"), _factory.Open(new PortSpec.AfPacket("late"), _pool));
        _net.Link(_box, "late", _right, "eth9");
        Assert.True(told.Wait(TimeSpan.FromSeconds(10)));
        Open("late").Dispose();
    }

    private void Connect(int mtu)
    {
        _net.Link(_left, "eth0", _box, "a", mtu);
        _net.Link(_box, "b", _right, "eth0", mtu);
        _left.Address("eth0", "10.0.0.1/24");
        _left.Address("eth0", "fd00::1/64");
        _right.Address("eth0", "10.0.0.2/24");
        _right.Address("eth0", "fd00::2/64");
    }

    private IDevicePort Open(string device)
    {
        PortOpening opening = _factory.Open(new PortSpec.AfPacket(device), _pool);
        return Assert.IsType<PortOpening.Opened>(opening, exactMatch: true).Port;
    }

    private string Refusal(PortSpec spec) => Assert.IsType<PortOpening.Refused>(_factory.Open(spec, _pool)).Reason;
}
