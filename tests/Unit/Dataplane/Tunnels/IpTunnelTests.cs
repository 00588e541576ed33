using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Tunnels;

/// <summary>
/// GRE and IP in IP. A lab with a port `lan` (10.1.0.1, fd01::1; the host .2), a port `wan` (192.0.2.1, 2001:db8::1; the far end .2) and a tunnel `tun` to the far end with
/// 10.9.0.1/30 and fd09::1/64, behind which 10.2.0.0/16 and fd02::/64 are.
/// </summary>
public sealed class IpTunnelTests
{
    private static readonly byte[] _lan = [2, 0, 0, 0, 0, 2], _wan = [2, 0, 0, 0, 0, 1], _host = [2, 0, 0, 0, 1, 2], _far = [2, 0, 0, 0, 2, 2];

    private static SwitchLab Lab(IpTunnelKind payload, bool over6 = false, uint? key = null, byte? dscp = null, int mtu = 1400)
    {
        var lab = new SwitchLab();
        var wan = lab.Port("wan", 1);
        var lan = lab.Port("lan", 2);
        lab.Control.SetAddresses(wan, [new(IPAddress.Parse("192.0.2.1"), 24), new(IPAddress.Parse("2001:db8::1"), 64)]);
        lab.Control.SetAddresses(lan, [new(IPAddress.Parse("10.1.0.1"), 24), new(IPAddress.Parse("fd01::1"), 64)]);
        foreach (var far in (string[])["192.0.2.2", "2001:db8::2"]) lab.Control.AddNeighbor(wan, IPAddress.Parse(far), new PhysicalAddress(_far));
        foreach (var host in (string[])["10.1.0.2", "fd01::2"]) lab.Control.AddNeighbor(lan, IPAddress.Parse(host), new PhysicalAddress(_host));
        var (local, remote) = over6 ? ("2001:db8::1", "2001:db8::2") : ("192.0.2.1", "192.0.2.2");
        var tunnel = lab.Control.AddInterface(
            new InterfaceSettings { Name = "tun", Type = "gre", Mtu = mtu }, new InterfaceLink.IpTunnel(payload, IPAddress.Parse(local), IPAddress.Parse(remote), key, 33, dscp));
        if (payload != IpTunnelKind.GreEthernet)
        {
            lab.Control.SetAddresses(tunnel, [new(IPAddress.Parse("10.9.0.1"), 30), new(IPAddress.Parse("fd09::1"), 64)]);
            Assert.True(lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.2.0.0/16"), Interface = tunnel }));
            Assert.True(lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("fd02::/64"), Via = IPAddress.Parse("fd09::2") }));
        }

        lab.Step();
        lab.Left();
        return lab;
    }

    private static byte[] Inner(bool v6, string? from = null, string? to = null, byte @class = 0, bool df = false, int length = 40)
    {
        var (source, destination) = (from ?? (v6 ? "fd01::2" : "10.1.0.2"), to ?? (v6 ? "fd02::7" : "10.2.0.7"));
        var udp = Build.Udp(source, destination, 1000, 2000, Build.Bytes(length));
        return v6 ? Build.Ip6(source, destination, 17, udp, trafficClass: @class) : Build.Ip4(source, destination, 17, udp, df: df, tos: @class);
    }

    private static byte[] FromHost(byte[] packet) => Build.Ethernet(_lan, _host, (ushort)(packet[0] >> 4 == 6 ? 0x86DD : 0x0800), packet);

    /// <summary>What the far end sends, made with nothing of the product.</summary>
    private static byte[] FromFar(bool over6, byte protocol, byte[] payload, byte @class = 0, string? source = null)
    {
        var packet = over6
            ? Build.Ip6(source ?? "2001:db8::2", "2001:db8::1", protocol, payload, trafficClass: @class)
            : Build.Ip4(source ?? "192.0.2.2", "192.0.2.1", protocol, payload, tos: @class);
        return Build.Ethernet(_wan, _far, (ushort)(over6 ? 0x86DD : 0x0800), packet);
    }

    private static byte[] Gre(int flags, int type, byte[] rest) => [(byte)(flags >> 8), (byte)flags, (byte)(type >> 8), (byte)type, .. rest];

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void Ip_in_ip_carries_both_families_over_both(bool over6, bool inner6)
    {
        using var lab = Lab(IpTunnelKind.Ip, over6);
        lab.Send("lan", FromHost(Inner(inner6)));
        var seen = new Seen(Assert.Single(lab.Sent("wan")));
        // RFC 2003: protocol 4; RFC 2473, RFC 4213: 41.
        Assert.Equal((over6 ? "2001:db8::1" : "192.0.2.1", over6 ? "2001:db8::2" : "192.0.2.2", (byte)(inner6 ? 41 : 4), (byte)33), (seen.Source, seen.Destination, seen.Protocol, seen.Ttl));
        // RFC 2003 §3.1: the TTL inside went down by one, as on any hop.
        var expected = Inner(inner6);
        expected[inner6 ? 7 : 8]--;
        Assert.Equal(expected[..8], seen.Payload[..8]);
        Assert.Equal(expected[12..], seen.Payload[12..]);

        var back = inner6 ? Inner(true, "fd02::7", "fd01::2") : Inner(false, "10.2.0.7", "10.1.0.2");
        lab.Send("wan", FromFar(over6, (byte)(inner6 ? 41 : 4), back));
        var got = new Seen(Assert.Single(lab.Sent("lan")));
        Assert.Equal(("020000000102", inner6 ? "fd02::7" : "10.2.0.7", (byte)63), (got.To, got.Source, got.Ttl));
        Assert.Empty(lab.Drops());
        Assert.Equal((1ul, 1ul), lab.Control.Interfaces().Where(i => i.Name == "tun").Select(i => (i.RxPackets, i.TxPackets)).Single());
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Theory]
    [InlineData(false, false, null)]
    [InlineData(false, true, 7u)]
    [InlineData(true, false, 0u)]
    [InlineData(true, true, 0xDEADBEEFu)]
    public void Gre_says_what_it_carries_and_its_key(bool over6, bool inner6, uint? key)
    {
        using var lab = Lab(IpTunnelKind.Gre, over6, key);
        lab.Send("lan", FromHost(Inner(inner6)));
        var seen = new Seen(Assert.Single(lab.Sent("wan")));
        byte[] words = key is { } k ? [(byte)(k >> 24), (byte)(k >> 16), (byte)(k >> 8), (byte)k] : [];
        // RFC 2784 §2, RFC 2890 §2.1.
        Assert.Equal(47, seen.Protocol);
        Assert.Equal(Gre(key is null ? 0 : 0x2000, inner6 ? 0x86DD : 0x0800, words), seen.Payload[..(4 + words.Length)]);

        var back = inner6 ? Inner(true, "fd02::7", "fd01::2") : Inner(false, "10.2.0.7", "10.1.0.2");
        lab.Send("wan", FromFar(over6, 47, Gre(key is null ? 0 : 0x2000, inner6 ? 0x86DD : 0x0800, [.. words, .. back])));
        // RFC 2784 §2.1, RFC 2890 §2: a receiver takes a checksum and a sequence number, whether or not it sends them.
        var whole = Gre(0x9000 | (key is null ? 0 : 0x2000), inner6 ? 0x86DD : 0x0800, [0, 0, 0, 0, .. words, 0, 0, 0, 9, .. back]);
        Build.Put16(whole, 4, SlowChecksum.Of(whole));
        lab.Send("wan", FromFar(over6, 47, whole));
        Assert.Equal(2, lab.Sent("lan").Count);
        whole[^1] ^= 1;
        lab.Send("wan", FromFar(over6, 47, whole));
        Assert.Equal(["ip-tunnel-decap/bad-checksum=1"], lab.Drops());
    }

    [Fact]
    public void Another_key_another_sender_and_malformed_headers_are_dropped_with_their_reasons()
    {
        using var lab = Lab(IpTunnelKind.Gre, key: 7);
        var inner = Inner(false, "10.2.0.7", "10.1.0.2");
        lab.Send("wan", FromFar(false, 47, Gre(0, 0x0800, inner)));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x0800, [0, 0, 0, 8, .. inner])));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x0800, [0, 0, 0, 7, .. inner]), source: "192.0.2.9"));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x6558, [0, 0, 0, 7, .. inner])));
        lab.Send("wan", FromFar(false, 4, inner));
        lab.Send("wan", FromFar(false, 47, Gre(0x2001, 0x0800, [0, 0, 0, 7, .. inner])));
        lab.Send("wan", FromFar(false, 47, Gre(0x6000, 0x0800, [0, 0, 0, 7, .. inner])));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x88CC, [0, 0, 0, 7, .. inner])));
        lab.Send("wan", FromFar(false, 47, [0x20]));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x0800, [0, 0, 0])));
        Assert.Empty(lab.Left());
        Assert.Equal(
            ["ip-tunnel-decap/bad-header=2", "ip-tunnel-decap/no-tunnel=5", "ip-tunnel-decap/too-short=2", "ip-tunnel-decap/unknown-payload=1"], lab.Drops().Order(StringComparer.Ordinal));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    /// <summary>RFC 6040 §4.1 and §4.2, Figure 4.</summary>
    [Fact]
    public void Congestion_is_told_in_both_directions_and_dscp_copied_or_set()
    {
        using var lab = Lab(IpTunnelKind.Ip);
        lab.Send("lan", FromHost(Inner(false, @class: 0xB9)));
        lab.Send("lan", FromHost(Inner(true, @class: 0x2B)));
        Assert.Equal([0xB9, 0x2B], lab.Sent("wan").Select(f => f[15]));
        // ECT(0) inside, CE outside: CE. Not-ECT inside, CE outside: lost.
        lab.Send("wan", FromFar(false, 4, Inner(false, "10.2.0.7", "10.1.0.2", 0xBA), 3));
        lab.Send("wan", FromFar(false, 41, Inner(true, "fd02::7", "fd01::2", 0x2A), 3));
        var got = lab.Sent("lan").Select(f => new Seen(f)).ToList();
        Assert.Equal((0xBB, 0xB0), (got[0].Ip[1], got[1].Ip[1] & 0xF0));
        lab.Send("wan", FromFar(false, 4, Inner(false, "10.2.0.7", "10.1.0.2", 0xB8), 3));
        Assert.Equal(["ip-tunnel-decap/congestion-lost=1"], lab.Drops());

        using var fixedDscp = Lab(IpTunnelKind.Gre, dscp: 46);
        fixedDscp.Send("lan", FromHost(Inner(false, @class: 0x22)));
        Assert.Equal((46 << 2) | 2, Assert.Single(fixedDscp.Sent("wan"))[15]);
    }

    /// <summary>RFC 2003 §3.1 and §5.1: DF is copied, and what is too big for the tunnel earns an error or is cut before it goes in.</summary>
    [Fact]
    public void Packets_are_held_to_the_tunnels_mtu()
    {
        using var lab = Lab(IpTunnelKind.Ip, mtu: 1300);
        lab.Send("lan", FromHost(Inner(false, df: true)));
        lab.Send("lan", FromHost(Inner(false)));
        Assert.Equal([0x4000, 0], lab.Sent("wan").Select(f => new Seen(f).FragmentWord));
        lab.Send("lan", FromHost(Inner(false, length: 1290)));
        var parts = lab.Sent("wan").Select(f => new Seen(f)).ToList();
        Assert.Equal(2, parts.Count);
        Assert.All(parts, p => Assert.Equal((4, 0), (p.Protocol, p.FragmentWord)));
        lab.Send("lan", FromHost(Inner(false, df: true, length: 1290)));
        var error = new Seen(Assert.Single(lab.Sent("lan")));
        Assert.Equal((3, 4, 1300u), (error.IcmpType, error.IcmpCode, error.IcmpField));
        lab.Send("lan", FromHost(Inner(true, length: 1290)));
        error = new Seen(Assert.Single(lab.Sent("lan")));
        Assert.Equal((2, 1300u), (error.IcmpType, error.IcmpField));
    }

    /// <summary>RFC 2003 §5.1: the router on the way quotes the outer packet; the sender inside hears of it when it sends again.</summary>
    [Fact]
    public void A_router_on_the_way_narrows_the_tunnel_when_it_quotes_it()
    {
        using var lab = Lab(IpTunnelKind.Gre, key: 7);
        byte[] Quote(uint key) => [.. Build.Ip4("192.0.2.1", "192.0.2.2", 47, Gre(0x2000, 0x0800, [0, 0, 0, (byte)key]))];
        void Say(uint key, uint mtu) => lab.Send("wan", Build.Ethernet(_wan, _far, 0x0800, Build.Ip4("192.0.2.99", "192.0.2.1", 1, Build.Icmp4(3, 4, mtu, Quote(key)))));
        var packet = FromHost(Inner(false, df: true, length: 1100));
        Say(8, 600);
        lab.Send("lan", packet);
        Assert.Equal(["wan"], lab.Left());
        Say(7, 1000);
        lab.Send("lan", packet);
        var error = new Seen(Assert.Single(lab.Sent("lan")));
        Assert.Equal((3, 4, 1000u - 28), (error.IcmpType, error.IcmpCode, error.IcmpField));
        // The floor: no router makes it narrower than every network is.
        Say(7, 68);
        lab.Send("lan", packet);
        Assert.Equal(576u - 28, new Seen(Assert.Single(lab.Sent("lan"))).IcmpField);
    }

    [Fact]
    public void Outer_fragments_are_put_together()
    {
        using var lab = Lab(IpTunnelKind.Gre);
        var payload = Gre(0, 0x0800, Inner(false, "10.2.0.7", "10.1.0.2", length: 1200));
        lab.Send("wan", Build.Ethernet(_wan, _far, 0x0800, Build.Ip4("192.0.2.2", "192.0.2.1", 47, payload[..800], mf: true)));
        lab.Send("wan", Build.Ethernet(_wan, _far, 0x0800, Build.Ip4("192.0.2.2", "192.0.2.1", 47, payload[800..], offset: 800)));
        Assert.Equal(1228, Build.Get16(new Seen(Assert.Single(lab.Sent("lan"))).Ip, 2));
    }

    [Fact]
    public void A_tunnel_whose_other_end_is_reached_through_itself_sends_nothing()
    {
        using var lab = Lab(IpTunnelKind.Gre);
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("192.0.2.2/32"), Interface = lab.Index("tun") });
        lab.Control.RemoveNeighbor(lab.Index("wan"), IPAddress.Parse("192.0.2.2"));
        lab.Send("lan", FromHost(Inner(false)));
        Assert.Empty(lab.Left());
        Assert.Equal(["ip-tunnel-encap/recursive=1"], lab.Drops());
    }

    [Fact]
    public void Two_tunnels_that_lead_through_each_other_end_by_themselves()
    {
        using var lab = Lab(IpTunnelKind.Gre);
        var other = lab.Control.AddInterface(
            new InterfaceSettings { Name = "other", Type = "gre", Mtu = 1400 }, new InterfaceLink.IpTunnel(IpTunnelKind.Gre, IPAddress.Parse("192.0.2.1"), IPAddress.Parse("203.0.113.9")));
        lab.Control.RemoveNeighbor(lab.Index("wan"), IPAddress.Parse("192.0.2.2"));
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("203.0.113.9/32"), Interface = lab.Index("tun") });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("192.0.2.2/32"), Interface = other });
        lab.Send("lan", FromHost(Inner(false)));
        Assert.Empty(lab.Left());
        Assert.Equal(["ip-tunnel-encap/no-room=1"], lab.Drops());
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void Frames_in_gre_join_a_bridge()
    {
        using var lab = Lab(IpTunnelKind.GreEthernet, key: 5);
        lab.Port("left", 3);
        lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("left"), new("tun")] });
        lab.Step();
        lab.Left();
        var frame = SwitchLab.Frame(SwitchLab.Mac(2), SwitchLab.Mac(1), 100);
        lab.Send("left", frame);
        var seen = new Seen(Assert.Single(lab.Sent("wan")));
        Assert.Equal(47, seen.Protocol);
        Assert.Equal([.. Gre(0x2000, 0x6558, [0, 0, 0, 5]), .. frame], seen.Payload);
        var answer = SwitchLab.Frame(SwitchLab.Mac(1), SwitchLab.Mac(2), 90);
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x6558, [0, 0, 0, 5, .. answer])));
        Assert.Equal(answer, Assert.Single(lab.Sent("left")));
        lab.Send("wan", FromFar(false, 47, Gre(0x2000, 0x6558, [0, 0, 0, 5, .. answer[..13]])));
        Assert.Equal(["ip-tunnel-decap/too-short=1"], lab.Drops());
        Assert.Equal((1ul, 1ul), lab.Control.Interfaces().Where(i => i.Name == "tun").Select(i => (i.RxPackets, i.TxPackets)).Single());
    }

    [Fact]
    public void A_tunnel_has_no_neighbors_and_answers_for_its_own_address()
    {
        using var lab = Lab(IpTunnelKind.Gre);
        var echo = Build.Ip4("10.9.0.2", "10.9.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8)));
        lab.Send("wan", FromFar(false, 47, Gre(0, 0x0800, echo)));
        var seen = new Seen(Assert.Single(lab.Sent("wan")));
        Assert.Equal((byte)0, seen.Payload[4 + 20]);
        // A solicitation teaches nothing: there is no MAC address to learn on a tunnel.
        lab.Send("wan", FromFar(false, 47, Gre(0, 0x86DD, Build.Neighbor("fd09::2", "fd09::1", 135, 0, "fd09::1", [2, 0, 0, 0, 9, 9]))));
        Assert.DoesNotContain(lab.Control.Neighbors(), n => n.Interface == "tun");
        lab.Left();
    }

    [Fact]
    public void Removed_tunnels_leave_nothing_behind()
    {
        using var lab = Lab(IpTunnelKind.Gre, over6: true);
        Assert.Throws<ArgumentException>(() => lab.Control.AddInterface(
            new InterfaceSettings { Name = "same", Type = "gre" }, new InterfaceLink.IpTunnel(IpTunnelKind.Gre, IPAddress.Parse("2001:db8::1"), IPAddress.Parse("2001:db8::2"))));
        lab.Control.RemoveInterface(lab.Index("tun"));
        lab.Send("wan", FromFar(true, 47, Gre(0, 0x0800, Inner(false, "10.2.0.7", "10.1.0.2"))));
        lab.Send("lan", FromHost(Inner(false)));
        lab.Left();
        Assert.Contains("ip6-deliver/unknown-next-header=1", lab.Drops());
        Assert.Contains("ip4-lookup/no-route=1", lab.Drops());
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    /// <summary>The table against a list that is searched from end to end.</summary>
    [Fact]
    public void The_table_finds_what_a_search_through_all_finds()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var epochs = new Epochs(0);
        using var table = new IpTunnelTable(epochs);
        Dictionary<IpTunnelKey, uint> slow = [];
        for (uint step = 1; step < 5000; step++)
        {
            var v6 = random.Next(2) == 0;
            var key = new IpTunnelKey(
                (uint)random.Next(2), v6, v6 ? (ulong)random.Next(2) : 0, (ulong)random.Next(1, 4), v6 ? (ulong)random.Next(2) : 0, (ulong)random.Next(1, 4),
                (IpTunnelKind)random.Next(3), random.Next(3) is var k and < 2 ? (uint)k : null);
            switch (random.Next(3))
            {
                case 0:
                    Assert.Equal(slow.TryAdd(key, step), table.Add(key, step));
                    break;
                case 1:
                    table.Remove(key);
                    slow.Remove(key);
                    break;
                default:
                    Assert.Equal(slow.TryGetValue(key, out var expected), table.TryFind(key, out var index));
                    Assert.Equal(expected, index);
                    break;
            }
            Assert.Equal(slow.Count > 0, table.Active);
        }
    }
}
