using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed class NdTests
{
    private const string Own = "2001:db8:1::1", OwnGroup = "ff02::1:ff00:1", LinkLocal = "fe80::ff:fe00:101", Host = "2001:db8:1::77";
    private static readonly byte[] _mac = Build.Mac("02:00:00:00:01:77");
    private static readonly byte[] _groupMac = Build.Mac("33:33:ff:00:00:01");

    // RFC 4861 §7.2.4.
    [Theory]
    [InlineData(Own, OwnGroup)]
    [InlineData(Own, Own)]
    [InlineData(LinkLocal, "ff02::1:ff00:101")]
    public void A_solicitation_for_an_own_address_is_answered_and_teaches_the_asker(string target, string to)
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(to == target ? TestGateway.LanMac : _groupMac, _mac, 0x86DD, Build.Neighbor(Host, to, 135, 0, target, _mac)));
        var reply = Assert.Single(gateway.OnLan());
        Assert.Equal((Build.Text(_mac), target, Host, (byte)255), (reply.To, reply.Source, reply.Destination, reply.Ttl));
        Assert.Equal((136, 0xE000_0000u), (reply.IcmpType, reply.IcmpField));
        Assert.Equal((byte[])[2, 1, .. TestGateway.LanMac], reply.Payload[24..]);
        Assert.Contains(gateway.Control.Neighbors(), n => n.Address.Equals(IPAddress.Parse(Host)) && n.Mac!.GetAddressBytes().SequenceEqual(_mac));
    }

    // RFC 4862 §5.4.3.
    [Fact]
    public void A_probe_for_an_own_address_is_told_to_all_nodes()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(_groupMac, _mac, 0x86DD, Build.Neighbor("::", OwnGroup, 135, 0, Own, null)));
        var reply = Assert.Single(gateway.OnLan());
        Assert.Equal(("ff02::1", 0xA000_0000u), (reply.Destination, reply.IcmpField));
        Assert.Empty(gateway.Notices);
    }

    // RFC 4861 §7.1.1.
    [Fact]
    public void What_came_from_beyond_the_link_is_dropped()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(_groupMac, _mac, 0x86DD, Build.Neighbor(Host, OwnGroup, 135, 0, Own, _mac, hops: 254)));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["nd-input/hop-limit=1"], gateway.Drops());
    }

    [Fact]
    public void Malformed_messages_have_reasons_of_their_own()
    {
        using var gateway = new TestGateway();
        void Send(byte[] ip) => gateway.Frame(gateway.LanPort, Build.Ethernet(_groupMac, _mac, 0x86DD, ip));
        var good = Build.Neighbor(Host, OwnGroup, 135, 0, Own, _mac);
        Send([.. good[..^1], (byte)(good[^1] ^ 1)]);
        Send(Build.Ip6(Host, OwnGroup, 58, Build.Icmp6(Host, OwnGroup, 135, 0, 0, [.. IPAddress.Parse(Own).GetAddressBytes(), 1, 0, 0, 0, 0, 0, 0, 0]), 255));
        Send(Build.Ip6(Host, OwnGroup, 58, Build.Icmp6(Host, OwnGroup, 135, 1, 0, [.. IPAddress.Parse(Own).GetAddressBytes()]), 255));
        Send(Build.Ip6(Host, OwnGroup, 58, Build.Icmp6(Host, OwnGroup, 135, 0, 0, [1, 2, 3]), 255));
        Send(Build.Neighbor("::", OwnGroup, 135, 0, Own, _mac));
        Send(Build.Ip6(Host, "ff02::2", 58, Build.Icmp6(Host, "ff02::2", 133, 0, 0, []), 255));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["nd-input/bad-message=3", "nd-input/bad-checksum=1", "nd-input/bad-option=1", "nd-input/router-message=1"], gateway.Drops());
    }

    [Fact]
    public void A_packet_to_an_unknown_neighbor_waits_for_its_answer()
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip6("2001:db8:99::9", Host, 17, Build.Udp("2001:db8:99::9", Host, 1, 2, [])));
        var asked = Assert.Single(gateway.OnLan());
        Assert.Equal(("3333ff000077", Own, "ff02::1:ff00:77"), (asked.To, asked.Source, asked.Destination));
        Assert.Equal(135, asked.IcmpType);
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _mac, 0x86DD, Build.Neighbor(Host, Own, 136, 0x6000_0000, Host, _mac)));
        Assert.Equal(Build.Text(_mac), Assert.Single(gateway.OnLan()).To);
    }

    // RFC 4861 §7.2.5: without the override flag a known neighbor keeps its address.
    [Fact]
    public void An_advertisement_without_override_changes_nothing()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(_groupMac, _mac, 0x86DD, Build.Neighbor(Host, OwnGroup, 135, 0, Own, _mac)));
        gateway.OnLan();
        var other = Build.Mac("02:00:00:00:01:78");
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, other, 0x86DD, Build.Neighbor(Host, Own, 136, 0x4000_0000, Host, other)));
        gateway.FromWan(Build.Ip6("2001:db8:99::9", Host, 17, Build.Udp("2001:db8:99::9", Host, 1, 2, [])));
        Assert.Equal(Build.Text(_mac), Assert.Single(gateway.OnLan()).To);
    }

    [Fact]
    public void Another_host_with_an_own_address_is_a_conflict_that_is_told()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(Build.Mac("33:33:00:00:00:01"), _mac, 0x86DD, Build.Neighbor(Host, "ff02::1", 136, 0x2000_0000, Own, _mac)));
        Assert.IsType<DataplaneNotice.AddressConflict>(Assert.Single(gateway.Notices));
    }

    [Fact]
    public void A_link_local_asker_gets_its_echo_reply_on_its_link()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _mac, 0x86DD, Build.Ip6("fe80::77", LinkLocal, 58, Build.Icmp6("fe80::77", LinkLocal, 128, 0, 7, Build.Bytes(56)))));
        var reply = Assert.Single(gateway.OnLan());
        Assert.Equal((Build.Text(_mac), Build.Text(TestGateway.LanMac), LinkLocal, "fe80::77"), (reply.To, reply.From, reply.Source, reply.Destination));
        Assert.Equal(129, reply.IcmpType);
    }
}
