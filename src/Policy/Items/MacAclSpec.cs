using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>What a rule of a MAC ACL does with a frame that it matches.</summary>
public enum MacAclAction
{
    /// <summary>Lets it pass.</summary>
    Permit,

    /// <summary>Drops it.</summary>
    Deny,
}

/// <summary>
/// A MAC ACL (<c>mac-acl</c>): rules for Ethernet frames in their order, of which the first that matches decides. Interfaces name it in <c>mac_acl_in</c> and <c>mac_acl_out</c>:
/// <c>{"rules":[{"action":"permit","from":"02:00:00:00:00:05","source_ip":["10.1.0.5/32"]}]}</c>.
/// </summary>
public sealed record MacAclSpec : ItemSpec
{
    /// <summary>The rules. What none matches is for the next MAC ACL of the interface's list, and in the end for its <c>mac_acl_default</c>.</summary>
    public ValueList<MacAclRule> Rules { get; init; }
}

/// <summary>A rule of a MAC ACL. What is left out matches everything.</summary>
public sealed record MacAclRule
{
    /// <summary>Under which the rule is counted, in its ACL alone its own. Default: a word made from what the rule says.</summary>
    public string? Name { get; init; }

    public required MacAclAction Action { get; init; }

    /// <summary>Source MAC address.</summary>
    public MacAddress? From { get; init; }

    /// <summary>With from: bits of it that matter, as ff:ff:ff:00:00:00. Default all.</summary>
    public MacAddress? FromMask { get; init; }

    /// <summary>Destination MAC address.</summary>
    public MacAddress? To { get; init; }

    /// <summary>With to: bits of it that matter. Default all.</summary>
    public MacAddress? ToMask { get; init; }

    /// <summary>What the frame carries, behind its VLAN tags: ipv4, ipv6, arp, or a number such as 0x88cc.</summary>
    public EtherType? Ethertype { get; init; }

    /// <summary>VLAN of the outer tag that the frame still has; 0 is a frame without one.</summary>
    [Range(0, 4094)]
    public int? Vlan { get; init; }

    /// <summary>
    /// Prefixes, one of which holds the IP address that the frame speaks for: source of an IPv4 or IPv6 packet, sender of an ARP packet (whose sender MAC address must be the frame's source),
    /// target of a neighbor advertisement. Frames of other protocols do not match.
    /// </summary>
    public ValueList<IpPrefix> SourceIp { get; init; }
}
