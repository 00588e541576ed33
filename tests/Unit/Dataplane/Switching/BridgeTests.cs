using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Switching;

public sealed class BridgeTests
{
    private static readonly byte[] _a = SwitchLab.Mac(1), _b = SwitchLab.Mac(2), _c = SwitchLab.Mac(3);

    private static BridgeSettings Settings(params string[] members) => new() { Name = "br", Members = [.. members.Select(m => new BridgeMemberSettings(m))] };

    private static SwitchLab ThreePorts(int workers = 1)
    {
        var lab = new SwitchLab(workers);
        for (byte i = 1; i <= 3; i++) lab.Port($"p{i}", i);
        return lab;
    }

    [Fact]
    public void An_unknown_destination_goes_to_all_others_and_a_known_one_to_its_own()
    {
        using var lab = ThreePorts();
        Assert.True(lab.Switching.SetBridge(Settings("p1", "p2", "p3")));
        var frame = SwitchLab.Frame(_b, _a);
        lab.Send("p1", frame);
        Assert.Equal(frame, Assert.Single(lab.Sent("p2")));
        Assert.Equal(frame, Assert.Single(lab.Sent("p3")));
        Assert.Empty(lab.Sent("p1"));
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        Assert.Equal(["p1"], lab.Left());
        lab.Send("p1", SwitchLab.Frame(_b, _a));
        Assert.Equal(["p2"], lab.Left());
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal(["p2", "p3"], lab.Left());
        Assert.Empty(lab.Drops());
        Assert.Equal((2ul, 2ul), (lab.Count("bridge-input/learned"), lab.Count("bridge-input/flooded")));
    }

    [Fact]
    public void A_station_that_moves_is_followed_and_one_on_the_same_port_is_left_alone()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2", "p3"));
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        lab.Send("p3", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        lab.Left();
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        Assert.Equal(["p3"], lab.Left());
        lab.Send("p3", SwitchLab.Frame(_a, _c));
        Assert.Empty(lab.Left());
        Assert.Equal(["bridge-input/same-port=1"], lab.Drops());
        Assert.Equal(1ul, lab.Count("bridge-input/moved"));
        Assert.Equal([0, 1, 2], lab.Switching.Bridges().Single().Members.Select(m => m.Macs));
    }

    [Fact]
    public void A_fixed_station_neither_moves_nor_speaks_from_elsewhere()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2", "p3") with { Fixed = [new FixedStation(new PhysicalAddress(_a), "p1")] });
        lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Empty(lab.Left());
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        Assert.Equal(["p1"], lab.Left());
        lab.Send("p1", SwitchLab.Frame(_b, _a));
        Assert.Equal(["p2"], lab.Left());
        Assert.Equal(["bridge-input/fixed-elsewhere=1"], lab.Drops());

        lab.Switching.SetBridge(Settings("p1", "p2", "p3"));
        Assert.DoesNotContain(lab.Switching.Stations("br"), s => s.Fixed);
        lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal(["p1", "p3"], lab.Left());
    }

    [Fact]
    public void Members_of_a_split_horizon_group_send_nothing_to_each_other()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings() with { Members = [new("p1", Group: 1), new("p2", Group: 1), new("p3")] });
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal(["p3"], lab.Left());
        lab.Send("p3", SwitchLab.Frame(SwitchLab.Broadcast, _c));
        Assert.Equal(["p1", "p2"], lab.Left());
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        Assert.Empty(lab.Left());
        Assert.Equal(["bridge-input/split-horizon=1"], lab.Drops());
    }

    [Fact]
    public void Without_flooding_and_learning_only_fixed_stations_are_reached()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2", "p3") with { Learn = false, FloodUnknown = false, Fixed = [new FixedStation(new PhysicalAddress(_a), "p1")] });
        lab.Send("p3", SwitchLab.Frame(_b, _c));
        lab.Send("p3", SwitchLab.Frame(_a, _c));
        Assert.Equal(["p1"], lab.Left());
        lab.Send("p3", SwitchLab.Frame(SwitchLab.Broadcast, _c));
        Assert.Equal(["p1", "p2"], lab.Left());
        Assert.Equal(["bridge-input/unknown-unicast=1"], lab.Drops());
        Assert.Equal(1, lab.Switching.Bridges().Single().Macs);
    }

    // IEEE 802.1Q §8.6.3.
    [Fact]
    public void Frames_for_the_next_bridge_alone_and_from_groups_are_not_switched()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2"));
        for (byte last = 0; last < 0x11; last++) lab.Send("p1", SwitchLab.Frame([0x01, 0x80, 0xC2, 0, 0, last], _a));
        Assert.Equal(["p2"], lab.Left());
        lab.Send("p1", SwitchLab.Frame(_b, [1, 0, 0, 0, 0, 1]));
        lab.Send("p1", SwitchLab.Frame(_b, _a)[..13]);
        Assert.Empty(lab.Left());
        Assert.Equal(["bridge-input/group-source=1", "bridge-input/reserved-group=16", "bridge-input/too-short=1"], lab.Drops().Order());
    }

    [Fact]
    public void A_frame_that_does_not_fit_a_member_is_dropped_there_alone()
    {
        using var lab = new SwitchLab();
        lab.Port("p1", 1, mtu: 9000);
        lab.Port("p2", 2);
        lab.Port("p3", 3, mtu: 9000);
        lab.Switching.SetBridge(Settings("p1", "p2", "p3"));
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a, 1519));
        Assert.Equal(["p3"], lab.Left());
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a, 1518));
        Assert.Equal(["p2", "p3"], lab.Left());
        lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _b));
        lab.Left();
        lab.Send("p1", SwitchLab.Frame(_b, _a, 5000));
        Assert.Empty(lab.Left());
        Assert.Equal(["bridge-input/too-big=2"], lab.Drops());
    }

    [Fact]
    public void The_routed_member_routes_between_the_bridge_and_the_rest()
    {
        using var lab = ThreePorts();
        lab.Loopback("lan", new InterfaceAddress(IPAddress.Parse("10.1.0.1"), 24));
        lab.Switching.SetBridge(Settings("p1", "p2") with { Bvi = "lan" });
        lab.Control.SetAddresses(lab.Index("p3"), [new(IPAddress.Parse("10.3.0.1"), 24)]);
        lab.Control.AddNeighbor(lab.Index("p3"), IPAddress.Parse("10.3.0.9"), new PhysicalAddress(_c));
        lab.Step();
        lab.Left();
        var mac = lab.Control.Interfaces().Single(i => i.Name == "lan").Mac.GetAddressBytes();

        // A asks for the gateway, on p1; the answer goes to it alone.
        lab.Send("p1", Build.Ethernet(SwitchLab.Broadcast, _a, 0x0806, Build.Arp(1, _a, "10.1.0.2", new byte[6], "10.1.0.1")));
        var answer = Assert.Single(lab.Sent("p1"));
        Assert.Equal(mac, answer[6..12]);
        Assert.Single(lab.Sent("p2"));

        lab.Send("p1", Build.Ethernet(mac, _a, 0x0800, Build.Ip4("10.1.0.2", "10.3.0.9", 17, Build.Udp("10.1.0.2", "10.3.0.9", 1, 2, Build.Bytes(20)))));
        Assert.Equal(63, new Seen(Assert.Single(lab.Sent("p3"))).Ttl);
        lab.Send("p3", Build.Ethernet([2, 0, 0, 0, 0, 3], _c, 0x0800, Build.Ip4("10.3.0.9", "10.1.0.2", 17, Build.Udp("10.3.0.9", "10.1.0.2", 2, 1, Build.Bytes(20)))));
        Assert.Equal(["p1"], lab.Left());

        // The routed member asks for a host that nobody knows: everybody is asked.
        lab.Send("p3", Build.Ethernet([2, 0, 0, 0, 0, 3], _c, 0x0800, Build.Ip4("10.3.0.9", "10.1.0.77", 17, Build.Udp("10.3.0.9", "10.1.0.77", 2, 1, Build.Bytes(20)))));
        Assert.Equal(["p1", "p2"], lab.Left());
        Assert.Contains(lab.Control.Routes(), r => r.To.ToString() == "10.1.0.0/24" && r.Interface == "lan");

        Assert.True(lab.Switching.RemoveBridge("br"));
        Assert.True(lab.Control.TryRoute(0, IPAddress.Parse("10.1.0.2"), out _, out _) is false, "a loopback's network is not connected");
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Empty(lab.Left());
    }

    [Fact]
    public void What_a_member_may_flood_is_limited_and_the_others_are_not_concerned()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings() with { Members = [new("p1", FloodRate: 100), new("p2"), new("p3")] });
        for (var i = 0; i < 1000; i++) lab["p1"].Offer(SwitchLab.Frame(SwitchLab.Broadcast, _a));
        lab.Step();
        var passed = lab.Sent("p2").Count;
        // A burst is a tenth of a second's worth: 10; what comes on top is what the test itself takes in time.
        Assert.InRange(passed, 10, 200);
        Assert.Equal((ulong)(1000 - passed), lab.Count("bridge-input/flood-limit"));
        lab.Left();
        for (var i = 0; i < 300; i++) lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _b));
        Assert.Equal(600, lab.Left().Count);
        lab.Send("p1", SwitchLab.Frame(_b, _a));
        Assert.Equal(["p2"], lab.Left());
    }

    [Fact]
    public void A_flood_of_addresses_at_one_member_leaves_room_to_the_others()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2", "p3") with { MacLimit = 120 });
        for (var i = 0; i < 1000; i++) lab.Send("p1", SwitchLab.Frame([2, 9, 9, 9, 9, 9], [2, 1, 0, 0, (byte)(i >> 8), (byte)i]));
        lab.Left();
        Assert.Equal(90, lab.Switching.Bridges().Single().Macs);
        Assert.Equal(910ul, lab.Count("bridge-input/mac-limit"));
        for (byte i = 0; i < 10; i++) lab.Send("p2", SwitchLab.Frame([2, 9, 9, 9, 9, 9], [2, 2, 0, 0, 0, i]));
        for (byte i = 0; i < 10; i++) lab.Send("p3", SwitchLab.Frame([2, 9, 9, 9, 9, 9], [2, 3, 0, 0, 0, i]));
        Assert.Equal([90, 10, 10], lab.Switching.Bridges().Single().Members.Select(m => m.Macs));
        lab.Left();
        lab.Send("p2", SwitchLab.Frame([2, 3, 0, 0, 0, 5], [2, 2, 0, 0, 0, 0]));
        Assert.Equal(["p3"], lab.Left());
    }

    [Fact]
    public void A_members_own_limit_holds_for_moves_too()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings() with { Members = [new("p1", MacLimit: 2), new("p2")] });
        for (byte i = 0; i < 5; i++) lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, [2, 1, 0, 0, 0, i]));
        lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _b));
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _b));
        Assert.Equal([2, 1], lab.Switching.Bridges().Single().Members.Select(m => m.Macs));
        Assert.Equal(4ul, lab.Count("bridge-input/mac-limit"));
    }

    [Fact]
    public void What_was_not_seen_for_long_is_forgotten()
    {
        using var lab = ThreePorts();
        lab.Switching.SetBridge(Settings("p1", "p2", "p3") with { MacAge = TimeSpan.FromSeconds(16), Fixed = [new FixedStation(new PhysicalAddress(_c), "p3")] });
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        var now = Gateway.Dataplane.Graph.WorkerContext.Clock();
        lab.Switching.Age(now + 15_000_000_000);
        Assert.Equal(2, lab.Switching.Bridges().Single().Macs);
        lab.Switching.Age(now + 19_000_000_000);
        Assert.Equal([_c], lab.Switching.Stations("br").Select(s => s.Mac.GetAddressBytes()));
        Assert.Equal(0, lab.Switching.Bridges().Single().Members[0].Macs);
        lab.Left();
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        Assert.Equal(["p1", "p3"], lab.Left());
    }

    [Fact]
    public void Members_that_come_and_go_concern_no_others()
    {
        using var lab = ThreePorts();
        Assert.False(lab.Switching.SetBridge(Settings("p1", "p2", "p3", "later")));
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        lab.Send("p2", SwitchLab.Frame(SwitchLab.Broadcast, _b));
        lab.Send("p3", SwitchLab.Frame(SwitchLab.Broadcast, _c));
        lab.Left();
        lab.Port("later", 4);
        lab.Send("p1", SwitchLab.Frame(SwitchLab.Broadcast, _a));
        Assert.Equal(["later", "p2", "p3"], lab.Left());

        lab.Remove("p3");
        Assert.Equal([1, 1, 0, 0], lab.Switching.Bridges().Single().Members.Select(m => m.Macs));
        Assert.Equal(0u, lab.Switching.Bridges().Single().Members[2].Index);
        lab.Send("p2", SwitchLab.Frame(_a, _b));
        lab.Send("p2", SwitchLab.Frame(_c, _b));
        Assert.Equal(["later", "p1", "p1"], lab.Left());

        lab.Switching.SetBridge(Settings("p1", "p2"));
        lab.Send("p1", SwitchLab.Frame(_b, _a));
        Assert.Equal(["p2"], lab.Left());
        lab.Send("later", SwitchLab.Frame(_b, _a));
        Assert.Empty(lab.Left());
        lab.Switching.SetBridge(Settings("p1", "p2") with { MacLimit = 64 });
        lab.Send("p1", SwitchLab.Frame(_b, _a));
        Assert.Equal(["p2"], lab.Left());
        Assert.Equal([1, 1], lab.Switching.Bridges().Single().Members.Select(m => m.Macs));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void Tagged_frames_pass_a_bridged_port_whole_unless_a_sub_interface_has_their_tag()
    {
        using var lab = ThreePorts();
        lab.Control.AddInterface(new InterfaceSettings { Name = "p1.5", Type = "vlan" }, new InterfaceLink.Vlan(lab.Index("p1"), new VlanTag(VlanTag.Dot1q, 5)));
        lab.Switching.SetBridge(Settings("p1", "p2"));
        lab.Switching.SetBridge(Settings("p1.5", "p3") with { Name = "five" });
        var frame = SwitchLab.Frame(SwitchLab.Broadcast, _a);
        lab.Send("p1", SwitchLab.Tagged(frame, (VlanTag.Dot1q, 6)));
        Assert.Equal(SwitchLab.Tagged(frame, (VlanTag.Dot1q, 6)), Assert.Single(lab.Sent("p2")));
        lab.Send("p1", SwitchLab.Tagged(frame, (VlanTag.Dot1q, 5)));
        Assert.Equal(frame, Assert.Single(lab.Sent("p3")));
        Assert.Empty(lab.Left());
        lab.Send("p3", SwitchLab.Frame(_a, _c));
        Assert.Equal(SwitchLab.Tagged(SwitchLab.Frame(_a, _c), (VlanTag.Dot1q, 5)), Assert.Single(lab.Sent("p1")));
    }

    /// <summary>The bridge against a dictionary and a loop over the ports.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Random_traffic_goes_where_a_dictionary_says(int workers)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var lab = new SwitchLab(workers);
        string[] ports = ["p0", "p1", "p2", "p3", "p4"];
        int[] groups = [0, 1, 1, 2, 0];
        for (byte i = 0; i < ports.Length; i++) lab.Port(ports[i], i);
        lab.Switching.SetBridge(Settings() with { Members = [.. ports.Select((p, i) => new BridgeMemberSettings(p, groups[i]))] });
        Dictionary<string, int> slow = [];
        for (var step = 0; step < 3000; step++)
        {
            var (on, from, to) = (random.Next(ports.Length), SwitchLab.Mac((byte)random.Next(30)), random.Next(10) == 0 ? SwitchLab.Broadcast : SwitchLab.Mac((byte)random.Next(30)));
            slow[Build.Text(from)] = on;
            lab.Send(ports[on], SwitchLab.Frame(to, from));
            bool Allowed(int port) => port != on && (groups[port] == 0 || groups[port] != groups[on]);
            var expected = slow.TryGetValue(Build.Text(to), out var known)
                ? (Allowed(known) ? [ports[known]] : [])
                : Enumerable.Range(0, ports.Length).Where(Allowed).Select(p => ports[p]);
            Assert.Equal(expected, lab.Left());
        }

        Assert.Equal(slow.OrderBy(s => s.Key).Select(s => (s.Key, ports[s.Value])), lab.Switching.Stations("br").Select(s => (Build.Text(s.Mac.GetAddressBytes()), s.Interface)));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }
}
