using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>TAP ports against the kernel behind them.</summary>
public sealed class TapTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _box;
    private readonly Netns _left;
    private readonly Netns _right;
    private readonly PacketPool _pool = new(8192, hugepages: false);
    private readonly int _level;
    private readonly PortFactory _factory;

    public TapTests()
    {
        (_left, _box, _right) = (_net.Add("left"), _net.Add("box"), _net.Add("right"));
        if (!File.Exists("/dev/net/tun")) Assert.Skip("There is no /dev/net/tun.");
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
    public void Two_taps_in_two_namespaces_reach_each_other_with_segmentation_offload()
    {
        using PortPump pump = new(_pool, Open("t0", _left.Path), Open("t1", _right.Path));
        _left.Address("t0", "10.0.0.1/24");
        _right.Address("t1", "10.0.0.2/24");
        Assert.Contains("mtu 1500", _left.Must("ip link show t0"), StringComparison.Ordinal);
        _left.Must("ping -c3 -i0.2 -W2 10.0.0.2");
        using BackgroundProcess server = _right.Start("iperf3 -s -1 --forceflush");
        Netns.Await(() => server.Output.Contains("listening", StringComparison.Ordinal), "iperf3 listens");
        _left.Must("iperf3 -c 10.0.0.2 -n 50M", 40);
        Assert.Equal(1514u, pump.Longest);
    }

    [Fact]
    public void A_tap_has_the_mac_and_mtu_it_was_asked_for_and_is_gone_after_closing()
    {
        PortOpening opening = _factory.Open(new PortSpec.Tap("t0") { DeviceMac = new([2, 0, 0, 0, 0, 7]), Mtu = 1400 }, _pool);
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(opening);
        Assert.Equal(1400, opened.Mtu);
        Assert.NotEqual("02:00:00:00:00:07", string.Join(':', opened.Mac.GetAddressBytes().Select(b => b.ToString("x2"))));
        string shown = _box.Must("ip link show t0");
        Assert.Contains("02:00:00:00:00:07", shown, StringComparison.Ordinal);
        Assert.Contains("mtu 1400", shown, StringComparison.Ordinal);
        Assert.Contains("exists already", Assert.IsType<PortOpening.Refused>(_factory.Open(new PortSpec.Tap("t0"), _pool)).Reason, StringComparison.Ordinal);
        opened.Port.Dispose();
        Assert.False(_box.Try("ip link show t0").Ok);
    }

    [Fact]
    public void A_name_that_is_too_long_and_a_namespace_that_is_not_there_are_refused()
    {
        Assert.IsType<PortOpening.Refused>(_factory.Open(new PortSpec.Tap("a-name-of-17-chars"), _pool));
        Assert.IsType<PortOpening.Refused>(_factory.Open(new PortSpec.Tap("t0") { Namespace = "/run/netns/gw-not-there" }, _pool));
        Assert.False(_box.Try("ip link show t0").Ok);
    }

    private IDevicePort Open(string device, string place) =>
        Assert.IsType<PortOpening.Opened>(_factory.Open(new PortSpec.Tap(device) { Namespace = place }, _pool), exactMatch: true).Port;
}
