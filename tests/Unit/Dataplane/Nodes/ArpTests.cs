using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed class ArpTests
{
    private static readonly byte[] _none = new byte[6];
    private static readonly byte[] _newHost = Build.Mac("02:00:00:00:01:77");

    [Fact]
    public void A_request_for_an_own_address_is_answered_and_teaches_the_asker()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.77", _none, "10.1.0.1")));
        var reply = Assert.Single(gateway.OnLan());
        Assert.Equal(Build.Text(_newHost), reply.To);
        Assert.Equal(Build.Arp(2, TestGateway.LanMac, "10.1.0.1", _newHost, "10.1.0.77"), reply.Ip);
        Assert.Contains(gateway.Control.Neighbors(), n => n.Address.Equals(IPAddress.Parse("10.1.0.77")) && n.Mac!.GetAddressBytes().SequenceEqual(_newHost));
        Assert.IsType<DataplaneNotice.NeighborLearned>(Assert.Single(gateway.Notices));
    }

    [Fact]
    public void A_request_for_another_host_is_not_answered()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.77", _none, "10.1.0.2")));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.77", _none, "198.51.100.1")));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(2ul, gateway.Count("arp-input/not-for-us"));
        Assert.Empty(gateway.Notices);
    }

    // RFC 5227 §2.1.1.
    [Fact]
    public void A_probe_for_an_own_address_is_answered_and_teaches_nothing()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "0.0.0.0", _none, "10.1.0.1")));
        Assert.Single(gateway.OnLan());
        Assert.Empty(gateway.Notices);
    }

    // RFC 5227 §3: an announcement renews a known neighbor and makes no new one.
    [Fact]
    public void An_announcement_changes_a_known_neighbor_only()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.77", _none, "10.1.0.77")));
        Assert.Empty(gateway.Notices);
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.77", _none, "10.1.0.1")));
        var moved = Build.Mac("02:00:00:00:01:78");
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, moved, 0x0806, Build.Arp(1, moved, "10.1.0.77", _none, "10.1.0.77")));
        gateway.OnLan();
        gateway.FromWan(Build.Ip4("203.0.113.9", "10.1.0.77", 17, Build.Udp("203.0.113.9", "10.1.0.77", 1, 2, [])));
        Assert.Equal(Build.Text(moved), Assert.Single(gateway.OnLan()).To);
    }

    [Fact]
    public void A_static_neighbor_is_not_changed_by_what_the_wire_says()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.2", _none, "10.1.0.1")));
        gateway.OnLan();
        gateway.FromWan(Build.Ip4("203.0.113.9", "10.1.0.2", 17, Build.Udp("203.0.113.9", "10.1.0.2", 1, 2, [])));
        Assert.Equal(Build.Text(TestGateway.LanHost), Assert.Single(gateway.OnLan()).To);
    }

    [Fact]
    public void Another_host_with_an_own_address_is_a_conflict_that_is_told()
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.Broadcast, _newHost, 0x0806, Build.Arp(1, _newHost, "10.1.0.1", _none, "10.1.0.1")));
        Assert.IsType<DataplaneNotice.AddressConflict>(Assert.Single(gateway.Notices));
        Assert.Equal(1ul, gateway.Count("arp-input/conflict"));
    }

    [Theory]
    [InlineData("10.9.0.1", "sender-not-on-link")]
    public void A_sender_from_elsewhere_is_not_believed(string sender, string reason)
    {
        using var gateway = new TestGateway();
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _newHost, 0x0806, Build.Arp(1, _newHost, sender, _none, "10.1.0.1")));
        Assert.Equal(1ul, gateway.Count($"arp-input/{reason}"));
        Assert.Empty(gateway.OnLan());
    }

    [Fact]
    public void Malformed_arp_has_reasons_of_its_own()
    {
        using var gateway = new TestGateway();
        var good = Build.Arp(1, _newHost, "10.1.0.77", _none, "10.1.0.1");
        void Send(byte[] arp) => gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _newHost, 0x0806, arp));
        Send(good[..27]);
        Send([.. good[..1], 2, .. good[2..]]);
        Send([.. good[..7], 3, .. good[8..]]);
        Send(Build.Arp(1, TestGateway.Broadcast, "10.1.0.77", _none, "10.1.0.1"));
        Assert.Equal(["arp-input/too-short=1", "arp-input/not-ip4-over-ethernet=1", "arp-input/bad-operation=1", "arp-input/bad-sender=1"], gateway.Drops());
    }

    [Fact]
    public void A_packet_to_an_unknown_neighbor_waits_for_its_answer()
    {
        using var gateway = new TestGateway();
        byte[] Packet(int n) => Build.Ip4("203.0.113.9", "10.1.0.77", 17, Build.Udp("203.0.113.9", "10.1.0.77", n, 2, []));
        gateway.FromWan(Packet(1));
        gateway.FromWan(Packet(2));
        var request = Assert.Single(gateway.OnLan());
        Assert.Equal(Build.Text(TestGateway.Broadcast), request.To);
        Assert.Equal(Build.Arp(1, TestGateway.LanMac, "10.1.0.1", _none, "10.1.0.77"), request.Ip);
        // RFC 1122 §2.3.2.2: the latest packet is kept.
        Assert.Equal(1ul, gateway.Count("neighbor-resolve/superseded"));
        gateway.Frame(gateway.LanPort, Build.Ethernet(TestGateway.LanMac, _newHost, 0x0806, Build.Arp(2, _newHost, "10.1.0.77", TestGateway.LanMac, "10.1.0.1")));
        var sent = Assert.Single(gateway.OnLan());
        Assert.Equal((Build.Text(_newHost), 2), (sent.To, Build.Get16(sent.Payload, 0)));
        gateway.FromWan(Packet(3));
        Assert.Equal(3, Build.Get16(Assert.Single(gateway.OnLan()).Payload, 0));
    }

    [Fact]
    public void An_unanswered_neighbor_is_asked_thrice_and_then_told_of_as_unreachable()
    {
        using var gateway = new TestGateway();
        gateway.FromWan(Build.Ip4("203.0.113.9", "10.1.0.77", 17, Build.Udp("203.0.113.9", "10.1.0.77", 1, 2, [])));
        var context = gateway.Control.Workers[0].Context;
        for (var i = 0; i < 3; i++)
        {
            context.Now += 1_100_000_000;
            Gateway.Dataplane.Nodes.NeighborResolve.Tick(context, gateway.Control.Graph.Find("neighbor-resolve"));
        }
        gateway.Step();
        Assert.Equal(3, gateway.OnLan().Count);
        var error = Assert.Single(gateway.OnWan());
        Assert.Equal((3, 1), (error.IcmpType, error.IcmpCode));
        Assert.IsType<DataplaneNotice.NeighborUnreachable>(Assert.Single(gateway.Notices));
        Assert.DoesNotContain(gateway.Control.Neighbors(), n => n.Address.Equals(IPAddress.Parse("10.1.0.77")));
    }

    [Fact]
    public void A_scan_of_a_network_is_bounded_in_requests_and_memory()
    {
        using var gateway = new TestGateway(buffers: 8192);
        gateway.Control.SetAddresses(gateway.Lan, [TestGateway.Address("10.1.0.1", 16)]);
        for (var i = 0; i < 4000; i++)
            gateway.WanPort.Offer(Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, Build.Ip4("203.0.113.9", $"10.1.{2 + i / 250}.{1 + i % 250}", 17, Build.Bytes(8))));
        gateway.Step();
        Assert.InRange(gateway.OnLan().Count, 1, 600);
        Assert.InRange(gateway.Control.Workers[0].Context.Neighbors.Count, 1, 512);
        Assert.InRange(gateway.Count("neighbor-resolve/table-full"), 3000ul, 4000ul);
    }

    [Fact]
    public void New_addresses_are_announced()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetAddresses(gateway.Lan, [TestGateway.Address("10.1.0.1", 24), TestGateway.Address("10.1.0.9", 24), TestGateway.Address("2001:db8:1::9", 64)]);
        gateway.Step();
        var told = gateway.OnLan();
        Assert.Equal(Build.Arp(1, TestGateway.LanMac, "10.1.0.9", _none, "10.1.0.9"), told[0].Ip);
        Assert.Equal((136, "ff02::1"), (told[1].IcmpType, told[1].Destination));
        Assert.Equal(2, told.Count);
    }
}
