using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Flow;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>IPv6 flows through a whole gateway: `lan` has the hosts and may open flows, `wan` is the world and may only answer.</summary>
public sealed class Ip6FlowTests
{
    private const string Host = "2001:db8:1::2", Other = "2001:db8:1::7", Remote = "2001:db8:ffff::9", Router = "2001:db8:77::1";
    private const byte Syn = 2, SynAck = 18, Ack = 16, Fin = 17, Reset = 4;

    [Fact]
    public void What_a_rule_reflects_comes_back_and_ends_when_the_rule_says_so()
    {
        using var gateway = Reflecting();
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Empty(gateway.OnLan());
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Equal((Remote, Host), (gateway.OnLan() is [var back] ? (back.Source, back.Destination) : default));
        foreach (var stranger in (byte[][])[Udp(Remote, 54, Host, 5000), Udp(Remote, 53, Host, 5001), Udp("2001:db8:ffff::8", 53, Host, 5000), Udp(Remote, 53, "2001:db8:1::3", 5000)]) gateway.FromWan(stranger);
        Assert.Empty(gateway.OnLan());
        Assert.Equal((1ul, 1ul), (gateway.Count("ip6-flow-output/begun"), gateway.Count("ip6-flow-input/known")));

        // Another change leaves it; a denial ends it, also for answers alone.
        Flow.Reflecting.Attach6(gateway.Control, gateway.Wan, FilterPoint.Out6, FilterAction.Permit, FilterAction.Permit);
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Single(gateway.OnLan());
        Flow.Reflecting.Attach6(gateway.Control, gateway.Lan, FilterPoint.In6, FilterAction.Deny, FilterAction.Reflect);
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(0, gateway.Control.Flows.Level.Count);
    }

    [Fact]
    public void A_connection_is_followed_from_syn_to_its_end()
    {
        using var gateway = Reflecting();
        string[] states =
        [
            .. new (bool Out, byte Flags)[] { (true, Syn), (false, SynAck), (true, Ack), (false, Ack), (true, Fin), (false, Fin), (true, Ack) }.Select(s =>
            {
                if (s.Out) gateway.FromLan(Tcp(Host, Remote, s.Flags));
                else gateway.FromWan(Tcp(Remote, Host, s.Flags));
                Assert.Single(s.Out ? gateway.OnWan() : gateway.OnLan());
                return Assert.Single(gateway.Control.Flows.Rows()).State;
            }),
        ];
        Assert.Equal(["syn-sent", "syn-recv", "established", "established", "fin-wait", "last-ack", "time-wait"], states);

        // What no TCP sends is dropped, in a flow and at the beginning of one.
        gateway.FromLan(Tcp(Host, Remote, Syn | 1));
        gateway.FromLan(Tcp(Host, "2001:db8:ffff::10", SynAck));
        Assert.Empty(gateway.OnWan());
        Assert.Equal((1ul, 1ul), (gateway.Count("ip6-flow-input/bad-state"), gateway.Count("ip6-flow-output/bad-state")));
    }

    [Fact]
    public void An_echo_is_answered_by_its_identifier_alone()
    {
        using var gateway = Reflecting();
        gateway.FromLan(Echo(Host, Remote, 128, 0x1234_0001));
        Assert.Single(gateway.OnWan());
        gateway.FromWan(Echo(Remote, Host, 129, 0x1235_0001));
        Assert.Empty(gateway.OnLan());
        gateway.FromWan(Echo(Remote, Host, 128, 0x1234_0001));
        Assert.Empty(gateway.OnLan());
        gateway.FromWan(Echo(Remote, Host, 129, 0x1234_0001));
        Assert.Single(gateway.OnLan());
        var row = Assert.Single(gateway.Control.Flows.Rows(IPAddress.Parse(Remote)));
        Assert.Equal((58, "query", $"[{Host}]:4660", $"[{Remote}]:0"), (row.Protocol, row.State, row.Source.ToString(), row.Destination.ToString()));
        Assert.Empty(gateway.Control.Flows.Rows(IPAddress.Parse("2001:db8:ffff::a")));
    }

    [Fact]
    public void Another_protocol_is_known_by_its_addresses()
    {
        using var gateway = Reflecting();
        gateway.FromLan(Build.Ip6(Host, Remote, 47, Build.Bytes(16)));
        Assert.Single(gateway.OnWan());
        gateway.FromWan(Build.Ip6(Remote, Host, 47, Build.Bytes(16)));
        Assert.Single(gateway.OnLan());
        gateway.FromWan(Build.Ip6(Remote, Host, 50, Build.Bytes(16)));
        Assert.Empty(gateway.OnLan());
    }

    // RFC 4890 §4.3.1: errors about packets of a flow must pass, or paths become black holes.
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void An_error_reaches_the_sender_of_the_packet_that_it_quotes(byte type)
    {
        using var gateway = Reflecting();
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        var sent = Assert.Single(gateway.OnWan()).Ip;
        gateway.FromWan(Error(type, Host, sent));
        Assert.Equal((Router, Host), (gateway.OnLan() is [var error] ? (error.Source, error.Destination) : default));
        Assert.Equal(1ul, gateway.Count("ip6-flow-input/errors-known"));

        // About a packet that nobody sent, to one who did not send it, or in no flow: nothing.
        gateway.FromWan(Error(type, Host, Udp(Host, 5001, Remote, 53)));
        gateway.FromWan(Error(type, Other, sent));
        gateway.FromWan(Error(type, Host, Udp(Remote, 53, Host, 5000)));
        gateway.FromWan(Error(type, Host, sent[..46]));
        gateway.FromWan(Error(type, Host, sent[..20]));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(1ul, gateway.Count("ip6-flow-input/errors-known"));
    }

    [Fact]
    public void An_error_about_an_answer_reaches_the_one_who_answered()
    {
        using var gateway = Reflecting();
        gateway.FromLan(Tcp(Host, Remote, Syn));
        gateway.OnWan();
        gateway.FromWan(Tcp(Remote, Host, SynAck));
        var answer = Assert.Single(gateway.OnLan()).Ip;
        gateway.FromLan(Build.Ip6(Other, Remote, 58, Build.Icmp6(Other, Remote, 1, 3, 0, answer)));
        Assert.Equal(Remote, Assert.Single(gateway.OnWan()).Destination);
        Assert.Equal(1ul, gateway.Count("ip6-flow-input/errors-known"));
    }

    [Fact]
    public void An_error_that_quotes_a_first_fragment_or_options_finds_the_flow_and_one_that_quotes_a_later_fragment_does_not()
    {
        using var gateway = Reflecting();
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.OnWan();
        var datagram = Build.Udp(Host, Remote, 5000, 53, [1, 2, 3]);
        gateway.FromWan(Error(2, Host, Build.Ip6(Host, Remote, 44, [17, 0, 0, 1, 9, 9, 9, 9, .. datagram])));
        gateway.FromWan(Error(2, Host, Build.Ip6(Host, Remote, 60, [44, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 1, 9, 9, 9, 9, .. datagram])));
        Assert.Equal(2, gateway.OnLan().Count);
        gateway.FromWan(Error(2, Host, Build.Ip6(Host, Remote, 44, [17, 0, 0, 9, 9, 9, 9, 9, .. datagram])));
        gateway.FromWan(Error(2, Host, Build.Ip6(Host, Remote, 60, [60, 0, 1, 4, 0, 0, 0, 0, 17, 255, 1, 4, 0, 0, 0, 0, .. datagram])));
        Assert.Empty(gateway.OnLan());
    }

    [Fact]
    public void Fragments_pass_with_the_ports_of_the_first_whatever_comes_first_and_leave_as_they_came()
    {
        using var gateway = Reflecting();
        var datagram = Build.Udp(Host, Remote, 5000, 53, Build.Bytes(2500));
        byte[][] parts = [.. datagram.Chunk(1000).Select((p, i) => Fragment(Host, Remote, 17, p, i * 1000, i < 2, 77))];
        gateway.FromLan(parts[2]);
        gateway.FromLan(parts[0]);
        Assert.Empty(gateway.OnWan());
        gateway.FromLan(parts[1]);
        var sent = gateway.OnWan();
        Assert.Equal(3, sent.Count);
        Assert.Equal(datagram, sent.SelectMany(f => f.Ip[48..]));
        Assert.All(sent, f => Assert.True(f.Ip.Length <= 1048 && f.Ip[6] == 44 && f.Ip[40] == 17 && f.Ip[7] == 63));
        Assert.Equal([1, 1001, 2000], sent.Select(f => Build.Get16(f.Ip, 42)));
        Assert.Single(sent.Select(f => Convert.ToHexString(f.Ip[44..48])).Distinct());
        Assert.Equal(1ul, gateway.Count("ip6-flow-output/begun"));

        // The answer too, although it begins with the same identification.
        var answer = Build.Udp(Remote, Host, 53, 5000, Build.Bytes(1200));
        gateway.FromWan(Fragment(Remote, Host, 17, answer[..800], 0, true, 77));
        gateway.FromWan(Fragment(Remote, Host, 17, answer[800..], 800, false, 77));
        Assert.Equal(answer, gateway.OnLan().SelectMany(f => f.Ip[48..]));
        gateway.FromWan(Fragment(Remote, Host, 17, [0, 54, .. answer[2..800]], 0, true, 78));
        gateway.FromWan(Fragment(Remote, Host, 17, answer[800..], 800, false, 78));
        Assert.Empty(gateway.OnLan());
    }

    // RFC 8200 §4.5: the hop-by-hop and routing headers are each fragment's; the options behind the fragment header are the packet's.
    [Fact]
    public void Headers_before_the_fragment_header_are_in_every_fragment_and_those_behind_it_in_the_first()
    {
        using var gateway = Reflecting();
        byte[] hop = [44, 0, 1, 4, 0, 0, 0, 0];
        byte[] options = [17, 0, 1, 4, 0, 0, 0, 0];
        byte[] rest = [.. options, .. Build.Udp(Host, Remote, 5000, 53, Build.Bytes(600))];
        gateway.FromLan(Build.Ip6(Host, Remote, 0, [.. hop, 60, 0, 0, 1, 5, 5, 5, 5, .. rest[..400]]));
        gateway.FromLan(Build.Ip6(Host, Remote, 0, [.. hop, 60, 0, 400 >> 8, 400 & 255, 5, 5, 5, 5, .. rest[400..]]));
        var sent = gateway.OnWan();
        Assert.Equal(2, sent.Count);
        Assert.All(sent, f => Assert.Equal((0, 44, 60), (f.Ip[6], f.Ip[40], f.Ip[48])));
        Assert.Equal(rest, sent.SelectMany(f => f.Ip[56..]));
        Assert.Equal("5000", Assert.Single(gateway.Control.Flows.Rows()).Source.Port.ToString(System.Globalization.CultureInfo.InvariantCulture));
    }

    [Fact]
    public void A_fragment_that_is_too_big_for_the_way_out_is_told_of_and_one_that_came_alone_leaves_whole()
    {
        using var gateway = Reflecting();
        gateway.Control.SetInterface(gateway.Wan, new InterfaceSettings { Name = "wan", Type = "in-memory", Mac = new PhysicalAddress(TestGateway.WanMac), Mtu = 1280 });
        var datagram = Build.Udp(Host, Remote, 5000, 53, Build.Bytes(2000));
        gateway.FromLan(Fragment(Host, Remote, 17, datagram[..1400], 0, true, 1));
        gateway.FromLan(Fragment(Host, Remote, 17, datagram[1400..], 1400, false, 1));
        Assert.Empty(gateway.OnWan());
        var error = Assert.Single(gateway.OnLan()).Ip;
        Assert.Equal((2, 1280), (error[40], Build.Get16(error, 46)));
        gateway.FromLan(Fragment(Host, Remote, 17, Build.Udp(Host, Remote, 5001, 53, [1]), 0, false, 2));
        Assert.Equal(17, Assert.Single(gateway.OnWan()).Ip[6]);
    }

    [Fact]
    public void Overlapping_fragments_are_dropped()
    {
        using var gateway = Reflecting();
        gateway.FromLan(Fragment(Host, Remote, 17, Build.Bytes(40), 0, true, 7));
        gateway.FromLan(Fragment(Host, Remote, 17, Build.Bytes(40), 32, false, 7));
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip6-reassembly/overlap"));
    }

    [Fact]
    public void Neighbor_discovery_and_the_gateways_own_answers_begin_no_flow()
    {
        using var gateway = Reflecting();
        gateway.Control.Flows.SetTracking(all: true);
        gateway.FromLan(Build.Neighbor(Host, "2001:db8:1::1", 135, 0, "2001:db8:1::1", TestGateway.LanHost));
        Assert.Equal(136, Assert.Single(gateway.OnLan()).Ip[40]);
        gateway.FromLan(Build.Neighbor(Host, "ff02::1:ff00:1", 135, 0, "2001:db8:1::1", TestGateway.LanHost));
        Assert.Equal(136, Assert.Single(gateway.OnLan()).Ip[40]);
        gateway.FromLan(Echo(Host, "2001:db8:1::1", 128, 1));
        Assert.Equal(129, Assert.Single(gateway.OnLan()).Ip[40]);
        Assert.Equal(0, gateway.Control.Flows.Level.Count);
    }

    [Fact]
    public void With_nothing_that_asks_for_flows_none_begin_also_when_ipv4_is_translated()
    {
        using var gateway = new TestGateway();
        gateway.Control.Flows.SetRule(new NatRule.Source { Name = "out", OutInterface = "wan" });
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
        Assert.Equal((0, 0ul), (gateway.Control.Flows.Level.Count, gateway.Count("ip6-flow-input/new")));
        gateway.Control.Flows.SetTracking(all: true);
        gateway.FromLan(Udp(Host, 5000, Remote, 53));
        gateway.FromWan(Udp(Remote, 53, Host, 5000));
        Assert.Single(gateway.OnWan());
        var row = Assert.Single(gateway.Control.Flows.Rows());
        Assert.Equal(("stream", 1ul, 1ul, true), (row.State, row.Packets, row.ReplyPackets, row.IsReplied));
        Assert.Equal((row.Destination, row.Source), (row.ReplySource, row.ReplyDestination));
    }

    [Fact]
    public void Two_workers_agree_whose_flow_it_is_in_both_directions_and_for_errors()
    {
        using var gateway = Reflecting(workers: 2);
        for (var i = 0; i < 40; i++)
        {
            gateway.FromLan(Udp(Host, 5000 + i, Remote, 53));
            var sent = Assert.Single(gateway.OnWan()).Ip;
            gateway.FromWan(Udp(Remote, 53, Host, 5000 + i));
            Assert.Single(gateway.OnLan());
            gateway.FromWan(Error(1, Host, sent));
            Assert.Single(gateway.OnLan());
        }
        var rows = gateway.Control.Flows.Rows();
        Assert.Equal(40, rows.Count);
        Assert.InRange(rows.Count(r => r.Worker == 0), 8, 32);
        Assert.Equal(40ul, gateway.Count("ip6-flow-input/errors-known"));
    }

    [Fact]
    public void Flows_of_both_families_share_one_table_and_a_flood_from_one_network_ends_only_its_own()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var gateway = Reflecting(options: new DataplaneOptions { Flows = 64 });
        Flow.Reflecting.Attach(gateway.Control, gateway.Lan, FilterPoint.In4, FilterAction.Reflect, FilterAction.Deny);
        gateway.FromLan(Build.Ip4("10.1.0.2", "203.0.113.9", 17, Build.Udp("10.1.0.2", "203.0.113.9", 5000, 53, [1])));
        for (var i = 0; i < 10; i++) gateway.FromLan(Udp(Other, 5000 + i, Remote, 53));
        gateway.OnWan();
        // Whoever has a /64 has all its addresses.
        for (var i = 0; i < 500; i++) gateway.FromLan(Udp($"2001:db8:1:7::{random.Next(1, 0xFFFF):x}", random.Next(1, 65536), Remote, 53));
        Assert.Equal(500, gateway.OnWan().Count);
        Assert.Equal(64, gateway.Control.Flows.Level.Count);
        gateway.FromWan(Build.Ip4("203.0.113.9", "10.1.0.2", 17, Build.Udp("203.0.113.9", "10.1.0.2", 53, 5000, [1])));
        for (var i = 0; i < 10; i++) gateway.FromWan(Udp(Remote, 53, "2001:db8:1::7", 5000 + i));
        Assert.Equal(1, gateway.OnLan().Count(f => f.Type == 0x0800));
        Assert.Equal(11, gateway.Control.Flows.Rows().Count(r => r.IsReplied));
    }

    [Fact]
    public void A_source_network_has_no_more_than_its_limit()
    {
        using var gateway = Reflecting(options: new DataplaneOptions { FlowsPerSource = 3 });
        for (var i = 0; i < 3; i++)
        {
            gateway.FromLan(Udp(Host, 5000 + i, Remote, 53));
            gateway.FromWan(Udp(Remote, 53, Host, 5000 + i));
        }
        Assert.Equal(3, gateway.OnWan().Count);
        gateway.FromLan(Udp("2001:db8:1::99", 5000, Remote, 53));
        Assert.Empty(gateway.OnWan());
        Assert.Equal(1ul, gateway.Count("ip6-flow-output/source-limit"));
        gateway.FromLan(Udp("2001:db8:1:1::99", 5000, Remote, 53));
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void Flows_go_on_in_the_next_process()
    {
        var folder = Directory.CreateTempSubdirectory("gw-flows-").FullName;
        try
        {
            var options = new DataplaneOptions { FlowFolder = folder, Boot = Guid.NewGuid(), Flows = 1000 };
            using (var before = Reflecting(options: options))
                for (var i = 0; i < 20; i++) before.FromLan(Udp(Host, 5000 + i, Remote, 53));
            using var after = Reflecting(options: options);
            Assert.Null(after.Control.Flows.Trouble);
            Assert.Equal(20, after.Control.Flows.Level.Count);
            for (var i = 0; i < 20; i++) after.FromWan(Udp(Remote, 53, Host, 5000 + i));
            after.FromWan(Udp(Remote, 53, Host, 5020));
            Assert.Equal(20, after.OnLan().Count);
            Assert.All(after.Control.Flows.Rows(), r => Assert.Equal((IPAddress.Parse(Host), IPAddress.Parse(Remote), true), (r.Source.Address, r.Destination.Address, r.IsReplied)));

            // A denial of what leaves by the interface ends them, though the process that let them in is gone.
            Flow.Reflecting.Attach6(after.Control, after.Wan, FilterPoint.Out6, FilterAction.Deny, FilterAction.Deny);
            after.FromWan(Udp(Remote, 53, Host, 5000));
            Assert.Empty(after.OnLan());
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static TestGateway Reflecting(int workers = 1, DataplaneOptions? options = null)
    {
        var gateway = new TestGateway(workers: workers, flows: options);
        Flow.Reflecting.Attach6(gateway.Control, gateway.Lan, FilterPoint.In6, FilterAction.Reflect, FilterAction.Reflect);
        Flow.Reflecting.Attach6(gateway.Control, gateway.Wan, FilterPoint.In6, FilterAction.Deny, FilterAction.Deny);
        return gateway;
    }

    private static byte[] Udp(string from, int fromPort, string to, int toPort) => Build.Ip6(from, to, 17, Build.Udp(from, to, fromPort, toPort, [1, 2, 3]));

    private static byte[] Tcp(string from, string to, byte flags)
    {
        var tcp = Build.Tcp(from, to, flags, [], []);
        if (from == Remote) (tcp[0], tcp[1], tcp[2], tcp[3]) = (tcp[2], tcp[3], tcp[0], tcp[1]);
        return Build.Ip6(from, to, 6, tcp);
    }

    private static byte[] Echo(string from, string to, byte type, uint id) => Build.Ip6(from, to, 58, Build.Icmp6(from, to, type, 0, id, [1, 2, 3]));

    private static byte[] Error(byte type, string to, byte[] quoted) => Build.Ip6(Router, to, 58, Build.Icmp6(Router, to, type, 0, type == 2 ? 1280u : 0, quoted));

    private static byte[] Fragment(string from, string to, byte next, byte[] payload, int offset, bool more, byte id) =>
        Build.Ip6(from, to, 44, [next, 0, (byte)(offset >> 8), (byte)(offset & 0xF8 | (more ? 1 : 0)), 1, 2, 3, id, .. payload]);
}
