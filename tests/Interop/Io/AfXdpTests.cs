using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>What is af-xdp's own: the program on the device, its modes, its queues, and where the chunks are. What it has in common with other ports is in <see cref="GraphPortsTests"/>.</summary>
public sealed class AfXdpTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _left;
    private readonly Netns _box;
    private readonly Netns _right;
    private readonly PacketPool _pool = new(8192, hugepages: false);
    private readonly int _level;
    private readonly PortFactory _factory;

    public AfXdpTests()
    {
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        _net.Link(_left, "eth0", _box, "a");
        _net.Link(_box, "b", _right, "eth0");
        _left.Address("eth0", "10.0.0.1/24");
        _left.Address("eth0", "fd00::1/64");
        _right.Address("eth0", "10.0.0.2/24");
        _right.Address("eth0", "fd00::2/64");
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

    [Theory]
    [InlineData(XdpMode.Auto, "native-queues", "xdp ")]
    [InlineData(XdpMode.Native, "native-queues", "xdp ")]
    [InlineData(XdpMode.Skb, "skb-queues", "xdpgeneric ")]
    public void Its_mode_is_the_one_that_was_asked_for(XdpMode mode, string reason, string shown)
    {
        IDevicePort a = Open("a", mode);
        Assert.Equal(1ul, Assert.IsType<IReasonedPort>(a, exactMatch: false).Reasons.Single(r => r.Name == reason).Value);
        Assert.Contains(shown, _box.Must("ip link show a"), StringComparison.Ordinal);
        Assert.Contains("promiscuity 1", _box.Must("ip -d link show a"), StringComparison.Ordinal);
        a.Dispose();
        Assert.DoesNotContain("xdp", _box.Must("ip link show a"), StringComparison.Ordinal);
        Assert.Contains("promiscuity 0", _box.Must("ip -d link show a"), StringComparison.Ordinal);
    }

    [Fact]
    public void Checksums_that_the_senders_leave_open_are_completed_and_nothing_is_allocated()
    {
        PortPump pump = new(_pool, Open("a"), Open("b"));
        using PortPump _ = pump;
        Assert.Contains("tx-checksumming: on", _left.Must("ethtool -k eth0"), StringComparison.Ordinal);
        _left.Must("ping -c3 -i0.2 -W2 10.0.0.2");
        TcpTransfer.Run(_left, _right, "10.0.0.2");
        TcpTransfer.Run(_left, _right, "fd00::2");
        TcpTransfer.Run(_left, _right, "10.0.0.2", reverse: true);
        pump.Dispose();
        Assert.Equal(0, pump.Allocated);
    }

    [Fact]
    public void Without_native_mode_packets_pass_too_and_what_the_kernel_had_comes_back()
    {
        using (PortPump pump = new(_pool, Open("a", XdpMode.Skb), Open("b", XdpMode.Skb)))
        {
            string said = _left.Must("ping -A -c 500 -W 5 -s 1400 10.0.0.2");
            Assert.Contains(" 0% packet loss", said, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_killed_process_leaves_no_program_on_the_device()
    {
        string state = Directory.CreateTempSubdirectory("gateway-xdp-").FullName;
        try
        {
            using BackgroundProcess victim = _box.Start(Environment.ProcessPath!, new Dictionary<string, string> { [Victim.Variable] = $"{state}/takeover.json xdp:a" });
            Netns.Await(() => victim.Output.Contains("holding", StringComparison.Ordinal), "the victim holds the device: " + victim.Output);
            Assert.Contains("xdp", _box.Must("ip link show a"), StringComparison.Ordinal);
            victim.Kill();
            Netns.Await(() => !_box.Must("ip link show a").Contains("xdp", StringComparison.Ordinal), "the program is gone");

            // The device is still silenced, and the next process takes it as it finds it.
            Assert.Contains("gateway_a", _box.Must("nft list tables"), StringComparison.Ordinal);
            using PortFactory next = new($"{state}/takeover.json", _box.Path);
            IDevicePort again = Assert.IsType<PortOpening.Opened>(next.Open(new PortSpec.AfXdp("a"), _pool)).Port;
            again.Dispose();
            Assert.DoesNotContain("gateway_a", _box.Must("nft list tables"), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(state, recursive: true);
        }
    }

    [Fact]
    public void What_cannot_be_opened_says_why_and_leaves_the_device_as_it_was()
    {
        Assert.Equal(new PortOpening.DeviceMissing("nowhere"), _factory.Open(new PortSpec.AfXdp("nowhere"), _pool));
        Assert.Contains("loopback", Refusal(new PortSpec.AfXdp("lo")), StringComparison.Ordinal);
        Assert.Contains("1 receive queues and not 2", Refusal(new PortSpec.AfXdp("a") { Queues = 2 }), StringComparison.Ordinal);

        IDevicePort a = Open("a");
        Assert.Contains("open already", Refusal(new PortSpec.AfPacket("a")), StringComparison.Ordinal);
        using (PortFactory other = new(null, _box.Path))
            Assert.Contains("Another program", Assert.IsType<PortOpening.Refused>(other.Open(new PortSpec.AfXdp("a"), _pool)).Reason, StringComparison.Ordinal);
        a.Dispose();

        _right.Must("ip link set eth0 mtu 9000");
        _box.Must("ip link set dev b mtu 9000");
        Assert.Contains("at most 3822", Refusal(new PortSpec.AfXdp("b")), StringComparison.Ordinal);

        // The veth driver takes no program while its peer may send more than a page holds; behind the driver it works.
        _box.Must("ip link set dev b mtu 3800");
        Assert.Contains("XDP program", Refusal(new PortSpec.AfXdp("b") { Mode = XdpMode.Native }), StringComparison.Ordinal);
        Assert.DoesNotContain("gateway_b", _box.Must("nft list tables"), StringComparison.Ordinal);
        Assert.Equal(1ul, Assert.IsType<IReasonedPort>(Open("b"), exactMatch: false).Reasons.Single(r => r.Name == "skb-queues").Value);
    }

    [Fact]
    public void A_pool_that_runs_dry_is_counted_and_recovers()
    {
        IDevicePort a = Open("a");
        List<uint> taken = [];
        uint[] batch = new uint[256];
        for (int got = _pool.Allocate(batch); got > 0; got = _pool.Allocate(batch)) taken.AddRange(batch.Take(got));
        _left.Must("ip neigh replace 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud permanent");
        _left.Try("ping -f -w 2 -s 100 10.0.0.2");

        // With no chunk to give it the kernel fills those that it has and loses the rest.
        int seen = 0;
        for (int got = a.Receive(batch); got > 0; got = a.Receive(batch))
        {
            seen += got;
            taken.AddRange(batch.Take(got));
        }

        Assert.True(seen > 0, "the chunks that the kernel had were filled");
        Netns.Await(
            () =>
            {
                _left.Try("ping -f -c 2000 -w 1 -s 100 10.0.0.2");
                for (int got = a.Receive(batch); got > 0; got = a.Receive(batch)) taken.AddRange(batch.Take(got));
                a.PrepareToSleep();
                return a.Counters.RxDropped > 0;
            },
            "lost packets are counted");
        _pool.Free(taken.ToArray());
        taken.Clear();
        Netns.Await(
            () =>
            {
                _left.Try("ping -c1 -W1 10.0.0.2");
                int got = a.Receive(batch);
                _pool.Free(batch.AsSpan(0, got));
                return got > 0;
            },
            "packets arrive again");
    }

    private IDevicePort Open(string device, XdpMode mode = XdpMode.Auto) =>
        Assert.IsType<PortOpening.Opened>(_factory.Open(new PortSpec.AfXdp(device) { Mode = mode }, _pool), exactMatch: true).Port;

    private string Refusal(PortSpec spec) => Assert.IsType<PortOpening.Refused>(_factory.Open(spec, _pool)).Reason;
}
