using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Gateway.Policy.Items;

/// <summary>
/// Static routes to many prefixes that all lead the same way (<c>route-list</c>): <c>{"to":["20.0.0.0/24","20.0.1.0/24"],"via":"198.51.100.254"}</c>. So a table of the whole Internet, or a long list of prefixes
/// to drop, is a few dozen items.
/// </summary>
public sealed record RouteListSpec : ItemSpec
{
    /// <summary>The prefixes, of one address family, at most 20,000. Their order does not matter, and one that stands twice counts once.</summary>
    public required PrefixList To { get; init; }

    /// <summary>Next hop; without it the destinations are on-link of <see cref="Interface"/>.</summary>
    public IPAddress? Via { get; init; }

    /// <summary>Name of an interface item; without it the one whose subnet holds <see cref="Via"/>.</summary>
    public string? Interface { get; init; }

    /// <summary>Drop what it matches and count it.</summary>
    public bool Blackhole { get; init; }

    /// <summary>Drop what it matches and tell the sender that the host is unreachable.</summary>
    public bool Unreachable { get; init; }

    /// <summary>Drop what it matches and tell the sender that an administrator forbids it.</summary>
    public bool Prohibit { get; init; }

    /// <summary>Of several routes to one prefix the one with the lowest number is taken, as long as it leads anywhere (administrative distance).</summary>
    [Range(0, 255)]
    public int Preference { get; init; }

    /// <summary>Several next hops in place of <c>via</c> and <c>interface</c>: each flow keeps to one of them, shared out by their weights; one that is away is left out.</summary>
    public ValueList<RouteHop> NextHops { get; init; }

    /// <summary>Name of the VRF whose packets it is for. Default: the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>Name of the VRF in which the next hop lies; <c>default</c> is the default one. Default: that of the list.</summary>
    public string? NextHopVrf { get; init; }

    /// <summary>The route to the first of the prefixes: what holds of it but for the prefix holds of all.</summary>
    public RouteSpec AsRoute() => new()
    {
        To = To.Count > 0 ? To[0] : new IpPrefix(IPAddress.Any, 0),
        Via = Via,
        Interface = Interface,
        Blackhole = Blackhole,
        Unreachable = Unreachable,
        Prohibit = Prohibit,
        Preference = Preference,
        NextHops = NextHops,
        Vrf = Vrf,
        NextHopVrf = NextHopVrf,
    };
}
