using System.Net;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Filter;

/// <summary>ACLs, groups and interfaces as the configuration gives them.</summary>
public sealed class FilterControlTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    [Fact]
    public void Rules_of_every_field_decide_in_their_order()
    {
        using var gateway = new TestGateway();
        Set(gateway, "web", """
            [{"action":"deny","from":["10.1.0.2"],"to":["203.0.113.0/28"],"protocol":"udp","to_ports":["1000-2000","53"],"name":"not-there"},
             {"action":"permit","protocol":"tcp","tcp_flags":"syn,!ack","to_ports":["80"]},
             {"action":"permit","protocol":"icmp","icmp_type":8},
             {"action":"permit","protocol":"udp","from_ports":["7"],"fragments":"none"},
             {"action":"permit","fragments":"later"},
             {"action":"permit","family":"ipv6","to":["2001:db8:99::/48"],"protocol":"icmpv6","icmp_type":128,"icmp_code":0}]
            """);
        gateway.Control.Filtering.Bind("lan", new AclBinding(["web"], [], null));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 53, []))));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 2000, []))));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 2001, []))));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, "203.0.113.16", 17, Build.Udp(LanHost, "203.0.113.16", 7, 53, []))));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], []))));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 18, [], []))));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, Far, 1, Build.Icmp4(8, 0, 1, []))));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 1, Build.Icmp4(0, 0, 1, []))));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Bytes(16), offset: 1480)));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 3000, Build.Bytes(8)), mf: true)));
        Assert.True(Passes(gateway, Build.Ip6(LanHost6, Far6, 58, Build.Icmp6(LanHost6, Far6, 128, 0, 1, []))));
        Assert.False(Passes(gateway, Build.Ip6(LanHost6, Far6, 58, Build.Icmp6(LanHost6, Far6, 129, 0, 1, []))));
        Assert.False(Passes(gateway, Build.Ip6(LanHost6, "2001:db8:98::9", 58, Build.Icmp6(LanHost6, "2001:db8:98::9", 128, 0, 1, []))));
        var row = Assert.Single(gateway.Control.Filtering.Acls());
        Assert.Equal(["in lan"], row.Interfaces);
        Assert.Equal(("not-there", 2ul), (row.Rules[0].Name, row.Rules[0].Packets));
        Assert.Equal([1ul, 1ul, 2ul, 1ul, 1ul], row.Rules.Skip(1).Select(r => r.Packets));
        Assert.All(row.Rules.Skip(1), r => Assert.Matches("^~[0-9a-f]{8}$", r.Name));
        Assert.Equal(5ul, Assert.Single(gateway.Control.Filtering.Ends()).Packets);
    }

    [Fact]
    public void A_group_that_changes_changes_the_rules_that_name_it_under_traffic()
    {
        using var gateway = new TestGateway();
        var filtering = gateway.Control.Filtering;
        filtering.SetGroup("inner", Read<GroupSpec>("""{"addresses":["198.51.100.0/24"]}"""));
        filtering.SetGroup("servers", Read<GroupSpec>("""{"addresses":["inner","2001:db8:99::9"]}"""));
        filtering.SetGroup("services", Read<GroupSpec>("""{"ports":["53","443"]}"""));
        Set(gateway, "out", """[{"name":"services","action":"permit","protocol":"udp","to":["servers"],"to_ports":["services"]}]""");
        filtering.Bind("wan", new AclBinding([], ["out"], null));
        var packet = Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 53, []));
        Assert.False(Passes(gateway, packet));
        Assert.True(Passes(gateway, Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 7, 443, []))));
        filtering.SetGroup("inner", Read<GroupSpec>("""{"addresses":["203.0.113.0/24"]}"""));
        Assert.True(Passes(gateway, packet));
        filtering.SetGroup("services", Read<GroupSpec>("""{"ports":["54-60"]}"""));
        Assert.False(Passes(gateway, packet));
        // What was counted stays with the rule.
        Assert.Equal(2ul, Assert.Single(gateway.Control.Filtering.Acls()).Rules[0].Packets);
    }

    [Fact]
    public void Several_lists_are_asked_in_their_order_and_the_end_is_as_the_interface_says()
    {
        using var gateway = new TestGateway();
        Set(gateway, "first", """[{"action":"deny","protocol":"udp","to_ports":["53"]}]""");
        Set(gateway, "second", """[{"action":"permit","protocol":"udp"}]""");
        var filtering = gateway.Control.Filtering;
        var (dns, other, tcp) = (Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 53, [])), Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 54, [])), Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], [])));
        filtering.Bind("lan", new AclBinding(["first", "second"], [], null));
        Assert.Equal([false, true, false], new[] { dns, other, tcp }.Select(p => Passes(gateway, p)));
        filtering.Bind("lan", new AclBinding(["second", "first"], [], AclDefault.Permit));
        Assert.Equal([true, true, true], new[] { dns, other, tcp }.Select(p => Passes(gateway, p)));
        filtering.Bind("lan", new AclBinding([], [], AclDefault.Deny));
        Assert.Equal([false, false, false], new[] { dns, other, tcp }.Select(p => Passes(gateway, p)));
        filtering.Bind("lan", new AclBinding([], [], null));
        Assert.Equal([true, true, true], new[] { dns, other, tcp }.Select(p => Passes(gateway, p)));
    }

    [Fact]
    public void An_acl_that_is_not_there_denies_what_those_before_it_left_open()
    {
        using var gateway = new TestGateway();
        Set(gateway, "web", """[{"action":"permit","protocol":"tcp"}]""");
        gateway.Control.Filtering.Bind("lan", new AclBinding(["web", "lost"], [], AclDefault.Permit));
        Assert.True(Passes(gateway, Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], []))));
        Assert.False(Passes(gateway, Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 7, 53, []))));
    }

    [Fact]
    public void An_interface_finds_its_rules_when_it_comes_and_loses_them_when_it_goes()
    {
        using var gateway = new TestGateway();
        Set(gateway, "none", "[]");
        gateway.Control.Filtering.Bind("dmz", new AclBinding(["none"], ["none"], null));
        for (var i = 0; i < 2; i++)
        {
            var port = new Gateway.Dataplane.Io.InMemoryPort(gateway.Control.Pool);
            var dmz = gateway.Control.AddInterface(new InterfaceSettings { Name = "dmz", Type = "in-memory", Mac = new(Build.Mac("02:00:00:00:03:01")) }, port);
            gateway.Control.SetAddresses(dmz, [TestGateway.Address("10.3.0.1", 24)]);
            gateway.Frame(port, Build.Ethernet(Build.Mac("02:00:00:00:03:01"), Build.Mac("02:00:00:00:03:02"), 0x0800, Build.Ip4("10.3.0.2", Far, 17, Build.Udp("10.3.0.2", Far, 1, 2, []))));
            Assert.Empty(gateway.OnWan());
            gateway.Control.RemoveInterface(dmz);
        }

        Assert.Contains("ip4-acl-input/denied=2", gateway.Drops());
    }

    // RFC 9293 §3.10.7.1: a reset that answers a SYN acknowledges it; one that answers an acknowledgement takes its number from it.
    [Fact]
    public void A_rejected_tcp_segment_is_reset_in_the_name_of_its_destination()
    {
        using var gateway = new TestGateway();
        Set(gateway, "no", """[{"action":"reject"}]""");
        gateway.Control.Filtering.Bind("lan", new AclBinding(["no"], [], null));
        gateway.FromLan(Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], [])));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 6, Segment(LanHost6, Far6, 16, 5000, 77, 10)));
        gateway.FromLan(Build.Ip4(LanHost, Far, 6, Segment(LanHost, Far, 4, 1, 2, 0)));
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        var answers = gateway.OnLan();
        Assert.Equal(3, answers.Count);
        Assert.Equal((Far, LanHost, (byte)6), (answers[0].Source, answers[0].Destination, answers[0].Protocol));
        Assert.Equal((80, 40000, 0u, 1u, 20), Fields(answers[0]));
        Assert.Equal((Far6, LanHost6), (answers[1].Source, answers[1].Destination));
        Assert.Equal((80, 40000, 77u, 0u, 4), Fields(answers[1]));
        Assert.Equal((3, 13), (answers[2].IcmpType, answers[2].IcmpCode));
        Assert.Equal(1ul, gateway.Count("tcp4-reset/not-allowed"));

        static (int From, int To, uint Number, uint Acknowledged, int Flags) Fields(Seen seen) =>
            (Build.Get16(seen.Payload, 0), Build.Get16(seen.Payload, 2), System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(seen.Payload.AsSpan(4)), System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(seen.Payload.AsSpan(8)), seen.Payload[13]);
    }

    [Fact]
    public void Resets_are_limited_so_that_a_flood_is_not_answered_with_one()
    {
        using var gateway = new TestGateway();
        Set(gateway, "no", """[{"action":"reject"}]""");
        gateway.Control.Filtering.Bind("lan", new AclBinding(["no"], [], null));
        var frame = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], [])));
        for (var i = 0; i < 2000; i++) Assert.True(gateway.LanPort.Offer(frame));
        gateway.Step();
        Assert.Equal(2000ul, gateway.Count("tcp4-reset/sent") + gateway.Count("tcp4-reset/rate-limited"));
        Assert.True(gateway.Count("tcp4-reset/rate-limited") > 1000);
    }

    private static byte[] Segment(string from, string to, byte flags, uint number, uint acknowledged, int length)
    {
        var p = Build.Tcp(from, to, flags, [], new byte[length]);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(p.AsSpan(4), number);
        System.Buffers.Binary.BinaryPrimitives.WriteUInt32BigEndian(p.AsSpan(8), acknowledged);
        return p;
    }

    private static bool Passes(TestGateway gateway, byte[] packet)
    {
        gateway.FromLan(packet);
        return gateway.OnWan().Count == 1;
    }

    private static void Set(TestGateway gateway, string name, string rules) => gateway.Control.Filtering.SetAcl(name, Read<AclSpec>($$"""{"rules":{{rules}}}"""));

    private static T Read<T>(string json) => JsonSerializer.Deserialize<T>(json, PolicyJson.Options)!;
}
