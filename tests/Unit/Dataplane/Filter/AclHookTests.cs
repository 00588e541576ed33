using System.Net;
using Gateway.Dataplane.Filter;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Filter;

/// <summary>Where in their way packets meet rules.</summary>
public sealed unsafe class AclHookTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    [Fact]
    public void A_packet_that_no_rule_permits_ends_where_it_came_in()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In4, Only<FilterIp4>(FilterAction.Permit, 6));
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        gateway.FromLan(Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [], [])));
        Assert.Equal(6, Assert.Single(gateway.OnWan()).Protocol);
        Assert.Equal(["ip4-acl-input/denied=1"], gateway.Drops());
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, [])));
        Assert.Single(gateway.OnWan());
    }

    [Fact]
    public void The_gateway_itself_is_behind_the_rules_of_the_interface()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In4, Only<FilterIp4>(FilterAction.Permit, 6));
        gateway.FromLan(Build.Ip4(LanHost, "10.1.0.1", 1, Build.Icmp4(8, 0, 1, [])));
        gateway.FromLan(Build.Ip4(LanHost, "10.1.0.1", 17, Build.Udp(LanHost, "10.1.0.1", 500, 500, Build.Bytes(30))));
        Assert.Empty(gateway.OnLan());
        Assert.Empty(gateway.Datagrams);
        Assert.Equal(["ip4-acl-input/denied=2"], gateway.Drops());
    }

    [Fact]
    public void A_packet_ends_before_it_leaves_by_an_interface_that_forbids_it()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Wan, FilterPoint.Out6, Only<FilterIp6>(FilterAction.Permit, 6));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, [])));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 6, Build.Tcp(LanHost6, Far6, 2, [], [])));
        Assert.Equal(6, Assert.Single(gateway.OnWan()).Protocol);
        Assert.Equal(["ip6-acl-output/denied=1"], gateway.Drops());
    }

    [Fact]
    public void The_gateways_own_packets_pass_what_leaves_by_an_interface()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.Out4, Only<FilterIp4>(FilterAction.Deny, 1));
        gateway.FromLan(Build.Ip4(LanHost, "10.1.0.1", 1, Build.Icmp4(8, 0, 1, [])));
        Assert.Equal(0, Assert.Single(gateway.OnLan()).IcmpType);
    }

    [Fact]
    public void A_rejected_packet_earns_an_error_that_says_so()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In4, Only<FilterIp4>(FilterAction.Reject, 17));
        gateway.Control.Filtering.Attach(gateway.Wan, FilterPoint.Out6, Only<FilterIp6>(FilterAction.Reject, 17));
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        gateway.FromLan(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, [])));
        var errors = gateway.OnLan();
        // RFC 1812 §5.2.7.1: communication administratively prohibited; RFC 4443 §3.1 code 1.
        Assert.Equal([("10.1.0.1", 3, 13), ("2001:db8:1::1", 1, 1)], errors.Select(e => (e.Source, (int)e.IcmpType, (int)e.IcmpCode)));
        Assert.Equal(["ip4-acl-input/rejected=1", "ip6-acl-output/rejected=1"], gateway.Drops());
    }

    // RFC 4861: a link without neighbor discovery is dead.
    [Fact]
    public void Neighbor_discovery_passes_where_no_rule_speaks_of_it()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In6, Only<FilterIp6>(FilterAction.Permit, 6));
        gateway.FromLan(Build.Neighbor(LanHost6, "2001:db8:1::1", 135, 0, "2001:db8:1::1", TestGateway.LanHost));
        Assert.Equal(136, Assert.Single(gateway.OnLan()).IcmpType);
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In6, Only<FilterIp6>(FilterAction.Deny, 58));
        gateway.FromLan(Build.Neighbor(LanHost6, "2001:db8:1::1", 135, 0, "2001:db8:1::1", TestGateway.LanHost));
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["ip6-acl-input/denied=1"], gateway.Drops());
    }

    [Fact]
    public void Packets_pass_again_when_the_rules_are_gone()
    {
        using var gateway = new TestGateway();
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In4, Only<FilterIp4>(FilterAction.Deny, 17));
        gateway.Control.Filtering.Attach(gateway.Lan, FilterPoint.In4, null);
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, [])));
        Assert.Single(gateway.OnWan());
        Assert.Empty(gateway.Drops());
    }

    /// <summary>One rule about a protocol; the rest is denied.</summary>
    private static FilterProgram* Only<TFamily>(FilterAction action, byte protocol)
        where TFamily : struct, IFilterFamily
    {
        var words = TFamily.AddressWords * 2 + 2;
        var (value, mask) = (new uint[words], new uint[words]);
        (value[^1], mask[^1]) = (protocol, FilterKey.ProtocolMask);
        return FilterCompiler.Compile<TFamily>([new FilterRow(0, value, mask)], [new FilterVerdict { Action = action }, new FilterVerdict { Action = FilterAction.Deny }], 1);
    }
}
