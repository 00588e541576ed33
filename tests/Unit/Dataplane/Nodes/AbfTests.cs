using System.Net;
using System.Net.NetworkInformation;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Apply.Descriptors;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;
using RouteHop = Gateway.Dataplane.Apply.RouteHop;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>Policies of forwarding. Ports `in` (10.9.0.1, fd09::1; host .2), and `a`, `b`, `c` (10.0.N.1, fd0N::1; next hop .2 of each); routes lead to `c`.</summary>
public sealed class AbfTests
{
    private static readonly byte[] _in = [2, 0, 0, 0, 0, 9], _host = SwitchLab.Mac(9);

    private static SwitchLab Lab(bool withNeighbors = true)
    {
        var lab = new SwitchLab();
        lab.Control.SetAddresses(lab.Port("in", 9), [new(IPAddress.Parse("10.9.0.1"), 24), new(IPAddress.Parse("fd09::1"), 64)]);
        lab.Control.AddNeighbor(lab.Index("in"), IPAddress.Parse("10.9.0.2"), new PhysicalAddress(_host));
        lab.Control.AddNeighbor(lab.Index("in"), IPAddress.Parse("fd09::2"), new PhysicalAddress(_host));
        foreach (var (name, n) in (ReadOnlySpan<(string, byte)>)[("a", 1), ("b", 2), ("c", 3)])
        {
            var index = lab.Port(name, n);
            lab.Control.SetAddresses(index, [new(IPAddress.Parse($"10.0.{n}.1"), 24), new(IPAddress.Parse($"fd0{n}::1"), 64)]);
            if (!withNeighbors && n < 3) continue;
            lab.Control.AddNeighbor(index, IPAddress.Parse($"10.0.{n}.2"), new PhysicalAddress([2, 0, 0, 0, 3, n]));
            lab.Control.AddNeighbor(index, IPAddress.Parse($"fd0{n}::2"), new PhysicalAddress([2, 0, 0, 0, 3, n]));
        }

        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("10.0.3.2") });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("::/0"), Via = IPAddress.Parse("fd03::2") });
        lab.Step();
        lab.Left();
        return lab;
    }

    private static void Acl(SwitchLab lab, string name, string rules) => lab.Control.Filtering.SetAcl(name, JsonSerializer.Deserialize<AclSpec>($$"""{"rules":[{{rules}}]}""", PolicyJson.Options)!);

    private static RouteHop Via(int n, int weight = 1, bool v6 = false) => new(IPAddress.Parse(v6 ? $"fd0{n}::2" : $"10.0.{n}.2"), null, weight);

    private static void Policy(SwitchLab lab, string name, string acl, params RouteHop[] hops) => lab.Control.Steering.SetPolicy(new AbfPolicy(name, acl, hops));

    private static byte[] Packet(string to, int port = 53, int from = 1000, string source = "10.9.0.2", byte ttl = 64)
    {
        var v6 = to.Contains(':', StringComparison.Ordinal);
        if (v6) source = "fd09::2";
        var udp = Build.Udp(source, to, from, port, Build.Bytes(10));
        return Build.Ethernet(_in, _host, (ushort)(v6 ? 0x86DD : 0x0800), v6 ? Build.Ip6(source, to, 17, udp, ttl) : Build.Ip4(source, to, 17, udp, ttl));
    }

    private static string Way(SwitchLab lab, string to, int port = 53, int from = 1000)
    {
        lab.Send("in", Packet(to, port, from));
        return string.Join(',', lab.Left());
    }

    [Fact]
    public void What_the_acl_permits_goes_to_the_next_hop_and_all_else_where_routes_lead()
    {
        using var lab = Lab();
        Acl(lab, "dns", """{"name":"not-here","action":"deny","to":["192.0.2.9"]},{"name":"dns","action":"permit","protocol":"udp","to_ports":["53"]}""");
        Policy(lab, "dns", "dns", Via(1), Via(2, v6: true));
        Assert.Equal("c", Way(lab, "192.0.2.1"));
        lab.Control.Steering.Bind("in", ["dns"]);
        Assert.Equal(("a", "c", "c"), (Way(lab, "192.0.2.1"), Way(lab, "192.0.2.1", 54), Way(lab, "192.0.2.9")));
        Assert.Equal(("b", "c"), (Way(lab, "2001:db8::1"), Way(lab, "2001:db8::1", 54)));
        // Nobody asks it for what comes in elsewhere.
        lab.Send("b", Build.Ethernet([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 3, 2], 0x0800, Build.Ip4("10.0.2.2", "192.0.2.1", 17, Build.Udp("10.0.2.2", "192.0.2.1", 1, 53, []))));
        Assert.Equal(["c"], lab.Left());

        var row = Assert.Single(lab.Control.Steering.Policies());
        Assert.Equal([("not-here", 1ul), ("dns", 2ul)], row.Rules.Select(r => (r.Name, r.Packets)));
        Assert.Equal(["in"], row.Interfaces);
        Assert.Equal([("a", 256), ("b", 256)], row.NextHops.Select(h => (h.Interface!, h.Share)));
        Assert.Equal((1ul, 1ul), (lab.Count("ip4-lookup/by-policy"), lab.Count("ip6-lookup/by-policy")));

        lab.Control.Steering.Bind("in", []);
        Assert.Equal("c", Way(lab, "192.0.2.1"));
        Assert.False(lab.Control.Tables.Abf.Any);
    }

    [Fact]
    public void Packets_for_the_gateway_and_its_own_follow_no_policy_and_the_ttl_ends_as_ever()
    {
        using var lab = Lab();
        Acl(lab, "all", """{"action":"permit"}""");
        Policy(lab, "all", "all", Via(1), Via(1, v6: true));
        lab.Control.Steering.Bind("in", ["all"]);
        lab.Send("in", Build.Ethernet(_in, _host, 0x0800, Build.Ip4("10.9.0.2", "10.0.2.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8)))));
        Assert.Equal(["in"], lab.Left());
        lab.Send("in", Packet("192.0.2.1", ttl: 1));
        Assert.Equal((11, 0), (new Seen(Assert.Single(lab.Sent("in"))) is var error ? error.IcmpType : 0, error.IcmpCode));
        lab.Send("in", Packet("192.0.2.1", ttl: 9));
        Assert.Equal(8, lab.Sent("a").Single()[14 + 8]);
    }

    [Fact]
    public void A_policy_leads_even_where_no_route_does()
    {
        using var lab = Lab();
        lab.Control.RemoveRoute(0, IPNetwork.Parse("0.0.0.0/0"));
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("198.51.100.0/24"), Kind = RouteKind.Unreachable });
        Acl(lab, "all", """{"action":"permit"}""");
        Policy(lab, "all", "all", Via(1));
        lab.Control.Steering.Bind("in", ["all"]);
        Assert.Equal(("a", "a"), (Way(lab, "192.0.2.1"), Way(lab, "198.51.100.1")));
    }

    [Fact]
    public void Flows_are_shared_out_by_weight_and_a_next_hop_without_link_gives_its_flows_to_the_others()
    {
        using var lab = Lab();
        Acl(lab, "all", """{"action":"permit"}""");
        Policy(lab, "all", "all", Via(1), Via(2, 3));
        lab.Control.Steering.Bind("in", ["all"]);
        string[] Ways() => [.. Enumerable.Range(0, 200).Select(f => Way(lab, "192.0.2.1", 53, 1000 + f))];
        var first = Ways();
        Assert.Equal(first, Ways());
        Assert.InRange(first.Count(w => w == "a"), 20, 90);
        Assert.Equal(["a", "b"], first.Distinct().Order());
        lab.Remove("b");
        Assert.All(Ways(), w => Assert.Equal("a", w));
        lab.Remove("a");
        Assert.All(Ways(), w => Assert.Equal("c", w));
        Assert.Equal(200ul, lab.Count("ip4-lookup/policy-away"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void While_no_next_hop_answers_packets_follow_their_route_or_their_sender_hears(bool drops)
    {
        using var lab = Lab(withNeighbors: false);
        Acl(lab, "all", """{"action":"permit"}""");
        lab.Control.Steering.SetPolicy(new AbfPolicy("all", "all", [Via(1)], Drops: drops));
        lab.Control.Steering.Bind("in", ["all"]);
        // It is being asked for.
        Assert.Equal("a", Way(lab, "192.0.2.1"));
        lab.Control.TakeNotice(new Notice { Kind = NoticeKind.NeighborFailed, Interface = lab.Index("a"), AddressLow = 0x0A00_0102 });
        lab.Left();
        if (drops) Assert.DoesNotContain("c", Way(lab, "192.0.2.2"));
        else Assert.Equal("c", Way(lab, "192.0.2.2"));
        Assert.True(lab.Control.Steering.Policies()[0].NextHops[0].IsAway);

        lab.Send("a", Build.Ethernet([2, 0, 0, 0, 0, 1], [2, 0, 0, 0, 3, 1], 0x0806, Build.Arp(2, [2, 0, 0, 0, 3, 1], "10.0.1.2", [2, 0, 0, 0, 0, 1], "10.0.1.1")));
        lab.Left();
        Assert.Equal("a", Way(lab, "192.0.2.3"));

        lab.Remove("a");
        lab.Send("in", Packet("192.0.2.4"));
        if (!drops)
        {
            Assert.Equal(["c"], lab.Left());
            return;
        }
        var error = new Seen(Assert.Single(lab.Sent("in")));
        Assert.Equal((3, 1), (error.IcmpType, error.IcmpCode));
        Assert.Contains("ip4-lookup/unreachable=1", lab.Drops());
    }

    [Fact]
    public void A_policy_without_next_hops_drops_both_families()
    {
        using var lab = Lab();
        Acl(lab, "bad", """{"action":"permit","protocol":"udp","to_ports":["99"]}""");
        lab.Control.Steering.SetPolicy(new AbfPolicy("bad", "bad", [], Drops: true));
        lab.Control.Steering.Bind("in", ["bad"]);
        Assert.Equal(("in", "in"), (Way(lab, "192.0.2.1", 99), Way(lab, "2001:db8::1", 99)));
        Assert.Equal(("c", "c"), (Way(lab, "192.0.2.1", 98), Way(lab, "2001:db8::1", 98)));
    }

    [Fact]
    public void Policies_are_asked_in_their_order_and_one_without_next_hops_of_a_family_is_not_asked_for_it()
    {
        using var lab = Lab();
        Acl(lab, "all", """{"action":"permit"}""");
        Acl(lab, "dns", """{"action":"permit","protocol":"udp","to_ports":["53"]}""");
        Policy(lab, "four", "all", Via(1));
        Policy(lab, "both", "dns", Via(2), Via(2, v6: true));
        lab.Control.Steering.Bind("in", ["four", "both"]);
        Assert.Equal(("a", "b"), (Way(lab, "192.0.2.1"), Way(lab, "2001:db8::1")));
        lab.Control.Steering.Bind("in", ["both", "four"]);
        Assert.Equal(("b", "a", "b", "c"), (Way(lab, "192.0.2.1"), Way(lab, "192.0.2.1", 54), Way(lab, "2001:db8::1"), Way(lab, "2001:db8::1", 54)));
    }

    [Fact]
    public void A_change_of_acl_group_or_policy_takes_effect_and_what_was_counted_stays()
    {
        using var lab = Lab();
        lab.Control.Filtering.SetGroup("ports", JsonSerializer.Deserialize<GroupSpec>("""{"ports":["53"]}""", PolicyJson.Options)!);
        Acl(lab, "dns", """{"name":"x","action":"permit","protocol":"udp","to_ports":["ports"]}""");
        Policy(lab, "dns", "dns", Via(1));
        lab.Control.Steering.Bind("in", ["dns"]);
        Assert.Equal(("a", "c"), (Way(lab, "192.0.2.1"), Way(lab, "192.0.2.1", 54)));
        lab.Control.Filtering.SetGroup("ports", JsonSerializer.Deserialize<GroupSpec>("""{"ports":["54"]}""", PolicyJson.Options)!);
        Assert.Equal(("c", "a"), (Way(lab, "192.0.2.1"), Way(lab, "192.0.2.1", 54)));
        Policy(lab, "dns", "dns", Via(2));
        Assert.Equal("b", Way(lab, "192.0.2.1", 54));
        Acl(lab, "dns", """{"name":"x","action":"permit"}""");
        Assert.Equal("b", Way(lab, "192.0.2.1"));
        lab.Control.Tick();
        Assert.Equal(4ul, lab.Control.Steering.Policies()[0].Rules[0].Packets);
        lab.Control.Steering.RemovePolicy("dns");
        Assert.Equal("c", Way(lab, "192.0.2.1"));
        Assert.Empty(lab.Control.Steering.Policies());
    }

    [Fact]
    public void Everything_is_given_back_and_an_interface_that_returns_has_its_policies_again()
    {
        using var lab = Lab();
        var before = lab.Control.Tables.Adjacencies.Count;
        Acl(lab, "all", """{"action":"permit"}""");
        for (var n = 0; n < 20; n++) Policy(lab, "all", "all", Via(1), Via(2, n + 1));
        lab.Control.Steering.Bind("in", ["all"]);
        lab.Remove("in");
        Assert.False(lab.Control.Tables.Abf.Any);
        lab.Control.SetAddresses(lab.Port("in", 9), [new(IPAddress.Parse("10.9.0.1"), 24)]);
        lab.Control.AddNeighbor(lab.Index("in"), IPAddress.Parse("10.9.0.2"), new PhysicalAddress(_host));
        lab.Step();
        lab.Left();
        Assert.NotEqual("c", Way(lab, "192.0.2.1"));
        lab.Control.Steering.Bind("in", []);
        lab.Control.Steering.RemovePolicy("all");
        lab.Step();
        lab.Control.Tick();
        // The host's IPv6 address was not told again.
        Assert.Equal(before - 1, lab.Control.Tables.Adjacencies.Count);
    }

    [Fact]
    public void Next_hops_may_lie_in_another_vrf()
    {
        using var lab = Lab();
        var blue = lab.Control.VrfOf("blue");
        var index = lab.Port("d", 4, vrf: blue);
        lab.Control.SetAddresses(index, [new(IPAddress.Parse("10.0.1.1"), 24)]);
        lab.Control.AddNeighbor(index, IPAddress.Parse("10.0.1.2"), new PhysicalAddress([2, 0, 0, 0, 3, 4]));
        Acl(lab, "all", """{"action":"permit"}""");
        lab.Control.Steering.SetPolicy(new AbfPolicy("all", "all", [Via(1)], blue));
        lab.Control.Steering.Bind("in", ["all"]);
        lab.Step();
        lab.Left();
        Assert.Equal("d", Way(lab, "192.0.2.1"));
    }

    [Fact]
    public void All_packets_of_a_translated_flow_go_the_way_of_its_first_one()
    {
        using var lab = Lab();
        Acl(lab, "hosts", """{"action":"permit","from":["10.9.0.0/24"],"protocol":"udp","from_ports":["1000-1199"]}""");
        Policy(lab, "hosts", "hosts", Via(1), Via(2));
        lab.Control.Steering.Bind("in", ["hosts"]);
        foreach (var by in (string[])["a", "b", "c"])
            lab.Control.Flows.SetRule(new NatRule.Source { Name = by, From = [IPNetwork.Parse("10.9.0.0/24")], OutInterface = by });
        for (var flow = 0; flow < 100; flow++)
        {
            var sources = new List<string>();
            var ways = new List<string>();
            for (var n = 0; n < 3; n++)
            {
                lab.Send("in", Packet("192.0.2.1", 53, 1000 + flow));
                foreach (var by in (string[])["a", "b", "c"])
                    foreach (var frame in lab.Sent(by))
                    {
                        ways.Add(by);
                        sources.Add(new IPAddress(frame.AsSpan(14 + 12, 4)).ToString());
                    }
            }

            Assert.Equal(3, ways.Count);
            Assert.Single(ways.Distinct());
            Assert.Single(sources.Distinct());
            Assert.Equal(ways[0] == "a" ? "10.0.1.1" : "10.0.2.1", sources[0]);
        }
    }

    [Fact]
    public void Translated_flows_keep_to_one_of_a_routes_next_hops_too()
    {
        using var lab = Lab();
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("192.0.2.0/24"), NextHops = [Via(1), Via(2), Via(3)] });
        foreach (var by in (string[])["a", "b", "c"])
            lab.Control.Flows.SetRule(new NatRule.Source { Name = by, From = [IPNetwork.Parse("10.9.0.0/24")], OutInterface = by });
        for (var flow = 0; flow < 60; flow++)
        {
            var first = Way(lab, "192.0.2.1", 53, 1000 + flow);
            Assert.Equal((first, first), (Way(lab, "192.0.2.1", 53, 1000 + flow), Way(lab, "192.0.2.1", 53, 1000 + flow)));
        }
    }

    /// <summary>The graph against the obvious: the first rule of the first policy that matches.</summary>
    [Fact]
    public void Random_policies_send_packets_where_a_plain_reading_of_them_does()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var lab = Lab();
        for (var round = 0; round < 12; round++)
        {
            var policies = new List<(List<(bool Permit, int Low, int High, int? Host)> Rules, int Hop, bool Drops)>();
            var count = random.Next(1, 5);
            for (var p = 0; p < count; p++)
            {
                var rules = Enumerable.Range(0, random.Next(1, 12)).Select(_ =>
                {
                    var low = random.Next(1, 40);
                    return (random.Next(3) > 0, low, random.Next(low, 41), random.Next(2) == 0 ? random.Next(1, 6) : (int?)null);
                }).ToList();
                var (hop, drops) = (random.Next(0, 3), random.Next(2) == 0);
                policies.Add((rules, hop, drops));
                Acl(lab, $"p{p}", string.Join(',', rules.Select(r =>
                    $$"""{"action":"{{(r.Item1 ? "permit" : "deny")}}","protocol":"udp","to_ports":["{{r.low}}-{{r.Item3}}"]{{(r.Item4 is { } host ? $",\"to\":[\"192.0.2.{host}\"]" : "")}}}""")));
                // Hop 0 is one that nobody reaches.
                lab.Control.Steering.SetPolicy(new AbfPolicy($"p{p}", $"p{p}", [hop == 0 ? new RouteHop(IPAddress.Parse("10.250.0.1")) : Via(hop)], Drops: drops));
            }

            lab.Control.Steering.Bind("in", [.. Enumerable.Range(0, count).Select(p => $"p{p}")]);
            for (var n = 0; n < 60; n++)
            {
                var (host, port) = (random.Next(1, 8), random.Next(1, 45));
                var expected = "c";
                foreach (var (rules, hop, drops) in policies)
                {
                    var hit = rules.FindIndex(r => port >= r.Low && port <= r.High && (r.Host is null || r.Host == host));
                    if (hit < 0) continue;
                    if (rules[hit].Permit) expected = hop switch { 1 => "a", 2 => "b", _ => drops ? "in" : "c" };
                    break;
                }

                Assert.True(expected == Way(lab, $"192.0.2.{host}", port), $"seed {seed}, round {round}, host {host}, port {port}");
            }
        }
    }

    [Fact]
    public async Task Items_bring_policies_and_an_interface_waits_for_those_it_names()
    {
        using var gateway = new TestGateway();
        using var factory = new PortFactory(null);
        var (policies, interfaces) = (new AbfPolicyDescriptor(gateway.Control), new InterfaceDescriptor(gateway.Control, factory));
        gateway.Control.Filtering.SetAcl("all", new AclSpec { Rules = [new AclRule { Action = AclAction.Permit }] });
        var policy = Read<AbfPolicySpec>("abf-policy", "p", """{"acl":"all","next_hops":[{"via":"198.51.100.2","weight":2},{"interface":"wan"}],"fallback":"drop","next_hop_vrf":"default"}""");
        var plain = Read<InterfaceSpec>("interface", "lo9", """{"type":"loopback"}""");
        var asking = Read<InterfaceSpec>("interface", "lo9", """{"type":"loopback","abf":["p"]}""");
        var desired = new Dictionary<ItemKey, Item>();
        Assert.Equal([new("acl", "all")], policies.Dependencies(policy, desired));
        Assert.Equal([policy.Key], interfaces.Dependencies(asking, desired));
        Assert.True(interfaces.CanUpdate(plain.Spec, asking.Spec));
        await policies.CreateAsync(policy, CancellationToken.None);
        await interfaces.CreateAsync(asking, CancellationToken.None);
        var row = Assert.Single(gateway.Control.Steering.Policies());
        Assert.Equal(["lo9"], row.Interfaces);
        Assert.True(row.Policy.Drops);
        Assert.Equal([("198.51.100.2", 2), (null, 1)], row.NextHops.Select(h => (h.Via?.ToString(), h.Weight)));
        await interfaces.UpdateAsync(asking, plain, CancellationToken.None);
        Assert.Empty(gateway.Control.Steering.Policies()[0].Interfaces);
        await interfaces.UpdateAsync(plain, asking, CancellationToken.None);
        await interfaces.DeleteAsync(asking, CancellationToken.None);
        Assert.Empty(gateway.Control.Steering.Policies()[0].Interfaces);
        await policies.DeleteAsync(policy, CancellationToken.None);
        Assert.Empty(gateway.Control.Steering.Policies());
    }

    private static Item Read<T>(string kind, string name, string json)
        where T : ItemSpec => new(new ItemKey(kind, name), JsonSerializer.Deserialize<T>(json, PolicyJson.Options)!);
}
