using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>Interfaces without addresses of their own. `lo` has 192.0.2.1/32 and 2001:db8::1/128, which `a` (02:…:01) borrows; `out` is 10.3.0.1/24, its host .2.</summary>
public sealed class UnnumberedTests
{
    private static readonly byte[] _a = [2, 0, 0, 0, 0, 1], _out = [2, 0, 0, 0, 0, 3], _host = SwitchLab.Mac(1), _none = new byte[6];

    private static InterfaceSettings Settings(string? borrows) => new() { Name = "a", Type = "in-memory", Mac = new PhysicalAddress(_a), Borrows = borrows };

    private static SwitchLab Lab()
    {
        var lab = new SwitchLab();
        lab.Loopback("lo", new(IPAddress.Parse("192.0.2.1"), 32), new(IPAddress.Parse("2001:db8::1"), 128));
        lab.Port("a", 1);
        lab.Control.SetAddresses(lab.Port("out", 3), [new(IPAddress.Parse("10.3.0.1"), 24)]);
        lab.Control.AddNeighbor(lab.Index("out"), IPAddress.Parse("10.3.0.2"), new PhysicalAddress(SwitchLab.Mac(3)));
        lab.Control.SetInterface(lab.Index("a"), Settings("lo"));
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.50.0.2/32"), Interface = lab.Index("a") });
        return lab;
    }

    private static byte[] Arp(string sender, string target) => Build.Ethernet(SwitchLab.Broadcast, _host, 0x0806, Build.Arp(1, _host, sender, _none, target));

    [Fact]
    public void It_announces_and_answers_for_the_addresses_of_its_lender()
    {
        using var lab = Lab();
        lab.Step();
        Assert.Contains(lab.Sent("a"), f => f.AsSpan(14).SequenceEqual(Build.Arp(1, _a, "192.0.2.1", _none, "192.0.2.1")));
        lab.Send("a", Arp("10.50.0.2", "192.0.2.1"));
        Assert.Equal(Build.Arp(2, _a, "192.0.2.1", _host, "10.50.0.2"), Assert.Single(lab.Sent("a"))[14..]);
        lab.Send("a", Build.Ethernet(_a, _host, 0x0800, Build.Ip4("10.50.0.2", "192.0.2.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8)))));
        var reply = new Seen(Assert.Single(lab.Sent("a")));
        Assert.Equal((Build.Text(_host), 0), (reply.To, reply.IcmpType));
    }

    [Fact]
    public void A_neighbor_is_asked_for_with_the_lenders_address_and_believed_where_a_route_leads_to_it()
    {
        using var lab = Lab();
        lab.Step();
        lab.Left();
        lab.Send("out", Build.Ethernet(_out, SwitchLab.Mac(3), 0x0800, Build.Ip4("10.3.0.2", "10.50.0.2", 17, Build.Udp("10.3.0.2", "10.50.0.2", 1, 2, []))));
        Assert.Equal(Build.Arp(1, _a, "192.0.2.1", _none, "10.50.0.2"), Assert.Single(lab.Sent("a"))[14..]);
        // Nobody routes to this one here.
        lab.Send("a", Build.Ethernet(_a, _host, 0x0806, Build.Arp(2, _host, "10.50.0.3", _a, "192.0.2.1")));
        Assert.Equal(1ul, lab.Count("arp-input/sender-not-on-link"));
        lab.Send("a", Build.Ethernet(_a, _host, 0x0806, Build.Arp(2, _host, "10.50.0.2", _a, "192.0.2.1")));
        Assert.Equal(Build.Text(_host), new Seen(Assert.Single(lab.Sent("a"))).To);
        // The lender's network is not on this link.
        lab.Control.SetAddresses(lab.Index("lo"), [new(IPAddress.Parse("192.0.2.1"), 24)]);
        lab.Left();
        lab.Send("a", Arp("192.0.2.9", "192.0.2.1"));
        Assert.Empty(lab.Sent("a"));
    }

    [Fact]
    public void Errors_come_from_the_lenders_address_for_both_families()
    {
        using var lab = Lab();
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("2001:db8:50::/64"), Interface = lab.Index("a") });
        lab.Control.AddNeighbor(lab.Index("a"), IPAddress.Parse("10.50.0.2"), new PhysicalAddress(_host));
        lab.Control.AddNeighbor(lab.Index("a"), IPAddress.Parse("2001:db8:50::2"), new PhysicalAddress(_host));
        lab.Step();
        lab.Left();
        lab.Send("a", Build.Ethernet(_a, _host, 0x0800, Build.Ip4("10.50.0.2", "203.0.113.1", 17, Build.Udp("10.50.0.2", "203.0.113.1", 1, 2, []))));
        Assert.Equal("192.0.2.1", new IPAddress(Assert.Single(lab.Sent("a")).AsSpan(14 + 12, 4)).ToString());
        lab.Send("a", Build.Ethernet(_a, _host, 0x86DD, Build.Ip6("2001:db8:50::2", "2001:db8:99::1", 17, Build.Udp("2001:db8:50::2", "2001:db8:99::1", 1, 2, []))));
        Assert.Equal("2001:db8::1", new IPAddress(Assert.Single(lab.Sent("a")).AsSpan(14 + 8, 16)).ToString());
    }

    [Fact]
    public void A_change_of_the_lender_is_a_change_of_the_borrower_and_all_is_given_back()
    {
        using var lab = Lab();
        lab.Step();
        lab.Left();
        lab.Control.SetAddresses(lab.Index("lo"), [new(IPAddress.Parse("192.0.2.7"), 32)]);
        lab.Step();
        Assert.Contains(lab.Sent("a"), f => f.AsSpan(14).SequenceEqual(Build.Arp(1, _a, "192.0.2.7", _none, "192.0.2.7")));
        lab.Send("a", Arp("10.50.0.2", "192.0.2.1"));
        Assert.Empty(lab.Sent("a"));
        lab.Send("a", Arp("10.50.0.2", "192.0.2.7"));
        Assert.Single(lab.Sent("a"));
        lab.Control.RemoveInterface(lab.Index("lo"));
        lab.Send("a", Arp("10.50.0.2", "192.0.2.7"));
        Assert.Empty(lab.Sent("a"));
        lab.Loopback("lo", new InterfaceAddress(IPAddress.Parse("192.0.2.8"), 32));
        lab.Step();
        lab.Left();
        lab.Send("a", Arp("10.50.0.2", "192.0.2.8"));
        Assert.Single(lab.Sent("a"));
        lab.Control.SetInterface(lab.Index("a"), Settings(null));
        lab.Send("a", Arp("10.50.0.2", "192.0.2.8"));
        Assert.Empty(lab.Sent("a"));
    }
}
