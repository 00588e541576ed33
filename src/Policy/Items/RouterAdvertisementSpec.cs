using System.ComponentModel.DataAnnotations;
using System.Net;

namespace Gateway.Policy.Items;

/// <summary>What an interface tells IPv6 hosts about the network (RFC 4861 §6.2): <c>{}</c> announces the gateway as a router and its /64 networks as ones to make addresses in.</summary>
public sealed record RouterAdvertisementSpec
{
    /// <summary>Longest time between two advertisements, 4s–1800s; a third of it is the shortest.</summary>
    public SwanDuration Interval { get; init; } = new(600);

    /// <summary>How long hosts use the gateway as a default router: 0 not at all, else interval–9000s. Default: three intervals.</summary>
    public SwanDuration? Lifetime { get; init; }

    /// <summary>Addresses are given by DHCPv6 (the M flag).</summary>
    public bool Managed { get; init; }

    /// <summary>Other settings are given by DHCPv6 (the O flag).</summary>
    public bool OtherConfig { get; init; }

    /// <summary>Hop limit that hosts should use; 0 says nothing about it.</summary>
    [Range(0, 255)]
    public int HopLimit { get; init; } = 64;

    /// <summary>Networks of the link. Default: those of the interface's IPv6 addresses, the /64s to make addresses in.</summary>
    public ValueList<AdvertisedPrefix> Prefixes { get; init; }

    /// <summary>Addresses of DNS servers (RFC 8106).</summary>
    public ValueList<IPAddress> Dns { get; init; }
}

/// <summary>A network that router advertisements name.</summary>
public sealed record AdvertisedPrefix
{
    public required IpPrefix Prefix { get; init; }

    /// <summary>Its addresses are on the link (the L flag).</summary>
    public bool OnLink { get; init; } = true;

    /// <summary>Hosts make addresses of their own in it (the A flag); it must be a /64.</summary>
    public bool Autonomous { get; init; } = true;

    /// <summary>How long it is valid.</summary>
    public SwanDuration ValidLifetime { get; init; } = new(2_592_000);

    /// <summary>How long addresses made in it are used for new connections, at most the valid lifetime.</summary>
    public SwanDuration PreferredLifetime { get; init; } = new(604_800);
}
