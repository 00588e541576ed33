using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed class IpInputTests
{
    private const string Host = "10.1.0.2", Far = "203.0.113.9", Host6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    private static byte[] Changed(byte[] packet, int at, byte value, bool mend = false)
    {
        var copy = packet.ToArray();
        copy[at] = value;
        if (!mend) return copy;
        Build.Put16(copy, 10, 0);
        Build.Put16(copy, 10, SlowChecksum.Of(copy.AsSpan(0, (copy[0] & 15) * 4)));
        return copy;
    }

    public static TheoryData<string, byte[]> Bad4()
    {
        var good = Build.Ip4(Host, Far, 17, Build.Udp(Host, Far, 1, 2, Build.Bytes(20)));
        return new TheoryData<string, byte[]>
        {
            { "too-short", good[..19] },
            { "bad-version", Changed(good, 0, 0x55) },
            { "bad-header-length", Changed(good, 0, 0x44) },
            { "bad-header-length", [.. Changed(good, 0, 0x4F)[..40]] },
            { "bad-total-length", Changed(good, 3, 19, mend: true) },
            { "bad-total-length", Changed(good, 3, 200, mend: true) },
            { "bad-checksum", Changed(good, 8, 63) },
            { "martian-source", Build.Ip4("127.0.0.1", Far, 17, []) },
            { "martian-source", Build.Ip4("0.0.0.1", Far, 17, []) },
            { "martian-source", Build.Ip4("224.0.0.1", Far, 17, []) },
            { "martian-source", Build.Ip4("255.255.255.255", Far, 17, []) },
            { "own-source", Build.Ip4("198.51.100.1", Far, 17, []) },
            { "martian-destination", Build.Ip4(Host, "127.0.0.1", 17, []) },
            { "martian-destination", Build.Ip4(Host, "0.0.0.0", 17, []) },
            { "broadcast", Build.Ip4(Host, "255.255.255.255", 17, []) },
            { "multicast", Build.Ip4(Host, "224.0.0.251", 17, []) },
            { "bad-option", Build.Ip4(Host, Far, 17, [], options: [7, 9, 0, 0]) },
            { "bad-option", Build.Ip4(Host, Far, 17, [], options: [7, 1, 0, 0]) },
            { "bad-option", Build.Ip4(Host, Far, 17, [], options: [1, 1, 1, 7]) },
            { "source-route", Build.Ip4(Host, Far, 17, [], options: [131, 4, 4, 0]) },
            { "source-route", Build.Ip4(Host, Far, 17, [], options: [1, 137, 3, 4]) },
        };
    }

    [Theory]
    [MemberData(nameof(Bad4))]
    public void A_bad_ipv4_packet_is_dropped_for_its_own_reason(string reason, byte[] packet)
    {
        using var gateway = new TestGateway();
        gateway.FromLan4(packet);
        Assert.Equal([$"ip4-input/{reason}=1"], gateway.Drops());
        Assert.Empty(gateway.OnLan());
        Assert.Empty(gateway.OnWan());
    }

    public static TheoryData<string, byte[]> Bad6()
    {
        var udp = Build.Udp(Host6, Far6, 1, 2, Build.Bytes(20));
        var good = Build.Ip6(Host6, Far6, 17, udp);
        return new TheoryData<string, byte[]>
        {
            { "too-short", good[..39] },
            { "bad-version", Changed(good, 0, 0x45) },
            { "bad-payload-length", Changed(good, 5, 200) },
            { "martian-source", Build.Ip6("::1", Far6, 17, udp) },
            { "martian-source", Build.Ip6("::", Far6, 17, udp) },
            { "martian-source", Build.Ip6("ff02::1", Far6, 17, udp) },
            { "martian-source", Build.Ip6("::ffff:10.1.0.2", Far6, 17, udp) },
            { "own-source", Build.Ip6("2001:db8:2::1", Far6, 17, udp) },
            { "martian-destination", Build.Ip6(Host6, "::1", 17, udp) },
            { "martian-destination", Build.Ip6(Host6, "::", 17, udp) },
            { "multicast", Build.Ip6(Host6, "ff02::fb", 17, udp) },
            { "foreign-link-local", Build.Ip6("fe80::5", "fe80::6", 17, udp) },
            { "bad-extension", Build.Ip6(Host6, Far6, 60, [0, 9, 0, 0, 0, 0, 0, 0]) },
            { "bad-extension", Build.Ip6(Host6, Far6, 60, [0, 0, 1, 4, 0, 0, 0, 0, 17, 0, 0, 0, 0, 0, 0, 0]) },
            { "bad-extension", Build.Ip6(Host6, Far6, 44, [44, 0, 0, 0, 0, 0, 0, 1, 17, 0, 0, 0, 0, 0, 0, 1]) },
            { "too-many-extensions", Build.Ip6(Host6, Far6, 60, [.. Enumerable.Repeat((byte[])[60, 0, 1, 4, 0, 0, 0, 0], 9).SelectMany(h => h)]) },
            { "routing-header0", Build.Ip6(Host6, Far6, 43, [17, 2, 0, 1, .. new byte[20]]) },
        };
    }

    [Theory]
    [MemberData(nameof(Bad6))]
    public void A_bad_ipv6_packet_is_dropped_for_its_own_reason(string reason, byte[] packet)
    {
        using var gateway = new TestGateway();
        gateway.FromLan6(packet);
        Assert.Equal([$"ip6-input/{reason}=1"], gateway.Drops());
        Assert.Empty(gateway.OnLan());
        Assert.Empty(gateway.OnWan());
    }

    [Fact]
    public void Harmless_options_and_extension_headers_pass()
    {
        using var gateway = new TestGateway();
        gateway.FromLan(Build.Ip4(Host, Far, 17, Build.Udp(Host, Far, 1, 2, []), options: [7, 7, 4, 0, 0, 0, 0, 0]));
        gateway.FromLan(Build.Ip6(Host6, Far6, 0, [60, 0, 1, 4, 0, 0, 0, 0, 17, 0, 1, 4, 0, 0, 0, 0, .. Build.Udp(Host6, Far6, 1, 2, [])]));
        Assert.Equal(2, gateway.OnWan().Count);
    }

    // RFC 1812 §5.3.5, RFC 2644: directed broadcasts are not forwarded.
    [Fact]
    public void The_edges_of_a_connected_network_are_nobody()
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip4(Far, "10.1.0.255", 17, []));
        gateway.FromWan(Build.Ip4(Far, "10.1.0.0", 17, []));
        Assert.Equal(["ip4-lookup/blackhole=2"], gateway.Drops());
    }

    [Fact]
    public void Frames_that_are_not_for_the_gateway_or_not_ip_have_reasons_of_their_own()
    {
        using var gateway = new TestGateway();
        var ip = Build.Ip4(Host, Far, 17, []);
        gateway.Frame(gateway.LanPort, new byte[13]);
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.WanMac, TestGateway.LanHost, 0x0800, ip));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, TestGateway.Broadcast, 0x0800, ip));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x8100, ip));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x88CC, ip));
        Assert.Equal(
            ["ethernet-input/too-short=1", "ethernet-input/not-for-us=1", "ethernet-input/group-source=1", "ethernet-input/vlan=1", "ethernet-input/unknown-type=1"],
            gateway.Drops());
    }
}
