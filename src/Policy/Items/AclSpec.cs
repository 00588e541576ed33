using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>What an ACL's rule does with a packet that it matches.</summary>
public enum AclAction
{
    /// <summary>Lets it pass.</summary>
    Permit,

    /// <summary>Drops it without a word.</summary>
    Deny,

    /// <summary>Drops it and tells its sender: a reset for TCP, an ICMP error for all else.</summary>
    Reject,

    /// <summary>Lets it pass, and the packets of its flow in both directions after it.</summary>
    PermitReflect,
}

/// <summary>A version of IP.</summary>
public enum IpFamily
{
    Ipv4,
    Ipv6,
}

/// <summary>Which packets a rule means, whole ones or fragments.</summary>
public enum FragmentMatch
{
    /// <summary>Packets that are no fragments.</summary>
    None,

    /// <summary>Fragments, the first of a packet too.</summary>
    Any,

    /// <summary>Fragments other than the first, which show no ports.</summary>
    Later,
}

/// <summary>An ACL (<c>acl</c>): rules for IP packets in their order, of which the first that matches decides. Interfaces name it in <c>acl_in</c> and <c>acl_out</c>.</summary>
public sealed record AclSpec : ItemSpec
{
    /// <summary>The rules. What none matches is for the next ACL of the interface's list, and in the end for its <c>acl_default</c>.</summary>
    public ValueList<AclRule> Rules { get; init; }
}

/// <summary>A rule of an ACL: <c>{"action":"permit","protocol":"tcp","to":["10.1.0.0/24"],"to_ports":["443"]}</c>. What is left out matches everything.</summary>
public sealed record AclRule
{
    /// <summary>Under which the rule is counted, in its ACL alone its own. Default: a word made from what the rule says, which stays the same wherever the rule stands.</summary>
    public string? Name { get; init; }

    public required AclAction Action { get; init; }

    /// <summary>Only packets of this version of IP. Default: that of the addresses, else both.</summary>
    public IpFamily? Family { get; init; }

    /// <summary>Source: addresses, prefixes and names of groups; one of them must match.</summary>
    public ValueList<AclAddress> From { get; init; }

    /// <summary>Destination: addresses, prefixes and names of groups; one of them must match.</summary>
    public ValueList<AclAddress> To { get; init; }

    /// <summary>IP protocol: a word such as tcp, udp, icmp, icmpv6, esp, gre, sctp, or its number. Of IPv6 the one behind the extension headers.</summary>
    public IpProtocol? Protocol { get; init; }

    /// <summary>Source ports, with a protocol that has them: numbers, ranges such as 1024-65535, and names of groups.</summary>
    public ValueList<AclPort> FromPorts { get; init; }

    /// <summary>Destination ports, with a protocol that has them: numbers, ranges such as 1024-65535, and names of groups.</summary>
    public ValueList<AclPort> ToPorts { get; init; }

    /// <summary>With protocol tcp: flags that must be set, and with an exclamation mark such as must not: syn,!ack.</summary>
    public TcpFlags? TcpFlags { get; init; }

    /// <summary>With protocol icmp or icmpv6: the type.</summary>
    [Range(0, 255)]
    public int? IcmpType { get; init; }

    /// <summary>With icmp_type: the code.</summary>
    [Range(0, 255)]
    public int? IcmpCode { get; init; }

    /// <summary>Only fragments of this sort. Without it a rule matches fragments too, except that one with ports, flags or a type never matches those that do not show them.</summary>
    public FragmentMatch? Fragments { get; init; }

    /// <summary>With action permit: name of the limit per source for what the rule lets pass. Of a flow that is tracked only the packets that meet rules are held to it.</summary>
    public string? SourceLimit { get; init; }

    /// <summary>With action permit: name of the policer that what the rule lets pass must pass too. Of a flow that is tracked only the packets that meet rules do.</summary>
    public string? Policer { get; init; }
}

/// <summary>A group (<c>group</c>) of addresses or of ports, which ACLs name: <c>{"addresses":["10.1.0.0/24","2001:db8:1::/64"]}</c>. A change of it is a change of them.</summary>
public sealed record GroupSpec : ItemSpec
{
    /// <summary>Addresses, prefixes and names of other groups.</summary>
    public ValueList<AclAddress> Addresses { get; init; }

    /// <summary>Ports, ranges of ports and names of other groups. A group has addresses or ports, not both.</summary>
    public ValueList<AclPort> Ports { get; init; }
}
