using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Gateway.Policy.Items;

/// <summary>A static route (<c>route</c>): <c>{"to":"0.0.0.0/0","via":"198.51.100.254"}</c>.</summary>
public sealed record RouteSpec : ItemSpec
{
    public required IpPrefix To { get; init; }

    /// <summary>Next hop; without it the destination is on-link of <see cref="Interface"/>.</summary>
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

    /// <summary>Name of the VRF in which the next hop lies; <c>default</c> is the default one. Default: that of the route.</summary>
    public string? NextHopVrf { get; init; }

    /// <summary>The VRF in which the next hop lies; null the default one.</summary>
    internal string? LeadsTo => VrfSpec.Canonical(NextHopVrf ?? Vrf);

    /// <summary>What the sender of a packet hears, or nothing: it leads nowhere.</summary>
    internal bool IsRefusal => Blackhole || Unreachable || Prohibit;
}

/// <summary>One of several next hops of a route.</summary>
public sealed record RouteHop
{
    /// <summary>Next hop; without it the destination is on-link of the interface.</summary>
    public IPAddress? Via { get; init; }

    /// <summary>Name of an interface item; without it the one whose subnet holds <c>via</c>.</summary>
    public string? Interface { get; init; }

    /// <summary>Its share of the flows, in relation to the weights of the others.</summary>
    [Range(1, 255)]
    public int Weight { get; init; } = 1;
}
