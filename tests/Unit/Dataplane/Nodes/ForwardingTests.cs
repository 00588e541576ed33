using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed class ForwardingTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    [Fact]
    public void A_packet_crosses_from_lan_to_wan_with_one_off_its_ttl()
    {
        using var gateway = new TestGateway();
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1000, 2000, Build.Bytes(100))));
        var seen = Assert.Single(gateway.OnWan());
        Assert.Equal(Build.Text(TestGateway.WanHost), seen.To);
        Assert.Equal(Build.Text(TestGateway.WanMac), seen.From);
        Assert.Equal((LanHost, Far, (byte)63), (seen.Source, seen.Destination, seen.Ttl));
        Assert.Equal(Build.Bytes(100), seen.Payload[8..]);
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void An_ipv6_packet_crosses_with_one_off_its_hop_limit()
    {
        using var gateway = new TestGateway();
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1000, 2000, Build.Bytes(100))));
        var seen = Assert.Single(gateway.OnWan());
        Assert.Equal((LanHost6, Far6, (byte)63), (seen.Source, seen.Destination, seen.Ttl));
        Assert.Equal(Build.Text(TestGateway.WanHost), seen.To);
    }

    // RFC 1624: the incremental checksum is right for every TTL and any other header content.
    [Fact]
    public void The_header_checksum_stays_right_for_every_ttl()
    {
        using var gateway = new TestGateway();
        for (var ttl = 2; ttl < 256; ttl++)
        {
            for (var id = 0; id < 65536; id += 4097)
                gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, []), ttl: (byte)ttl, id: (ushort)id));
            Assert.All(gateway.OnWan(), s => Assert.Equal(ttl - 1, s.Ttl));
        }
    }

    [Fact]
    public void Ethernet_padding_is_not_forwarded()
    {
        using var gateway = new TestGateway();
        var ip = Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, []));
        gateway.FromLan([.. ip, .. new byte[18]]);
        Assert.Equal(ip.Length, Assert.Single(gateway.OnWan()).Ip.Length);
    }

    [Fact]
    public void A_jumbo_frame_crosses_in_a_chain()
    {
        using var gateway = new TestGateway();
        foreach (var (index, name, mac) in new[] { (gateway.Lan, "lan", TestGateway.LanMac), (gateway.Wan, "wan", TestGateway.WanMac) })
            gateway.Control.SetInterface(index, new() { Name = name, Type = "in-memory", Mac = new(mac), Mtu = 9000 });
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, Build.Bytes(8900)), df: true));
        Assert.Equal(Build.Bytes(8900), Assert.Single(gateway.OnWan()).Payload[8..]);
    }

    // RFC 792, RFC 1812 §4.3.2.3.
    [Fact]
    public void A_packet_at_its_last_hop_earns_a_time_exceeded()
    {
        using var gateway = new TestGateway();
        var packet = Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1000, 33434, Build.Bytes(1000)), ttl: 1);
        gateway.FromLan(packet);
        Assert.Empty(gateway.OnWan());
        var error = Assert.Single(gateway.OnLan());
        Assert.Equal(("10.1.0.1", LanHost, (byte)1), (error.Source, error.Destination, error.Protocol));
        Assert.Equal((11, 0), (error.IcmpType, error.IcmpCode));
        Assert.Equal(576, error.Ip.Length);
        Assert.Equal(packet[..548], error.Payload[8..]);
        Assert.Equal(["ip4-lookup/ttl-expired=1"], gateway.Drops());
    }

    [Fact]
    public void An_ipv6_packet_at_its_last_hop_earns_a_time_exceeded()
    {
        using var gateway = new TestGateway();
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, Build.Bytes(1400)), hops: 1));
        var error = Assert.Single(gateway.OnLan());
        Assert.Equal(("2001:db8:1::1", LanHost6), (error.Source, error.Destination));
        Assert.Equal((3, 0), (error.IcmpType, error.IcmpCode));
        Assert.Equal(1280, error.Ip.Length);
    }

    [Fact]
    public void A_destination_without_a_route_earns_an_unreachable()
    {
        using var gateway = new TestGateway();
        gateway.Control.RemoveRoute(0, System.Net.IPNetwork.Parse("0.0.0.0/0"));
        gateway.Control.RemoveRoute(0, System.Net.IPNetwork.Parse("::/0"));
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, [])));
        var errors = gateway.OnLan();
        Assert.Equal((3, 0), (errors[0].IcmpType, errors[0].IcmpCode));
        Assert.Equal((1, 0), (errors[1].IcmpType, errors[1].IcmpCode));
    }

    [Fact]
    public void A_prohibited_route_refuses_and_a_blackhole_is_silent()
    {
        using var gateway = new TestGateway();
        gateway.Control.AddRoute(new() { To = System.Net.IPNetwork.Parse("203.0.113.0/24"), Kind = Gateway.Dataplane.Apply.RouteKind.Prohibit });
        gateway.Control.AddRoute(new() { To = System.Net.IPNetwork.Parse("203.0.114.0/24"), Kind = Gateway.Dataplane.Apply.RouteKind.Blackhole });
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        gateway.FromLan(Build.Ip4(LanHost, "203.0.114.1", 17, Build.Udp(LanHost, "203.0.114.1", 1, 2, [])));
        Assert.Equal((3, 13), (Assert.Single(gateway.OnLan()) is var e ? (e.IcmpType, e.IcmpCode) : default));
        Assert.Equal(1ul, gateway.Count("ip4-lookup/blackhole"));
    }

    // RFC 1191 §4.
    [Fact]
    public void A_packet_too_big_for_its_way_asks_for_a_smaller_one()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new() { Name = "wan", Type = "in-memory", Mac = new(TestGateway.WanMac), Mtu = 1400 });
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, Build.Bytes(1400)), df: true));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, Build.Bytes(1400))));
        var errors = gateway.OnLan();
        Assert.Equal((3, 4, 1400u), (errors[0].IcmpType, errors[0].IcmpCode, errors[0].IcmpField));
        Assert.Equal((2, 0, 1400u), (errors[1].IcmpType, errors[1].IcmpCode, errors[1].IcmpField));
        Assert.Empty(gateway.OnWan());
    }

    // RFC 791 §3.2.
    [Theory]
    [InlineData(1500, 1400)]
    [InlineData(1500, 68)]
    [InlineData(8000, 576)]
    [InlineData(9000, 4500)]
    [InlineData(65515, 1500)]
    public void Without_df_a_packet_is_split_and_its_parts_make_the_whole(int total, int mtu)
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new() { Name = "wan", Type = "in-memory", Mac = new(TestGateway.WanMac), Mtu = mtu });
        var payload = Build.Bytes(total - 20);
        gateway.FromLan(Build.Ip4(LanHost, Far, 99, payload));
        var parts = gateway.OnWan();
        var whole = new byte[payload.Length];
        foreach (var part in parts)
        {
            Assert.True(part.Ip.Length <= mtu);
            part.Payload.CopyTo(whole, (part.FragmentWord & 0x1FFF) * 8);
        }
        Assert.Equal(payload, whole);
        Assert.Equal(0, parts[^1].FragmentWord & 0x2000);
        Assert.All(parts.SkipLast(1), p => Assert.NotEqual(0, p.FragmentWord & 0x2000));
        Assert.Equal(payload.Length, parts.Sum(p => p.Payload.Length));
    }

    // RFC 791 §3.1: the copied bit.
    [Fact]
    public void A_split_fragment_keeps_its_place_and_only_copied_options_follow()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new() { Name = "wan", Type = "in-memory", Mac = new(TestGateway.WanMac), Mtu = 600 });
        byte[] options = [7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 0];
        gateway.FromLan(Build.Ip4(LanHost, Far, 99, Build.Bytes(1200), mf: true, options: options));
        var parts = gateway.OnWan();
        Assert.Equal(32, (parts[0].Ip[0] & 15) * 4);
        Assert.Equal(24, (parts[1].Ip[0] & 15) * 4);
        Assert.Equal(0x94, parts[1].Ip[20]);
        Assert.All(parts, p => Assert.NotEqual(0, p.FragmentWord & 0x2000));
    }

    // RFC 1122 §3.2.2, RFC 1812 §4.3.2.7.
    [Fact]
    public void No_error_is_sent_about_an_error_or_a_later_fragment_or_a_broadcast()
    {
        using var gateway = new TestGateway();
        gateway.FromLan(Build.Ip4(LanHost, Far, 1, Build.Icmp4(3, 1, 0, Build.Bytes(28)), ttl: 1));
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Bytes(64), ttl: 1, offset: 1480));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 17, Build.Bytes(64), ttl: 1)));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 58, Build.Icmp6(LanHost6, Far6, 1, 0, 0, Build.Bytes(48)), hops: 1));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(2ul, gateway.Count("icmp4-error/not-allowed"));
        Assert.Equal(1ul, gateway.Count("icmp6-error/not-allowed"));
        Assert.Equal(1ul, gateway.Count("ip4-lookup/link-broadcast"));
    }

    [Fact]
    public void Errors_are_limited_in_rate()
    {
        using var gateway = new TestGateway();
        for (var i = 0; i < 500; i++) gateway.LanPort.Offer(Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 17, Build.Bytes(64), ttl: 1)));
        gateway.Step();
        Assert.Equal(500ul, gateway.Count("icmp4-error/sent") + gateway.Count("icmp4-error/rate-limited"));
        Assert.InRange(gateway.OnLan().Count, 200, 499);
    }

    // RFC 9293 §3.7.1.
    [Theory]
    [InlineData(new byte[] { 2, 4, 0x05, 0xB4 }, 2, 1460, 1360)]
    [InlineData(new byte[] { 1, 2, 4, 0x05, 0xB4, 0, 0, 0 }, 3, 1460, 1360)]
    [InlineData(new byte[] { 2, 4, 0x02, 0x00 }, 2, 512, 512)]
    [InlineData(new byte[] { 8, 10, 0, 0, 0, 0, 0, 0, 0, 0, 2, 4, 0xFF, 0xFF, 1, 1 }, 12, 65535, 1360)]
    public void The_segment_size_of_a_syn_is_lowered_to_the_interface(byte[] options, int at, int before, int after)
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new() { Name = "wan", Type = "in-memory", Mac = new(TestGateway.WanMac), Mtu = 1400 });
        Assert.Equal(before, Build.Get16(options, at));
        gateway.FromLan(Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, options, [])));
        Assert.Equal(after, Build.Get16(Assert.Single(gateway.OnWan()).Payload, 20 + at));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 6, Build.Tcp(LanHost6, Far6, 2, options, [])));
        Assert.Equal(Math.Min(before, 1340), Build.Get16(Assert.Single(gateway.OnWan()).Payload, 20 + at));
    }

    [Fact]
    public void A_disabled_interface_neither_receives_nor_sends()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetInterface(gateway.Wan, new() { Name = "wan", Type = "in-memory", Mac = new(TestGateway.WanMac), Enabled = false });
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        gateway.FromWan(Build.Ip4(Far, LanHost, 17, Build.Udp(Far, LanHost, 1, 2, [])));
        Assert.Empty(gateway.OnWan());
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["interface-output/down=1"], gateway.Drops());
    }
}
