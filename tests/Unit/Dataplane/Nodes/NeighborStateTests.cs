using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Graph;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>The life of neighbors (RFC 4861 §7.3), and their number. A second of the clock is a tick; how long ago a neighbor spoke or was used is written into its adjacency.</summary>
public sealed class NeighborStateTests
{
    private const string Address = "10.1.0.77";
    private static readonly byte[] _host = Build.Mac("02:00:00:00:01:77"), _none = new byte[6];

    private static void Settings(TestGateway gateway, NeighborTimes times) =>
        gateway.Control.SetInterface(gateway.Lan, new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(TestGateway.LanMac), Neighbors = times });

    private static void Speak(TestGateway gateway, string address = Address) =>
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _host, 0x0806, Build.Arp(1, _host, address, _none, "10.1.0.1")));

    private static void Use(TestGateway gateway, string address = Address) => gateway.FromWan(Build.Ip4("203.0.113.9", address, 17, Build.Udp("203.0.113.9", address, 1, 2, [])));

    private static NeighborPhase? Phase(TestGateway gateway, string address = Address) => gateway.Control.Neighbors().SingleOrDefault(n => n.Address.Equals(IPAddress.Parse(address)))?.Phase;

    /// <summary>As if it had spoken and been used so long ago.</summary>
    private static unsafe void Age(TestGateway gateway, uint spoken, uint used)
    {
        var now = (uint)(WorkerContext.Clock() / 1_000_000_000);
        Assert.True(gateway.Control.Tables.Neighbors.TryGet(0, 0x0A01_004D, Gateway.Dataplane.Tables.DataplaneTables.NeighborTag(gateway.Lan, false), out var index));
        gateway.Control.Tables.Adjacencies[index]->LastConfirmed = now - spoken;
        gateway.Control.Tables.Adjacencies[index]->LastUsed = now - used;
    }

    private static List<Seen> Tick(TestGateway gateway)
    {
        gateway.Control.Tick();
        gateway.Step();
        return gateway.OnLan();
    }

    [Fact]
    public void A_neighbor_goes_from_incomplete_to_reachable_stale_delay_probe_and_back()
    {
        using var gateway = new TestGateway();
        Settings(gateway, new NeighborTimes { Reachable = 1000, Delay = 2, Retrans = 2, Probes = 2, Forget = 5000 });
        gateway.OnLan();
        Use(gateway);
        Assert.Equal(NeighborPhase.Incomplete, Phase(gateway));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _host, 0x0806, Build.Arp(2, _host, Address, TestGateway.LanMac, "10.1.0.1")));
        gateway.OnLan();
        Assert.Equal(NeighborPhase.Reachable, Phase(gateway));
        Assert.Equal(NeighborPhase.Permanent, Phase(gateway, "10.1.0.2"));

        Age(gateway, spoken: 1010, used: 1200);
        Assert.Empty(Tick(gateway));
        Assert.Equal(NeighborPhase.Stale, Phase(gateway));
        Use(gateway);
        gateway.OnLan();
        Assert.Empty(Tick(gateway));
        Assert.Equal(NeighborPhase.Delay, Phase(gateway));
        Assert.Empty(Tick(gateway));
        // Two questions, two seconds apart, to the host itself.
        var first = Assert.Single(Tick(gateway));
        Assert.Equal((Build.Text(_host), NeighborPhase.Probe), (first.To, Phase(gateway)));
        Assert.Empty(Tick(gateway));
        Assert.Single(Tick(gateway));
        Speak(gateway);
        gateway.OnLan();
        Assert.Equal(NeighborPhase.Reachable, Phase(gateway));
        Assert.Empty(Tick(gateway));
    }

    [Fact]
    public void One_that_stays_silent_is_forgotten_and_a_routes_next_hop_is_kept_as_failed()
    {
        using var gateway = new TestGateway();
        Settings(gateway, new NeighborTimes { Reachable = 1000, Delay = 0, Probes = 1 });
        Speak(gateway);
        for (var round = 0; round < 2; round++)
        {
            Age(gateway, spoken: 1010, used: 1);
            gateway.OnLan();
            for (var n = 0; n < 3; n++) Tick(gateway);
            Assert.Equal(round == 0 ? null : NeighborPhase.Failed, Phase(gateway));
            gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.77.0.0/16"), Via = IPAddress.Parse(Address) });
            Speak(gateway);
            Assert.Equal(NeighborPhase.Reachable, Phase(gateway));
        }

        Assert.Equal(2, gateway.Notices.OfType<DataplaneNotice.NeighborUnreachable>().Count());
    }

    [Fact]
    public void One_that_nobody_uses_is_forgotten_in_its_time()
    {
        using var gateway = new TestGateway();
        Settings(gateway, new NeighborTimes { Reachable = 10, Forget = 100 });
        Speak(gateway);
        Age(gateway, spoken: 90, used: 90);
        Tick(gateway);
        Assert.Equal(NeighborPhase.Stale, Phase(gateway));
        Age(gateway, spoken: 110, used: 110);
        Tick(gateway);
        Assert.Null(Phase(gateway));
    }

    [Fact]
    public void A_flood_pushes_out_its_like_and_not_those_that_carry_traffic()
    {
        using var gateway = new TestGateway();
        Settings(gateway, new NeighborTimes { Limit = 32 });
        Speak(gateway);
        Speak(gateway, "10.1.0.78");
        for (var n = 100; n < 220; n++)
        {
            Use(gateway);
            Speak(gateway, $"10.1.0.{n}");
        }

        var rows = gateway.Control.Neighbors().Where(n => n.Interface == "lan").ToList();
        Assert.Equal(32, rows.Count);
        Assert.Equal(NeighborPhase.Reachable, Phase(gateway));
        Assert.Null(Phase(gateway, "10.1.0.78"));
        Assert.Null(Phase(gateway, "10.1.0.100"));
        Assert.Equal(NeighborPhase.Reachable, Phase(gateway, "10.1.0.219"));
        Assert.Equal(NeighborPhase.Permanent, Phase(gateway, "10.1.0.2"));
        Assert.Equal(NeighborPhase.Permanent, Phase(gateway, "2001:db8:1::2"));
        Assert.Equal(92ul, gateway.Count("neighbors/gave-way"));
        Assert.Equal(0ul, gateway.Count("neighbors/refused"));
    }

    [Fact]
    public void When_all_are_in_use_the_newcomer_is_refused()
    {
        using var gateway = new TestGateway();
        Settings(gateway, new NeighborTimes { Limit = 16 });
        for (var n = 0; n < 20; n++)
            gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse($"10.{n + 50}.0.0/16"), Via = IPAddress.Parse($"10.1.0.{n + 100}") });
        Speak(gateway);
        Assert.Null(Phase(gateway));
        Assert.Equal(16, gateway.Control.Neighbors().Count(n => n.Interface == "lan"));
        Assert.True(gateway.Count("neighbors/refused") > 0);
    }

    [Fact]
    public void Addresses_are_announced_when_a_link_comes_up_and_when_the_mac_changes()
    {
        using var gateway = new TestGateway();
        Tick(gateway);
        gateway.LanPort.IsUp = false;
        Assert.Empty(Tick(gateway));
        gateway.LanPort.IsUp = true;
        var told = Tick(gateway);
        Assert.Contains(told, f => f.Ip.AsSpan().SequenceEqual(Build.Arp(1, TestGateway.LanMac, "10.1.0.1", _none, "10.1.0.1")));
        Assert.Contains(told, f => f.To == "333300000001");
        Assert.Empty(Tick(gateway));
        var mac = Build.Mac("02:00:00:00:01:99");
        gateway.Control.SetInterface(gateway.Lan, new InterfaceSettings { Name = "lan", Type = "in-memory", Mac = new PhysicalAddress(mac) });
        gateway.Step();
        Assert.Contains(gateway.OnLan(), f => f.Ip.AsSpan().SequenceEqual(Build.Arp(1, mac, "10.1.0.1", _none, "10.1.0.1")));
    }
}
