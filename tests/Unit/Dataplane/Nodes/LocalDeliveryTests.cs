using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed class LocalDeliveryTests
{
    private const string Peer = "203.0.113.9", Own = "198.51.100.1", Peer6 = "2001:db8:99::9", Own6 = "2001:db8:2::1";

    [Theory]
    [InlineData(0)]
    [InlineData(56)]
    [InlineData(57)]
    [InlineData(1400)]
    public void A_ping_is_answered_with_the_same_data(int length)
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip4(Peer, Own, 1, Build.Icmp4(8, 0, 0x12345678, Build.Bytes(length)), ttl: 1));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 58, Build.Icmp6(Peer6, Own6, 128, 0, 0x12345678, Build.Bytes(length)), hops: 1));
        var replies = gateway.OnWan();
        Assert.Equal((Own, Peer, (byte)64, (byte)0, 0x12345678u), (replies[0].Source, replies[0].Destination, replies[0].Ttl, replies[0].IcmpType, replies[0].IcmpField));
        Assert.Equal((Own6, Peer6, (byte)129, 0x12345678u), (replies[1].Source, replies[1].Destination, replies[1].IcmpType, replies[1].IcmpField));
        Assert.All(replies, r => Assert.Equal(Build.Bytes(length), r.Payload[8..]));
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void A_ping_to_the_address_of_a_loopback_is_answered()
    {
        using var gateway = new TestGateway();
        var loopback = gateway.Control.AddInterface(new InterfaceSettings { Name = "lo1", Type = "loopback" });
        gateway.Control.SetAddresses(loopback, [TestGateway.Address("192.0.2.1", 32), TestGateway.Address("192.0.3.1", 24)]);
        gateway.FromWan(Build.Ip4(Peer, "192.0.2.1", 1, Build.Icmp4(8, 0, 1, [])));
        gateway.FromWan(Build.Ip4(Peer, "192.0.3.1", 1, Build.Icmp4(8, 0, 1, [])));
        Assert.Equal(["192.0.2.1", "192.0.3.1"], gateway.OnWan().Select(s => s.Source));
        // The rest of a loopback's network is nowhere.
        gateway.FromWan(Build.Ip4(Peer, "192.0.3.7", 1, Build.Icmp4(8, 0, 1, [])));
        Assert.Equal((3, 0), Assert.Single(gateway.OnWan()) is var e ? (e.IcmpType, e.IcmpCode) : default);
    }

    [Theory]
    [InlineData(500, false)]
    [InlineData(4500, true)]
    public void Ike_goes_to_the_control_side_whole(int port, bool marker)
    {
        using var gateway = new TestGateway();
        var message = Build.Bytes(1000);
        byte[] payload = marker ? [0, 0, 0, 0, .. message] : message;
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 4711, port, payload)));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 4711, port, payload, checksum: false)));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 17, Build.Udp(Peer6, Own6, 4711, port, payload)));
        Assert.Equal(3, gateway.Datagrams.Count);
        Assert.All(gateway.Datagrams, d => Assert.Equal(message, d.Payload));
        Assert.Equal(new IPEndPoint(IPAddress.Parse(Peer), 4711), gateway.Datagrams[0].Source);
        Assert.Equal(new IPEndPoint(IPAddress.Parse(Own6), port), gateway.Datagrams[2].Destination);
        Assert.All(gateway.Datagrams, d => Assert.Equal(gateway.Wan, d.RxInterface));
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void Damaged_ike_datagrams_have_reasons_of_their_own()
    {
        using var gateway = new TestGateway();
        var udp = Build.Udp(Peer, Own, 500, 500, Build.Bytes(100));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, [.. udp[..^1], (byte)(udp[^1] ^ 1)]));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, udp[..7]));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, [.. udp[..4], 1, 0, .. udp[6..]]));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 500, 500, [])));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 17, Build.Udp(Peer6, Own6, 500, 500, Build.Bytes(100), checksum: false)));
        Assert.Empty(gateway.Datagrams);
        Assert.Equal(["ip4-local/short-udp=2", "ike-punt/bad-checksum=2", "ike-punt/empty=1"], gateway.Drops());
    }

    // RFC 3948 §2.1, §2.3 and RFC 4303: no SA is known here, so the security nodes end them; they must not reach the host or IKE.
    [Fact]
    public void Esp_goes_to_its_own_nodes_in_all_its_forms()
    {
        using var gateway = new TestGateway();
        var esp = Build.Bytes(100);
        esp[0] = 1;
        gateway.FromWan(Build.Ip4(Peer, Own, 50, esp));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 4500, 4500, esp, checksum: false)));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 4500, 4500, [0xFF])));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 50, esp));
        var runs = gateway.Control.NodeRuns().ToDictionary(r => r.Node, r => r.Packets);
        Assert.Equal((3ul, 1ul), (runs["esp4-decrypt"], runs["esp6-decrypt"]));
        Assert.Empty(gateway.Datagrams);
        Assert.Empty(gateway.OnWan());
    }

    [Fact]
    public void Without_a_host_other_traffic_is_refused()
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Udp(Peer, Own, 1, 53, [])));
        gateway.FromWan(Build.Ip4(Peer, Own, 6, Build.Tcp(Peer, Own, 2, [], [])));
        gateway.FromWan(Build.Ip4(Peer, Own, 99, []));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 17, Build.Udp(Peer6, Own6, 1, 53, [])));
        gateway.FromWan(Build.Ip6(Peer6, Own6, 99, []));
        Assert.Equal([(3, 3), (3, 3), (3, 2), (1, 4), (4, 1)], gateway.OnWan().Select(e => ((int)e.IcmpType, (int)e.IcmpCode)));
    }

    [Fact]
    public void With_a_host_other_traffic_goes_to_it_and_its_answers_come_back()
    {
        using var gateway = new TestGateway();
        var hostMac = Build.Mac("02:00:00:00:0f:01");
        var tapMac = Build.Mac("02:00:00:00:0f:02");
        var port = new InMemoryPort(gateway.Control.Pool);
        var tap = gateway.Control.AddInterface(new InterfaceSettings { Name = "punt", Type = "in-memory", Mac = new(tapMac) }, port);
        gateway.Control.SetPuntInterface(tap, new(hostMac));

        var syn = Build.Ip4(Peer, Own, 6, Build.Tcp(Peer, Own, 2, [], []), ttl: 1);
        gateway.FromWan(syn);
        var punted = Assert.Single(TestGateway.Drain(port));
        Assert.Equal((Build.Text(hostMac), Build.Text(tapMac)), (punted.To, punted.From));
        Assert.Equal(syn, punted.Ip);

        // The host finds every next hop at the gateway, and what it sends keeps its TTL and its own source address.
        gateway.Frame(port, Build.Ethernet(TestGateway.Broadcast, hostMac, 0x0806, Build.Arp(1, hostMac, Own, new byte[6], "198.51.100.2")));
        Assert.Equal(Build.Arp(2, tapMac, "198.51.100.2", hostMac, Own), Assert.Single(TestGateway.Drain(port)).Ip);
        gateway.Frame(port, Build.Ethernet(tapMac, hostMac, 0x0800, Build.Ip4(Own, Peer, 6, Build.Tcp(Own, Peer, 0x12, [], []), ttl: 1)));
        var answer = Assert.Single(gateway.OnWan());
        Assert.Equal((Own, Peer, (byte)1, Build.Text(TestGateway.WanHost)), (answer.Source, answer.Destination, answer.Ttl, answer.To));

        // Its probe for its own address is not answered.
        gateway.Frame(port, Build.Ethernet(TestGateway.Broadcast, hostMac, 0x0806, Build.Arp(1, hostMac, "0.0.0.0", new byte[6], Own)));
        Assert.Empty(TestGateway.Drain(port));
    }

    [Fact]
    public void A_datagram_of_the_gateway_leaves_by_its_route()
    {
        using var gateway = new TestGateway();
        Assert.True(gateway.Control.InjectDatagram(new(IPAddress.Parse(Own), 4500), new(IPAddress.Parse(Peer), 4711), Build.Bytes(300), nonEspMarker: true));
        Assert.True(gateway.Control.InjectDatagram(new(IPAddress.Parse(Own6), 500), new(IPAddress.Parse(Peer6), 500), Build.Bytes(300), nonEspMarker: false));
        gateway.Step();
        var sent = gateway.OnWan();
        Assert.Equal((Own, Peer, (byte)64), (sent[0].Source, sent[0].Destination, sent[0].Ttl));
        Assert.Equal((byte[])[0, 0, 0, 0, .. Build.Bytes(300)], sent[0].Payload[8..]);
        Assert.Equal(Build.Bytes(300), sent[1].Payload[8..]);
        Assert.True(gateway.Control.TryRoute(0, IPAddress.Parse(Peer), out var source, out var index));
        Assert.Equal((IPAddress.Parse(Own), gateway.Wan), (source, index));
    }

    [Theory]
    [InlineData(1473)]
    [InlineData(9000)]
    [InlineData(60000)]
    public void A_datagram_above_the_mtu_leaves_in_fragments_that_another_gateway_puts_together(int length)
    {
        using var sender = new TestGateway();
        using var receiver = new TestGateway();
        var payload = Build.Bytes(length);
        sender.Control.InjectDatagram(new(IPAddress.Parse(Own), 500), new(IPAddress.Parse(Peer), 500), payload, nonEspMarker: false);
        sender.Control.InjectDatagram(new(IPAddress.Parse(Own6), 500), new(IPAddress.Parse(Peer6), 500), payload, nonEspMarker: false);
        sender.Step();
        var frames = sender.OnWan();
        receiver.Control.SetAddresses(receiver.Lan, [TestGateway.Address("10.1.0.1", 24), TestGateway.Address(Peer, 32), TestGateway.Address(Peer6, 128)]);
        receiver.Control.SetAddresses(receiver.Wan, [TestGateway.Address("192.0.2.1", 24)]);
        var random = new Random(length);
        foreach (var frame in frames.OrderBy(_ => random.Next()))
        {
            Assert.True(frame.Ip.Length <= 1500);
            receiver.FromWan(frame.Ip);
        }
        Assert.Equal(2, receiver.Datagrams.Count);
        Assert.All(receiver.Datagrams, d => Assert.Equal(payload, d.Payload));
        Assert.Empty(receiver.Drops());
    }

    // RFC 5722 §4.
    [Fact]
    public void Overlapping_fragments_end_the_whole_packet()
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Bytes(64), mf: true));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Bytes(64), mf: true, offset: 56));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Bytes(63), mf: true, offset: 56));
        gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Bytes(64), offset: 65528));
        Assert.Equal(["ip4-reassembly/malformed=1", "ip4-reassembly/overlap=1", "ip4-reassembly/too-big=1"], gateway.Drops());
        Assert.Equal(0, gateway.Control.Workers[0].Context.Fragments.Count);
    }

    [Fact]
    public void A_flood_of_first_fragments_keeps_few()
    {
        using var gateway = new TestGateway();
        for (var i = 0; i < 500; i++) gateway.FromWan(Build.Ip4(Peer, Own, 17, Build.Bytes(64), mf: true, id: (ushort)i));
        Assert.Equal(32, gateway.Control.Workers[0].Context.Fragments.Count);
        Assert.Equal(468ul, gateway.Count("ip4-reassembly/evicted"));
    }
}
