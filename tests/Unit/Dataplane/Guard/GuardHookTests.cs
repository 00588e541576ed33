using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;
using MacAddress = Gateway.Policy.Items.MacAddress;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>Where limits per source, MAC ACLs and profiles are asked.</summary>
public sealed class GuardHookTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    private static byte[] Packet(string from, string to) => from.Contains(':', StringComparison.Ordinal)
        ? Build.Ip6(from, to, 17, Build.Udp(from, to, 1, 2, Build.Bytes(20)))
        : Build.Ip4(from, to, 17, Build.Udp(from, to, 1, 2, Build.Bytes(20)));

    private static MacAddress Mac(byte[] bytes) => new(bytes.Aggregate(0ul, (value, octet) => value << 8 | octet));

    [Fact]
    public void A_source_that_used_up_what_it_may_leaves_others_alone()
    {
        using var gateway = new TestGateway();
        // A packet a second comes back; the test is over before two have.
        gateway.Control.Guarding.SetSourceLimit("l", new SourceLimitSpec { PacketsPerSecond = 1, PacketBurst = 60, Ipv4Prefix = 24 });
        gateway.Control.Guarding.Bind("lan", new GuardBinding { SourceLimit = "l" });
        for (var i = 0; i < 200; i++)
        {
            gateway.FromLan(Packet($"10.1.0.{2 + i % 100 * 2}", Far));
            if (i % 10 == 0) gateway.FromLan(Packet("10.1.9.1", Far));
        }

        Assert.InRange(gateway.OnWan().Count, 60 + 20, 60 + 20 + 20);
        var row = gateway.Control.Guarding.SourceLimits().Single();
        Assert.Equal(220ul, row.Passed + row.Dropped);
        Assert.Equal(row.Dropped, gateway.Count("guard-input/source-limited"));
        Assert.Equal((2, 0ul), (row.Active, row.Crowded));
        Assert.Equal(["in lan"], row.Interfaces);
        for (var i = 0; i < 100; i++) gateway.FromLan(Packet($"2001:db8:1::{i + 2:x}", Far6));
        Assert.InRange(gateway.OnWan().Count, 60, 80);
        gateway.Control.Guarding.RemoveSourceLimit("l");
        for (var i = 0; i < 100; i++) gateway.FromLan(Packet(LanHost, Far));
        Assert.Equal(100, gateway.OnWan().Count);
    }

    [Fact]
    public void A_rule_may_hold_each_source_to_a_limit()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetSourceLimit("l", new SourceLimitSpec { PacketsPerSecond = 1, PacketBurst = 60 });
        gateway.Control.Filtering.SetAcl("a", new AclSpec { Rules = [new AclRule { Action = AclAction.Permit, SourceLimit = "l" }] });
        gateway.Control.Filtering.Bind("lan", new AclBinding(["a"], [], null));
        for (var i = 0; i < 200; i++) gateway.FromLan(Packet(LanHost, Far));
        Assert.InRange(gateway.OnWan().Count, 60, 80);
        Assert.InRange(gateway.Count("ip4-acl-input/source-limited"), 120ul, 140ul);
    }

    [Theory]
    [InlineData(LanHost, Far, "ip4-flow-input")]
    [InlineData(LanHost6, Far6, "ip6-flow-input")]
    public void A_source_begins_no_more_flows_than_it_may_and_keeps_those_it_has(string from, string to, string node)
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.SetAcl("a", new AclSpec { Rules = [new AclRule { Action = AclAction.PermitReflect }] });
        gateway.Control.Filtering.Bind("lan", new AclBinding(["a"], [], null));
        gateway.Control.Guarding.SetSourceLimit("l", new SourceLimitSpec { FlowsPerSecond = 1, FlowBurst = 60 });
        gateway.Control.Guarding.Bind("lan", new GuardBinding { SourceLimit = "l" });
        for (var i = 0; i < 200; i++) gateway.FromLan(Flow(i));
        var began = gateway.OnWan().Count;
        Assert.InRange(began, 60, 80);
        Assert.Equal((ulong)(200 - began), gateway.Count($"{node}/source-limited"));
        for (var i = 0; i < 100; i++) gateway.FromLan(Flow(i % 60));
        Assert.Equal(100, gateway.OnWan().Count);
        Assert.Equal((ulong)(200 - began), gateway.Control.Guarding.SourceLimits().Single().FlowsDropped);

        byte[] Flow(int port) => from.Contains(':', StringComparison.Ordinal)
            ? Build.Ip6(from, to, 17, Build.Udp(from, to, 1000 + port, 2, Build.Bytes(20)))
            : Build.Ip4(from, to, 17, Build.Udp(from, to, 1000 + port, 2, Build.Bytes(20)));
    }

    [Fact]
    public void A_station_speaks_for_its_own_addresses_alone()
    {
        using var gateway = new TestGateway();
        gateway.Control.Guarding.SetMacAcl("m", new MacAclSpec
        {
            Rules =
            [
                new MacAclRule { Name = "host", Action = MacAclAction.Permit, From = Mac(TestGateway.LanHost), SourceIp = [new(IPAddress.Parse(LanHost), 32), new(IPAddress.Parse("2001:db8:1::2"), 128)] },
                new MacAclRule { Name = "lldp", Action = MacAclAction.Deny, Ethertype = new EtherType(0x88CC) },
            ],
        });
        gateway.Control.Guarding.Bind("lan", new GuardBinding { MacIn = ["m"] });
        foreach (var source in (string[])[LanHost, "10.1.0.3", LanHost6, "2001:db8:1::3"]) gateway.FromLan(Packet(source, source.Contains(':', StringComparison.Ordinal) ? Far6 : Far));
        Assert.Equal(2, gateway.OnWan().Count);
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.LanHost, LanHost, new byte[6], "10.1.0.1")));
        Assert.Single(gateway.OnLan());
        // Another's address, and an address of its own under another's MAC address.
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.LanHost, "10.1.0.3", new byte[6], "10.1.0.1")));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.WanHost, LanHost, new byte[6], "10.1.0.1")));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x88CC, Build.Bytes(50)));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["guard-input/denied=5"], gateway.Drops());
        var row = gateway.Control.Guarding.MacAcls().Single();
        Assert.Equal([("host", 3ul), ("lldp", 1ul)], row.Rules.Select(r => (r.Name, r.Packets)));
        // A changed list keeps what was counted for the rules that stay.
        gateway.Control.Guarding.SetMacAcl("m", new MacAclSpec { Rules = [new MacAclRule { Name = "host", Action = MacAclAction.Permit }] });
        gateway.FromLan(Packet("10.1.0.3", Far));
        Assert.Single(gateway.OnWan());
        gateway.Step();
        Assert.Equal(4ul, gateway.Control.Guarding.MacAcls().Single().Rules.Single().Packets);
        // One that is away denies.
        gateway.Control.Guarding.RemoveMacAcl("m");
        gateway.FromLan(Packet(LanHost, Far));
        Assert.Empty(gateway.OnWan());
        gateway.Control.Guarding.Bind("lan", new GuardBinding());
        gateway.FromLan(Packet(LanHost, Far));
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void Members_of_a_bridge_and_sub_interfaces_ask_their_own_rules()
    {
        using var lab = new SwitchLab();
        lab.Port("a", 1);
        lab.Port("b", 2);
        lab.Port("c", 3);
        lab.Control.AddInterface(new InterfaceSettings { Name = "a.7", Type = "vlan" }, new InterfaceLink.Vlan(lab.Index("a"), new Gateway.Dataplane.Tables.VlanTag(0x8100, 7)));
        Assert.True(lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("a.7"), new("b"), new("c")] }));
        lab.Control.Guarding.SetMacAcl("nine", new MacAclSpec { Rules = [new MacAclRule { Action = MacAclAction.Permit, From = Mac(SwitchLab.Mac(9)) }] });
        lab.Control.Guarding.SetMacAcl("tag", new MacAclSpec { Rules = [new MacAclRule { Action = MacAclAction.Deny, Vlan = 7, From = Mac(SwitchLab.Mac(8)) }] });
        lab.Control.Guarding.SetMacAcl("out", new MacAclSpec { Rules = [new MacAclRule { Action = MacAclAction.Deny, To = Mac(SwitchLab.Broadcast) }] });
        lab.Control.Guarding.Bind("b", new GuardBinding { MacIn = ["nine"] });
        lab.Control.Guarding.Bind("a", new GuardBinding { MacIn = ["tag"], MacDefault = AclDefault.Permit });
        lab.Control.Guarding.Bind("c", new GuardBinding { MacOut = ["out"], MacDefault = AclDefault.Permit });
        lab.Left();
        lab.Send("b", SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(5)));
        Assert.Empty(lab.Left());
        lab.Send("b", SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(9)));
        Assert.Equal(["a", "c"], lab.Left());
        lab.Send("a", SwitchLab.Tagged(SwitchLab.Frame(SwitchLab.Broadcast, SwitchLab.Mac(8)), (0x8100, 7)));
        Assert.Empty(lab.Left());
        lab.Send("a", SwitchLab.Tagged(SwitchLab.Frame(SwitchLab.Broadcast, SwitchLab.Mac(6)), (0x8100, 7)));
        Assert.Equal(["b"], lab.Left());
        Assert.Equal(["guard-input/denied=2", "interface-output/denied=1"], lab.Drops());
        // What goes takes its rules along.
        lab.Remove("b");
        lab.Port("b", 2);
        lab.Send("b", SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(5)));
        Assert.Equal(3ul, lab.Count("guard-input/denied"));
    }

    [Fact]
    public void A_source_that_nobody_has_needs_a_route_of_its_own()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new InterfaceSettings
        {
            Name = "wan",
            Type = "in-memory",
            Mac = new PhysicalAddress(TestGateway.WanMac),
            Source4 = SourceRule.Strict,
            Source6 = SourceRule.Strict,
            RefusesBogons = true,
        });
        // Sources: one of the internet, one on the link, private, shared, documentation; the gateway's own, and one from behind another interface.
        bool[] passed = [.. ((string[])["8.8.8.8", "198.51.100.77", "10.9.9.9", "100.64.1.1", "203.0.113.5", "192.168.3.3", "2a00::1", "2001:db8:2::77", "fd00::1", "100::1"]).Select(source =>
        {
            gateway.FromWan(Packet(source, source.Contains(':', StringComparison.Ordinal) ? LanHost6 : LanHost));
            return gateway.OnLan().Count == 1;
        })];
        Assert.Equal([true, true, false, false, false, false, true, true, false, false], passed);
        Assert.Equal((4ul, 2ul), (gateway.Count("ip4-input/bogon-source"), gateway.Count("ip6-input/bogon-source")));
        gateway.FromWan(Packet("10.1.0.1", LanHost));
        gateway.FromWan(Packet("10.1.0.9", LanHost));
        Assert.Equal((1ul, 1ul), (gateway.Count("ip4-input/own-source"), gateway.Count("ip4-input/no-way-back")));
        // A route of its own, by another next hop than the default one's.
        gateway.Control.AddNeighbor(gateway.Wan, IPAddress.Parse("198.51.100.3"), new PhysicalAddress(TestGateway.WanHost));
        gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.9.0.0/16"), Via = IPAddress.Parse("198.51.100.3") });
        gateway.FromWan(Packet("10.9.9.9", LanHost));
        Assert.Single(gateway.OnLan());
    }

    [Fact]
    public void Default_deny_closes_both_directions_without_any_list()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Bind("lan", new AclBinding([], [], AclDefault.Deny) { DeniesOut = true });
        gateway.FromLan(Packet(LanHost, Far));
        gateway.FromWan(Packet(Far, LanHost));
        Assert.Empty(gateway.OnWan());
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["ip4-acl-input/denied=1", "ip4-acl-output/denied=1"], gateway.Drops());
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.LanHost, LanHost, new byte[6], "10.1.0.1")));
        Assert.Single(gateway.OnLan());
        gateway.Control.Filtering.Bind("lan", new AclBinding([], [], null));
        gateway.FromLan(Packet(LanHost, Far));
        Assert.Single(gateway.OnWan());
    }
}
