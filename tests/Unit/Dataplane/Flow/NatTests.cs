using System.Net;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Flow;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Esp;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>NAT44 and tracking through a whole gateway: `lan` has the hosts, `wan` the world.</summary>
public sealed class NatTests
{
    private const string Host = "10.1.0.2", Own = "198.51.100.1", Remote = "203.0.113.9";

    private static readonly NatRule.Source _masquerade = new() { Name = "out", From = [IPNetwork.Parse("10.1.0.0/24")], OutInterface = "wan" };

    [Fact]
    public void A_masqueraded_datagram_leaves_with_the_interfaces_address_and_its_answer_comes_home()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        var sent = Assert.Single(gateway.OnWan()).Ip;
        Assert.Equal((Own, 5000, Remote, 53), Ends(sent));
        Valid(sent);
        gateway.FromWan(Udp(Remote, 53, Own, 5000));
        var back = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Remote, 53, Host, 5000), Ends(back));
        Valid(back);

        // The second one takes the known way.
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Equal((Own, 5000, Remote, 53), Ends(Assert.Single(gateway.OnWan()).Ip));
        Assert.Equal((1ul, 2ul), (gateway.Count("ip4-flow-output/begun"), gateway.Count("ip4-flow-input/known")));
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void Packets_of_a_new_flow_that_come_together_leave_all_alike()
    {
        using var gateway = With(_masquerade);
        for (var i = 0; i < 3; i++) gateway.LanPort.Offer(Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Udp(Host, 5000, Remote, 53)));
        gateway.Step();
        Assert.Equal(Enumerable.Repeat((Own, 5000, Remote, 53), 3), gateway.OnWan().Select(f => Ends(f.Ip)));
        Assert.Equal(3ul, Assert.Single(gateway.Control.Flows.Rows()).Packets);
    }

    [Fact]
    public void A_datagram_without_a_checksum_keeps_none()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 5000, 53, [1, 2, 3], checksum: false)));
        var sent = Assert.Single(gateway.OnWan()).Ip;
        Assert.Equal(0, Build.Get16(sent, 26));
        Assert.Equal(Own, From(sent));
    }

    [Fact]
    public void Two_hosts_with_one_port_towards_one_server_get_two_ports_and_towards_two_servers_may_share_one()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromLan(Udp("10.1.0.3", 5000, Remote, 53));
        gateway.FromLan(Udp("10.1.0.4", 5000, "203.0.113.10", 53));
        var ports = gateway.OnWan().ConvertAll(f => Ends(f.Ip).FromPort);
        Assert.Equal(5000, ports[0]);
        Assert.NotEqual(5000, ports[1]);
        Assert.InRange(ports[1], NatPorts.DefaultFirst, NatPorts.DefaultLast);
        Assert.Equal(5000, ports[2]);
    }

    [Fact]
    public void Tcp_and_echo_are_translated_both_ways()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Build.Ip4(Host, Remote, 6, Build.Tcp(Host, Remote, 2, [], [])));
        var syn = Assert.Single(gateway.OnWan()).Ip;
        var port = Ends(syn).FromPort;
        Assert.Equal((Own, Remote, 80), (From(syn), To(syn), Ends(syn).ToPort));
        Valid(syn);
        byte[] answer = Build.Tcp(Remote, Own, 18, [], [1, 2, 3]);
        Build.Put16(answer, 0, 80);
        Build.Put16(answer, 2, port);
        Build.Put16(answer, 16, 0);
        Build.Put16(answer, 16, SlowChecksum.Of([.. Build.Pseudo(Remote, Own, 6, answer.Length), .. answer]));
        gateway.FromWan(Build.Ip4(Remote, Own, 6, answer));
        var synAck = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Remote, 80, Host, 40000), Ends(synAck));
        Valid(synAck);

        gateway.FromLan(Build.Ip4(Host, Remote, 1, Build.Icmp4(8, 0, 0x1234_0001, Build.Bytes(20))));
        var echo = Assert.Single(gateway.OnWan()).Ip;
        var id = Build.Get16(echo, 24);
        Assert.Equal((Own, 1), (From(echo), Build.Get16(echo, 26)));
        Valid(echo);
        gateway.FromWan(Build.Ip4(Remote, Own, 1, Build.Icmp4(0, 0, (uint)id << 16 | 1, Build.Bytes(20))));
        var reply = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Host, 0x1234), (To(reply), Build.Get16(reply, 24)));
        Valid(reply);
    }

    [Fact]
    public void A_router_on_the_way_is_heard_by_the_host_that_sent_the_packet()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 40000, Remote, 33434));
        var sent = Assert.Single(gateway.OnWan()).Ip;
        gateway.FromWan(Build.Ip4("192.0.2.77", Own, 1, Build.Icmp4(11, 0, 0, sent)));
        var error = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal(("192.0.2.77", Host, 11), (From(error), To(error), error[20]));
        Valid(error);
        var quoted = error[28..];
        Assert.Equal((Host, 40000, Remote, 33434), Ends(quoted));
        Valid(quoted);
        Assert.Equal(1ul, gateway.Count("ip4-flow-input/errors-translated"));

        // A wrong checksum is not mended.
        byte[] bad = Build.Ip4("192.0.2.77", Own, 1, Build.Icmp4(11, 0, 0, sent));
        bad[22] ^= 1;
        gateway.FromWan(bad);
        Assert.Empty(gateway.OnLan());
        Assert.Equal(1ul, gateway.Count("ip4-flow-input/bad-icmp-checksum"));
    }

    [Fact]
    public void A_hop_that_ends_here_is_told_to_the_host_with_what_it_sent()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 5000, 53, [1]), ttl: 1));
        Assert.Empty(gateway.OnWan());
        var error = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Host, 11), (To(error), error[20]));
        Assert.Equal((Host, 5000, Remote, 53), Ends(error[28..]));
    }

    [Fact]
    public void A_packet_too_big_behind_the_translation_is_told_with_what_the_host_sent()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 5000, 53, Build.Bytes(1600)), df: true));
        var error = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Host, 3, 4, 1500), (To(error), error[20], error[21], Build.Get16(error, 26)));
        Assert.Equal((Host, 5000, Remote, 53), Ends(error[28..]));
    }

    [Fact]
    public void Fragments_are_translated_with_the_ports_of_the_first_whatever_comes_first()
    {
        using var gateway = With(_masquerade);
        var datagram = Build.Udp(Host, Remote, 5000, 53, Build.Bytes(64));
        gateway.FromLan(Build.Ip4(Host, Remote, 17, datagram[40..], id: 7, offset: 40));
        Assert.Empty(gateway.OnWan());
        gateway.FromLan(Build.Ip4(Host, Remote, 17, datagram[..40], id: 7, mf: true));
        var sent = Assert.Single(gateway.OnWan()).Ip;
        Assert.Equal((Own, 5000, Remote, 53), Ends(sent));
        Assert.Equal(92, sent.Length);
        Valid(sent);
    }

    [Fact]
    public void Overlapping_fragments_are_dropped()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Bytes(40), id: 7, mf: true));
        gateway.FromLan(Build.Ip4(Host, Remote, 17, Build.Bytes(40), id: 7, offset: 32));
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip4-reassembly/overlap"));
    }

    [Fact]
    public void A_pools_addresses_are_answered_for_and_nothing_but_its_flows_gets_in()
    {
        using var gateway = With(new NatRule.Source { Name = "pool", OutInterface = "wan", Addresses = [(IPAddress.Parse("198.51.100.50"), IPAddress.Parse("198.51.100.53"))] });
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        var outside = Ends(Assert.Single(gateway.OnWan()).Ip);
        Assert.StartsWith("198.51.100.5", outside.From, StringComparison.Ordinal);
        gateway.FromWan(Udp(Remote, 53, outside.From, outside.FromPort));
        Assert.Equal(Host, To(Assert.Single(gateway.OnLan()).Ip));
        gateway.FromWan(Udp("203.0.113.66", 53, outside.From, outside.FromPort));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(1ul, gateway.Count("ip4-flow-input/no-flow"));

        // A host keeps to its address.
        gateway.FromLan(Udp(Host, 5001, "203.0.113.77", 53));
        Assert.Equal(outside.From, From(Assert.Single(gateway.OnWan()).Ip));

        gateway.Frame(gateway.WanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.WanHost, 0x0806, Build.Arp(1, TestGateway.WanHost, "198.51.100.2", new byte[6], "198.51.100.52")));
        Assert.Equal(1ul, gateway.Count("arp-input/replies-sent"));
    }

    [Fact]
    public void When_no_port_is_left_the_flow_is_dropped_and_counted()
    {
        using var gateway = With(new NatRule.Source { Name = "out", OutInterface = "wan", FirstPort = 2000, LastPort = 2003 });
        for (var i = 0; i < 6; i++) gateway.FromLan(Udp(Host, 3000 + i, Remote, 53));
        Assert.Equal([2000, 2001, 2002, 2003], gateway.OnWan().Select(f => Ends(f.Ip).FromPort).Order());
        Assert.Equal(2ul, gateway.Count("ip4-flow-output/ports-exhausted"));

        // Towards another server the same ports serve again.
        gateway.FromLan(Udp(Host, 3000, "203.0.113.10", 53));
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void A_forwarded_port_leads_inside_and_the_answer_comes_from_the_outside_address()
    {
        using var gateway = With(new NatRule.Static { Name = "web", Outside = IPAddress.Parse(Own), Inside = IPAddress.Parse(Host), Protocol = 17, OutsidePort = 8080, InsidePort = 80 }, _masquerade);
        gateway.FromWan(Udp(Remote, 777, Own, 8080));
        var inside = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Remote, 777, Host, 80), Ends(inside));
        Valid(inside);
        gateway.FromLan(Udp(Host, 80, Remote, 777));
        var answer = Assert.Single(gateway.OnWan()).Ip;
        Assert.Equal((Own, 8080, Remote, 777), Ends(answer));
        Valid(answer);

        // Another port of the address stays the gateway's.
        gateway.FromWan(Udp(Remote, 777, Own, 8081));
        Assert.Empty(gateway.OnLan());
    }

    [Fact]
    public void A_host_with_an_outside_address_of_its_own_has_it_both_ways_with_every_protocol()
    {
        using var gateway = With(new NatRule.Static { Name = "host", Outside = IPAddress.Parse("198.51.100.60"), Inside = IPAddress.Parse(Host) }, _masquerade);
        gateway.FromLan(Udp(Host, 50000, Remote, 53));
        Assert.Equal(("198.51.100.60", 50000, Remote, 53), Ends(Assert.Single(gateway.OnWan()).Ip));
        gateway.FromWan(Build.Ip4(Remote, "198.51.100.60", 47, Build.Bytes(16)));
        var gre = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Remote, Host), (From(gre), To(gre)));
        Valid(gre);
    }

    [Fact]
    public void A_host_reaches_its_neighbor_by_the_outside_address()
    {
        using var gateway = With(new NatRule.Static { Name = "web", Outside = IPAddress.Parse(Own), Inside = IPAddress.Parse(Host), Protocol = 17, OutsidePort = 8080, InsidePort = 80 });
        gateway.FromLan(Udp("10.1.0.9", 5000, Own, 8080));
        var there = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Own, 5000, Host, 80), Ends(there));
        gateway.Control.AddNeighbor(gateway.Lan, IPAddress.Parse("10.1.0.9"), new System.Net.NetworkInformation.PhysicalAddress(TestGateway.LanHost));
        gateway.FromLan(Udp(Host, 80, Own, 5000));
        var back = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((Own, 8080, "10.1.0.9", 5000), Ends(back));
        Valid(back);
    }

    [Fact]
    public void A_service_spreads_by_weight_and_with_affinity_keeps_a_source_at_one_host()
    {
        NatBackend[] backends = [new(IPAddress.Parse("10.1.0.2"), 80, 1), new(IPAddress.Parse("10.1.0.3"), 80, 3)];
        var rule = new NatRule.Service { Name = "web", Outside = IPAddress.Parse(Own), Protocol = 17, OutsidePort = 80, Backends = backends };
        using var gateway = With(rule);
        gateway.Control.AddNeighbor(gateway.Lan, IPAddress.Parse("10.1.0.3"), new System.Net.NetworkInformation.PhysicalAddress(TestGateway.LanHost));
        for (var i = 0; i < 400; i++) gateway.FromWan(Udp(Remote, 1000 + i, Own, 80));
        var first = gateway.OnLan().Count(f => To(f.Ip) == "10.1.0.2");
        Assert.InRange(first, 60, 140);

        gateway.Control.Flows.SetRule(rule with { Affinity = true });
        for (var i = 0; i < 100; i++) gateway.FromWan(Udp("203.0.113.200", 1000 + i, Own, 80));
        Assert.Single(gateway.OnLan().Select(f => To(f.Ip)).Distinct());
    }

    [Fact]
    public void Flows_end_when_their_rule_goes_and_go_on_when_another_does()
    {
        using var gateway = With(_masquerade, new NatRule.Static { Name = "web", Outside = IPAddress.Parse(Own), Inside = IPAddress.Parse(Host), Protocol = 17, OutsidePort = 8080, InsidePort = 80 });
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        gateway.Control.Flows.RemoveRule("web");
        gateway.FromWan(Udp(Remote, 53, Own, 5000));
        Assert.Single(gateway.OnLan());
        gateway.Control.Flows.RemoveRule("out");
        gateway.FromWan(Udp(Remote, 53, Own, 5000));
        Assert.Empty(gateway.OnLan());
        gateway.OnWan();
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Equal(Host, From(Assert.Single(gateway.OnWan()).Ip));
    }

    [Fact]
    public void An_exempt_network_keeps_its_addresses()
    {
        using var gateway = With(_masquerade with { Order = 2 }, new NatRule.Source { Name = "not", Order = 1, From = [IPNetwork.Parse("10.1.0.2/32")], Exempt = true });
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromLan(Udp("10.1.0.3", 5000, Remote, 53));
        Assert.Equal([Host, Own], gateway.OnWan().Select(f => From(f.Ip)));
    }

    [Fact]
    public void Tracking_alone_changes_no_packet_and_refuses_segments_that_cannot_be()
    {
        using var gateway = new TestGateway();
        gateway.Control.Flows.SetTracking(all: true, loose: false);
        gateway.FromLan(Build.Ip4(Host, Remote, 6, Build.Tcp(Host, Remote, 16, [], [])));
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip4-flow-output/not-syn"));
        gateway.FromLan(Build.Ip4(Host, Remote, 6, Build.Tcp(Host, Remote, 2, [], [])));
        Assert.Equal((Host, 40000, Remote, 80), Ends(Assert.Single(gateway.OnWan()).Ip));
        gateway.FromLan(Build.Ip4(Host, Remote, 6, Build.Tcp(Host, Remote, 3, [], [])));
        Assert.Equal(1ul, gateway.Count("ip4-flow-input/bad-state"));
    }

    /// <summary>Which worker a packet meets first is chance; pools, served hosts and plain flows find the one that has their flow.</summary>
    [Theory]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(16)]
    public void Answers_find_the_worker_that_has_their_flow(int workers)
    {
        using var gateway = new TestGateway(workers: workers);
        gateway.Control.Flows.SetRules(
        [
            new NatRule.Source { Name = "pool", OutInterface = "wan", Addresses = [(IPAddress.Parse("198.51.100.50"), IPAddress.Parse("198.51.100.50"))] },
            new NatRule.Static { Name = "web", Outside = IPAddress.Parse(Own), Inside = IPAddress.Parse(Host), Protocol = 17, OutsidePort = 8080, InsidePort = 80 },
        ]);
        for (var i = 0; i < 100; i++)
        {
            var remote = $"203.0.113.{i + 1}";
            gateway.FromLan(Udp("10.1.0.2", 3000 + i, remote, 53));
            var ends = Ends(Assert.Single(gateway.OnWan()).Ip);
            gateway.FromWan(Udp(remote, 53, ends.From, ends.FromPort));
            Assert.Equal(("10.1.0.2", 3000 + i), (To(Assert.Single(gateway.OnLan()).Ip), 3000 + i));
            gateway.FromWan(Udp(remote, 777, Own, 8080));
            Assert.Equal((remote, 777, Host, 80), Ends(Assert.Single(gateway.OnLan()).Ip));
            gateway.FromLan(Udp(Host, 80, remote, 777));
            Assert.Equal((Own, 8080, remote, 777), Ends(Assert.Single(gateway.OnWan()).Ip));
        }
        Assert.True(gateway.Control.Workers.Count(w => w.Context.Sessions.Count > 0) > 1);
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void Known_and_new_flows_allocate_nothing()
    {
        using var gateway = With(_masquerade);
        var worker = gateway.Control.Workers[0];
        var sent = new uint[4096];
        var frames = Enumerable.Range(0, 250).Select(i => Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Udp(Host, 2000 + i, Remote, 53))).ToList();
        void Round()
        {
            foreach (var frame in frames) gateway.LanPort.Offer(PacketCopy.FromBytes(gateway.Control.Pool, frame));
            while (worker.Step())
            {
            }
            gateway.Control.Pool.Free(sent.AsSpan(0, gateway.WanPort.Collect(sent)));
            // Every other round begins them all anew.
            for (uint slot = 1; slot < worker.Context.Sessions.Bound; slot += 2) worker.Context.Sessions.Remove(slot);
            for (uint slot = 2; slot < worker.Context.Sessions.Bound; slot += 2) worker.Context.Sessions.Remove(slot);
        }
        Round();
        Round();
        var allocated = long.MaxValue;
        for (var attempt = 0; attempt < 3 && allocated != 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < 100; round++) Round();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(0, allocated);
    }

    [Fact]
    public void What_a_rule_reflects_comes_back_and_ends_when_the_rule_says_so()
    {
        using var gateway = new TestGateway();
        Reflecting.Attach(gateway.Control, gateway.Lan, FilterPoint.In4, FilterAction.Reflect, FilterAction.Deny);
        Reflecting.Attach(gateway.Control, gateway.Wan, FilterPoint.In4, FilterAction.Deny, FilterAction.Deny);
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Empty(gateway.OnLan());
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Equal((Remote, 53, Host, 5000), Ends(Assert.Single(gateway.OnLan()).Ip));
        gateway.FromWan(Udp(Remote, 54, Host, 5000));
        Assert.Empty(gateway.OnLan());

        // Another change leaves it; a denial ends it, also for answers alone.
        Reflecting.Attach(gateway.Control, gateway.Wan, FilterPoint.Out4, FilterAction.Permit, FilterAction.Permit);
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Single(gateway.OnLan());
        Reflecting.Attach(gateway.Control, gateway.Lan, FilterPoint.In4, FilterAction.Deny, FilterAction.Reflect);
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Empty(gateway.OnLan());
    }

    // RFC 4301 §5: what is to be protected never leaves in clear, whatever it was before.
    [Fact]
    public void A_flow_that_a_new_policy_protects_does_not_go_on_translated()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, "10.2.0.5", 53));
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.All(gateway.OnWan(), f => Assert.Equal(Own, From(f.Ip)));
        gateway.Control.Security.SetPolicies([SecurityPolicy.OfChild(new ConnectionName("branch"), new ChildName("net"), EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/16"))]);
        gateway.FromLan(Udp(Host, 5000, "10.2.0.5", 53));
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("spd4-output/no-sa"));
        gateway.FromWan(Udp("10.2.0.5", 53, Own, 5000));
        Assert.Empty(gateway.OnLan());
        gateway.OnWan();
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Equal(Own, From(Assert.Single(gateway.OnWan()).Ip));

        // And a new one is not translated at all.
        gateway.FromLan(Udp(Host, 5001, "10.2.0.6", 53));
        Assert.Empty(gateway.OnWan());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Cleared_flows_are_those_that_were_meant(int workers)
    {
        using var gateway = new TestGateway(workers: workers);
        gateway.Control.Flows.SetRules([_masquerade, new NatRule.Source { Name = "other", Order = 200, OutInterface = "wan" }]);
        int Flows(string address) => gateway.Control.Flows.Rows(IPAddress.Parse(address)).Count;
        void Begin()
        {
            for (var i = 0; i < 20; i++)
            {
                gateway.FromLan(Udp(Host, 5000 + i, Remote, 53));
                gateway.FromLan(Udp("10.1.0.3", 5000 + i, Remote, 53));
                gateway.FromLan(Udp("10.9.0.3", 5000 + i, Remote, 53));
            }

            gateway.OnWan();
            Assert.Equal((20, 20, 20), (Flows(Host), Flows("10.1.0.3"), Flows("10.9.0.3")));
        }

        Begin();
        Clear(gateway, IPAddress.Parse(Host), null, null);
        Assert.Equal((0, 20, 20), (Flows(Host), Flows("10.1.0.3"), Flows("10.9.0.3")));
        Begin();
        Clear(gateway, null, "out", null);
        Assert.Equal((0, 0, 20), (Flows(Host), Flows("10.1.0.3"), Flows("10.9.0.3")));
        Begin();
        Clear(gateway, IPAddress.Parse(Host), "other", null);
        Clear(gateway, null, "none", null);
        Clear(gateway, null, null, "blue");
        Assert.Equal(60, gateway.Control.Flows.Level.Count);
        Clear(gateway, null, null, "default");
        Assert.Equal(0, gateway.Control.Flows.Level.Count);
        Begin();
        Clear(gateway, null, null, null);
        Assert.Equal(0, gateway.Control.Flows.Level.Count);
    }

    private static void Clear(TestGateway gateway, IPAddress? address, string? rule, string? vrf)
    {
        gateway.Control.Flows.Clear(address, rule, vrf);
        gateway.Step();
    }

    [Fact]
    public void Flows_and_rules_are_shown()
    {
        using var gateway = With(_masquerade);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromWan(Udp(Remote, 53, Own, 5000));
        gateway.FromLan(Udp("10.1.0.3", 5001, Remote, 53));
        var row = Assert.Single(gateway.Control.Flows.Rows(IPAddress.Parse(Host)));
        Assert.Equal((IPEndPoint.Parse($"{Host}:5000"), IPEndPoint.Parse($"{Own}:5000"), "stream", "out", true), (row.Source, row.ReplyDestination, row.State, row.Rule, row.IsReplied));
        Assert.Equal((1ul, 33ul, 1ul, 33ul), (row.Packets, row.Bytes, row.ReplyPackets, row.ReplyBytes));
        Assert.Equal(2, gateway.Control.Flows.Rows().Count);
        Assert.Single(gateway.Control.Flows.Rows(limit: 1));
        Assert.Equal(2, Assert.Single(gateway.Control.Flows.Rules()).Flows);
        Assert.Equal(2, gateway.Control.Flows.Level.Count);
    }

    /// <summary>Random flows of many hosts in a small range of ports: no two flows look alike outside, every answer comes home, every checksum is right.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void Random_flows_never_meet_and_every_answer_comes_home(int workers)
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var gateway = new TestGateway(workers: workers);
        gateway.Control.Flows.SetRule(_masquerade with { FirstPort = 2000, LastPort = 2199 });
        for (var i = 3; i < 40; i++) gateway.Control.AddNeighbor(gateway.Lan, IPAddress.Parse($"10.1.0.{i}"), new System.Net.NetworkInformation.PhysicalAddress(TestGateway.LanHost));
        Dictionary<(string, int, string, int), (string, int)> outside = [];
        Dictionary<(string, int, string, int), (string, int)> inside = [];
        for (var i = 0; i < 1500; i++)
        {
            var (host, port, remote) = ($"10.1.0.{random.Next(2, 40)}", random.Next(1900, 2100), $"203.0.113.{random.Next(1, 5)}");
            gateway.FromLan(Udp(host, port, remote, 53));
            var frames = gateway.OnWan();
            if (frames.Count == 0) continue;
            var sent = frames[0].Ip;
            Valid(sent);
            var ends = Ends(sent);
            var flow = (host, port, remote, 53);
            if (inside.TryGetValue(flow, out var before)) Assert.Equal(before, (ends.From, ends.FromPort));
            else Assert.True(outside.TryAdd(ends, (host, port)));
            inside[flow] = (ends.From, ends.FromPort);
            gateway.FromWan(Udp(remote, 53, ends.From, ends.FromPort));
            var back = Assert.Single(gateway.OnLan()).Ip;
            Assert.Equal((remote, 53, host, port), Ends(back));
            Valid(back);
        }
        Assert.Equal(800, outside.Count);
        Assert.True(gateway.Count("ip4-flow-output/ports-exhausted") > 0);
    }

    private static TestGateway With(params NatRule[] rules)
    {
        var gateway = new TestGateway();
        foreach (var rule in rules) Assert.True(gateway.Control.Flows.SetRule(rule));
        return gateway;
    }

    private static byte[] Udp(string from, int fromPort, string to, int toPort) => Build.Ip4(from, to, 17, Build.Udp(from, to, fromPort, toPort, [1, 2, 3, 4, 5]));

    private static string From(byte[] ip) => new IPAddress(ip.AsSpan(12, 4)).ToString();

    private static string To(byte[] ip) => new IPAddress(ip.AsSpan(16, 4)).ToString();

    private static (string From, int FromPort, string To, int ToPort) Ends(byte[] ip) => (From(ip), Build.Get16(ip, 20), To(ip), Build.Get16(ip, 22));

    /// <summary>Both checksums are right; of a quoted packet as much as is there.</summary>
    private static void Valid(byte[] ip)
    {
        Assert.Equal(0, SlowChecksum.Of(ip.AsSpan(0, 20)));
        var l4 = ip[20..];
        if (ip[9] == 1) Assert.Equal(0, SlowChecksum.Of(l4));
        else if (ip[9] is 6 or 17) Assert.Equal(0, SlowChecksum.Of([.. Build.Pseudo(From(ip), To(ip), ip[9], l4.Length), .. l4]));
    }
}
