using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Two kernels that reach each other through the graph, over every kind of port to a device of the host, with one worker and with two.</summary>
public sealed class GraphPortsTests : IDisposable
{
    /// <summary>The kind of port, and how many workers there are, each with a queue of every port.</summary>
    public static TheoryData<string, int> Ports => new() { { "af-packet", 1 }, { "af-packet", 2 }, { "af-xdp", 1 }, { "af-xdp", 2 }, { "af-xdp-skb", 1 } };

    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly PortFactory _factory;
    private DataplaneControl _dataplane = null!;
    private string _kind = "";
    private int _workers;
    private (uint A, uint B) _ports;
    private readonly List<string> _refusals = [];

    public GraphPortsTests()
    {
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        _factory = new PortFactory(null, _box.Path);
        _factory.AttachFailed += (device, reason) => _refusals.Add($"{device}: {reason}");
    }

    public void Dispose()
    {
        _dataplane?.Dispose();
        _factory.Dispose();
        _net.Dispose();
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void Ping_and_tcp_are_routed_with_the_senders_default_offloads(string kind, int workers)
    {
        Connect(kind, workers);
        _left.Must("ping -c3 -i0.2 -W2 10.0.2.1");
        _left.Must("ping -c3 -i0.2 -W2 fd02::1");
        TcpTransfer.Run(_left, _right, "10.0.2.1");
        TcpTransfer.Run(_left, _right, "fd02::1");
        TcpTransfer.Run(_left, _right, "10.0.2.1", reverse: true);
        TcpTransfer.Run(_right, _left, "fd01::1");
    }

    [Theory]
    [InlineData("af-packet")]
    [InlineData("af-xdp")]
    [InlineData("tap")]
    public void Flows_are_spread_over_the_workers_and_each_stays_with_one(string kind)
    {
        Connect(kind, workers: 2);
        const int flows = 64, each = 20;
        _left.Must("ping -c1 -W2 10.0.2.1");
        ulong[] Received() => [.. _dataplane.Workers.Select(w => _dataplane.Interfaces().Aggregate(0ul, (sum, i) => sum + ReceivedBy(w, i.Index)))];
        ulong[] before = Received();
        using BackgroundProcess receiver = _right.Start("python3 -u -c '" + string.Join('\n',
            "import socket",
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.setsockopt(socket.SOL_SOCKET,socket.SO_RCVBUF,4<<20); s.bind((\"10.0.2.1\",5000)); s.settimeout(10); print(\"ready\")",
            "last={}; wrong=0",
            $"for i in range({flows * each}):",
            "    data,peer=s.recvfrom(100); n=int(data); wrong+=n<=last.get(peer,-1); last[peer]=n",
            "print(len(last),\"flows\",wrong,\"overtaken\")") + "'");
        Netns.Await(() => receiver.Output.Contains("ready", StringComparison.Ordinal), "the receiver listens");
        _left.Must("python3 -c '" + string.Join('\n',
            "import socket,time",
            $"senders=[socket.socket(socket.AF_INET,socket.SOCK_DGRAM) for i in range({flows})]",
            "for s in senders: s.connect((\"10.0.2.1\",5000))",
            $"for n in range({each}):",
            "    for s in senders: s.send(str(n).encode())",
            "    time.sleep(0.002)") + "'");
        Assert.Equal(0, receiver.WaitForExit(15));
        Assert.Contains($"{flows} flows 0 overtaken", receiver.Output, StringComparison.Ordinal);
        ulong[] by = [.. Received().Zip(before).Select(w => w.First - w.Second)];
        Assert.All(by, packets => Assert.True(packets > flows * each / 10, $"the workers received {string.Join(" and ", by)} packets"));
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void The_gateway_answers_for_itself_while_the_kernel_beneath_is_silent(string kind, int workers)
    {
        Connect(kind, workers);
        _left.Must("ping -c2 -i0.2 -W2 10.0.1.254");
        _left.Must("ping -c2 -i0.2 -W2 fd01::fe");
        Assert.Contains(_box.Mac("a"), _left.Must("ip neigh show 10.0.1.254"), StringComparison.Ordinal);
        Assert.Contains("Time to live exceeded", _left.Try("ping -c1 -W2 -t1 10.0.2.1").Output, StringComparison.Ordinal);
        Assert.Equal("", _box.Must("ip -4 addr show dev a").Trim());
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void A_narrower_link_is_told_of_and_tcp_fits_it(string kind, int workers)
    {
        Connect(kind, workers, rightMtu: 1300);
        Assert.Contains("mtu", _left.Try("ping -c1 -W2 -M do -s 1400 10.0.2.1").Output, StringComparison.OrdinalIgnoreCase);
        _left.Must("ping -c1 -W2 10.0.2.1"); // So that the neighbor is known: only one packet waits for it, and two fragments come.
        _left.Must("ping -c1 -W2 -M dont -s 1400 10.0.2.1");
        TcpTransfer.Run(_left, _right, "10.0.2.1");
        TcpTransfer.Run(_left, _right, "fd02::1");
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void An_idle_worker_sleeps_and_wakes_for_the_next_packet(string kind, int workers)
    {
        Connect(kind, workers);
        _left.Must("ping -c1 -W2 10.0.2.1");
        ulong[] before = [.. _dataplane.WorkerRows().Select(w => w.Sleeps)];
        Netns.Await(() => _dataplane.WorkerRows().Zip(before).All(w => w.First.Sleeps > w.Second + 1), "the workers sleep");
        _left.Must("ping -c5 -i0.3 -W2 10.0.2.1");
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void A_device_that_vanishes_is_taken_again_when_it_is_back(string kind, int workers)
    {
        Connect(kind, workers);
        _left.Must("ping -c1 -W2 10.0.2.1");
        using (BackgroundProcess flood = _left.Start("ping -f -w 2 -s 1200 10.0.2.1"))
        {
            Netns.Await(() => _dataplane.Interfaces().Any(i => i.RxPackets > 200), "traffic flows");
            _right.Must("ip link del eth0");
            Netns.Await(() => _dataplane.Interfaces().Any(i => !i.Up), "the port is down");
        }

        Assert.False(_left.Try("ping -c1 -W1 10.0.2.1").Ok);
        _net.Link(_box, "b", _right, "eth0");
        if (kind == "af-xdp")
        {
            Spread(_box, "b");
            // What the port found first was a device with another number of queues; it looks again when something happens to it.
            _box.Must("ip link set dev b down && ip link set dev b up");
        }
        if (kind == "af-xdp-skb") _right.Must("ethtool -K eth0 tso off gso off");
        _right.Address("eth0", "10.0.2.1/24");
        _right.Route("default", "10.0.2.254");
        bool isBack = false;
        for (int tries = 0; tries < 20 && !isBack; tries++) isBack = _left.Try("ping -c1 -W1 10.0.2.1").Ok;
        Assert.True(isBack, $"the port does not carry packets again; refused: {string.Join(' ', _refusals)}\n{string.Join('\n', _dataplane.Interfaces())}\n{string.Join('\n', _dataplane.Neighbors())}\n{string.Join('\n', _dataplane.Counters())}");
        TcpTransfer.Run(_left, _right, "10.0.2.1");
        _dataplane.RemoveInterface(_ports.A);
        _dataplane.RemoveInterface(_ports.B);
        Netns.Await(() => _dataplane.PoolLevel() is { } level && level.Free == level.Packets, "every chunk is back: " + _dataplane.PoolLevel());
    }

    [Theory]
    [MemberData(nameof(Ports))]
    public void Removing_an_interface_under_traffic_gives_the_device_back_and_loses_no_chunk(string kind, int workers)
    {
        (uint a, uint b) = Connect(kind, workers);
        using (BackgroundProcess flood = _left.Start("ping -f -w 3 -s 1200 10.0.2.1"))
        {
            Netns.Await(() => _dataplane.Interfaces().Any(i => i.RxPackets > 200), "traffic flows");
            _dataplane.RemoveInterface(b);
            Assert.DoesNotContain("gateway_b", _box.Must("nft list tables"), StringComparison.Ordinal);
            _dataplane.RemoveInterface(a);
        }

        Assert.DoesNotContain("gateway_a", _box.Must("nft list tables"), StringComparison.Ordinal);
        Netns.Await(() => _dataplane.PoolLevel() is { } level && level.Free == level.Packets, "every chunk is back: " + _dataplane.PoolLevel());
    }

    private (uint A, uint B) Connect(string kind, int workers, int rightMtu = 1500)
    {
        (_kind, _workers) = (kind, workers);
        _dataplane = new(new DataplaneOptions { Buffers = 16384, Workers = workers, Hugepages = false });
        _dataplane.Start();
        if (kind != "tap")
        {
            _net.Link(_left, "eth0", _box, "a");
            _net.Link(_box, "b", _right, "eth0", rightMtu);
            if (kind == "af-xdp")
                foreach ((Netns there, string device) in new[] { (_left, "eth0"), (_box, "a"), (_box, "b"), (_right, "eth0") }) Spread(there, device);
            // Behind the driver a packet that was not segmented is too long; in the driver the kernel sees to it itself.
            if (kind == "af-xdp-skb")
                foreach (Netns host in new[] { _left, _right }) host.Must("ethtool -K eth0 tso off gso off");
        }

        var ports = (Attach("a", _left, "10.0.1.254", "fd01::fe"), Attach("b", _right, "10.0.2.254", "fd02::fe"));
        _left.Address("eth0", "10.0.1.1/24");
        _left.Address("eth0", "fd01::1/64");
        _right.Address("eth0", "10.0.2.1/24");
        _right.Address("eth0", "fd02::1/64");
        _left.Route("default", "10.0.1.254");
        _left.Route("default", "fd01::fe");
        _right.Route("default", "10.0.2.254");
        _right.Route("default", "fd02::fe");
        _ports = ports;
        return ports;
    }

    /// <summary>A queue of a veth for each worker, in both directions: a flow stays in one.</summary>
    private void Spread(Netns there, string device) => there.Must($"ethtool -L {device} rx {_workers} tx {_workers} || ethtool -l {device} | grep -qE 'RX:[^0-9]*{_workers}$'");

    private static unsafe ulong ReceivedBy(Gateway.Dataplane.Graph.Worker worker, uint index) => worker.Context.Interfaces[index].RxPackets;

    private uint Attach(string device, Netns host, string ip4, string ip6)
    {
        PortSpec spec = _kind switch
        {
            "af-packet" => new PortSpec.AfPacket(device) { Queues = _workers },
            "af-xdp" => new PortSpec.AfXdp(device) { Queues = _workers, Mode = XdpMode.Native },
            "af-xdp-skb" => new PortSpec.AfXdp(device) { Mode = XdpMode.Skb },
            _ => new PortSpec.Tap("eth0") { Queues = _workers, Namespace = host.Path },
        };
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(_factory.Open(spec, _dataplane.Pool));
        uint index = _dataplane.AddInterface(new InterfaceSettings { Name = device, Type = _kind, Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        _dataplane.SetAddresses(index, [new(IPAddress.Parse(ip4), 24), new(IPAddress.Parse(ip6), 64)]);
        return index;
    }
}
