using Gateway.Dataplane.Apply;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>Where policers are asked. They bring a bit a second, so that a test sees their burst alone: five packets of 300 octets.</summary>
public sealed class PolicerHookTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";
    private static readonly PolicerSpec _five = new() { Rate = new(1, false), Burst = new(1500, false) };

    private static byte[] Packet4(int ports = 1) => Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, ports, Build.Bytes(272)));

    private static byte[] Packet6() => Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, Build.Bytes(252)));

    [Fact]
    public void What_comes_in_by_an_interface_shares_its_policer()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five);
        gateway.Control.Guarding.Bind("lan", new GuardBinding { PolicerIn = "p" });
        for (var i = 0; i < 10; i++) gateway.FromLan(i % 2 == 0 ? Packet4() : Packet6());
        Assert.Equal(5, gateway.OnWan().Count);
        Assert.Equal(["guard-input/policed=5"], gateway.Drops());
        var row = gateway.Control.Guarding.Policers().Single();
        Assert.Equal((new ColorCount(5, 1500), new ColorCount(0, 0), new ColorCount(5, 1500)), (row.Green, row.Yellow, row.Red));
        Assert.Equal(["in lan"], row.Interfaces);
        // ARP is no IP, and the other way is not asked.
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.LanHost, "10.1.0.2", new byte[6], "10.1.0.1")));
        Assert.Single(gateway.OnLan());
        gateway.FromWan(Build.Ip4(Far, LanHost, 17, Build.Udp(Far, LanHost, 1, 2, Build.Bytes(272))));
        Assert.Single(gateway.OnLan());
    }

    [Fact]
    public void What_leaves_by_an_interface_shares_its_policer_the_gateways_own_packets_too()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five);
        gateway.Control.Guarding.Bind("wan", new GuardBinding { PolicerOut = "p" });
        for (var i = 0; i < 3; i++) gateway.FromWan(Build.Ip4("198.51.100.2", "198.51.100.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(272))));
        for (var i = 0; i < 4; i++) gateway.FromLan(Packet4());
        Assert.Equal(5, gateway.OnWan().Count);
        Assert.Equal(["interface-output/policed=2"], gateway.Drops());
    }

    [Fact]
    public void A_rule_may_pass_its_packets_to_a_policer()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five);
        gateway.Control.Filtering.SetAcl("a", new AclSpec
        {
            Rules = [new AclRule { Action = AclAction.Permit, Protocol = new IpProtocol(17), ToPorts = [new AclPort(7, 7, null)], Policer = "p" }, new AclRule { Action = AclAction.Permit }],
        });
        gateway.Control.Filtering.Bind("lan", new AclBinding(["a"], [], null));
        for (var i = 0; i < 8; i++)
        {
            gateway.FromLan(Packet4(7));
            gateway.FromLan(Packet4(8));
        }

        Assert.Equal(13, gateway.OnWan().Count);
        Assert.Equal(["ip4-acl-input/policed=3"], gateway.Drops());
        gateway.Control.Filtering.Bind("lan", new AclBinding([], [], null));
        gateway.Control.Guarding.SetPolicer("q", _five);
        gateway.Control.Filtering.SetAcl("a", new AclSpec { Rules = [new AclRule { Action = AclAction.Permit, Policer = "q" }] });
        gateway.Control.Filtering.Bind("wan", new AclBinding([], ["a"], null));
        for (var i = 0; i < 8; i++) gateway.FromLan(Packet6());
        Assert.Equal(5, gateway.OnWan().Count);
        Assert.Contains("ip6-acl-output/policed=3", gateway.Drops());
    }

    [Fact]
    public void Packets_of_a_color_are_marked_with_a_checksum_that_is_right()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five with { Conform = new(false, 10), Violate = new(false, 1) });
        gateway.Control.Guarding.Bind("lan", new GuardBinding { PolicerIn = "p" });
        for (var i = 0; i < 6; i++) gateway.FromLan(Packet4());
        var out4 = gateway.OnWan();
        Assert.Equal([10, 10, 10, 10, 10, 1], out4.Select(s => s.Frame[15] >> 2));
        Assert.All(out4, s => Assert.Equal(0, SlowChecksum.Of(s.Frame.AsSpan(14, 20))));
        gateway.FromLan(Packet6());
        Assert.Equal(1, (Build.Get16(Assert.Single(gateway.OnWan()).Frame, 14) >> 6) & 0x3F);
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void A_changed_policer_goes_on_with_what_its_buckets_hold_and_a_removed_one_lets_pass()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five);
        gateway.Control.Guarding.Bind("lan", new GuardBinding { PolicerIn = "p" });
        for (var i = 0; i < 4; i++) gateway.FromLan(Packet4());
        gateway.Control.Guarding.SetPolicer("p", _five with { Burst = new(3000, false) });
        for (var i = 0; i < 4; i++) gateway.FromLan(Packet4());
        Assert.Equal(5, gateway.OnWan().Count);
        gateway.Control.Guarding.SetPolicer("p", new PolicerSpec { Rate = new(1, true), Burst = new(3, true) });
        gateway.Control.Guarding.RemovePolicer("p");
        Assert.Empty(gateway.Control.Guarding.Policers());
        for (var i = 0; i < 8; i++) gateway.FromLan(Packet4());
        Assert.Equal(8, gateway.OnWan().Count);
        gateway.Control.Guarding.SetPolicer("p", _five);
        for (var i = 0; i < 8; i++) gateway.FromLan(Packet4());
        Assert.Equal(5, gateway.OnWan().Count);
        gateway.Control.Guarding.Bind("lan", new GuardBinding());
        gateway.FromLan(Packet4());
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void Frames_of_bridges_and_of_sub_interfaces_meet_their_own_policers()
    {
        using var lab = new SwitchLab();
        lab.Port("a", 1);
        lab.Port("b", 2);
        lab.Port("c", 3);
        lab.Control.AddInterface(new InterfaceSettings { Name = "a.7", Type = "vlan" }, new InterfaceLink.Vlan(lab.Index("a"), new Gateway.Dataplane.Tables.VlanTag(0x8100, 7)));
        Assert.True(lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("a.7"), new("b"), new("c")] }));
        lab.Control.Guarding.SetPolicer("sub", _five);
        lab.Control.Guarding.SetPolicer("out", _five);
        lab.Control.Guarding.Bind("a.7", new GuardBinding { PolicerIn = "sub" });
        lab.Control.Guarding.Bind("c", new GuardBinding { PolicerOut = "out" });
        var frame = Build.Ethernet(SwitchLab.Broadcast, SwitchLab.Mac(9), 0x0800, Packet4());
        lab.Left();
        for (var i = 0; i < 8; i++) lab.Send("a", SwitchLab.Tagged(frame, (0x8100, 7)));
        Assert.Equal((5, 5), (lab.Sent("b").Count, lab.Sent("c").Count));
        Assert.Equal(["guard-input/policed=3"], lab.Drops());
        var other = Build.Ethernet(SwitchLab.Broadcast, SwitchLab.Mac(8), 0x0800, Packet4());
        lab.Send("b", other);
        Assert.Empty(lab.Sent("c"));
        Assert.Equal(1ul, lab.Count("interface-output/policed"));
    }

    [Fact]
    public void A_flood_of_frames_that_are_no_packets_passes_nothing_by()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetPolicer("p", _five);
        gateway.Control.Guarding.Bind("lan", new GuardBinding { PolicerIn = "p" });
        // A header that claims less than the frame has does not make it cheaper.
        for (var i = 0; i < 8; i++)
        {
            var packet = Packet4();
            Build.Put16(packet, 2, 20);
            gateway.FromLan4(packet);
        }

        Assert.Equal(3ul, gateway.Count("guard-input/policed"));
        gateway.OnWan();
        var free = gateway.Control.Pool.Available;
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var i = 0; i < 500; i++)
        {
            var bytes = new byte[random.Next(0, 80)];
            random.NextBytes(bytes);
            if (bytes.Length > 14 && i % 2 == 0) (bytes[12], bytes[13]) = ((byte)0x81, (byte)0);
            gateway.Frame(gateway.LanPort, bytes.Length == 0 ? [1] : bytes);
        }

        gateway.OnWan();
        gateway.OnLan();
        Assert.True(gateway.Control.Pool.Available == free, $"seed {seed}");
    }
}
