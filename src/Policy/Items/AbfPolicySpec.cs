namespace Gateway.Policy.Items;

/// <summary>What becomes of a packet whose policy has no next hop that can be reached.</summary>
public enum AbfFallback
{
    /// <summary>It goes where the routes lead it.</summary>
    Route,

    /// <summary>It is dropped, and its sender hears that the host is unreachable.</summary>
    Drop,
}

/// <summary>
/// Forwarding by policy (<c>abf-policy</c>): <c>{"acl":"voice","next_hops":[{"via":"203.0.113.254"}]}</c>. What the ACL permits goes to the next hops in place of its route. Interfaces name their policies in <c>abf</c>, for what comes
/// in by them.
/// </summary>
public sealed record AbfPolicySpec : ItemSpec
{
    /// <summary>Name of the ACL that tells which packets are meant: those of a rule that permits. What a rule denies or rejects follows its route, and no later policy is asked.</summary>
    public required string Acl { get; init; }

    /// <summary>Where they go: each flow keeps to one of the next hops, shared out by weight; one that is away is left out. Those of IPv4 are for IPv4 packets, those of IPv6 for IPv6 packets, those without <c>via</c> for both.</summary>
    public ValueList<RouteHop> NextHops { get; init; }

    /// <summary>Name of the VRF in which the next hops lie. Default: the default one.</summary>
    public string? NextHopVrf { get; init; }

    /// <summary>What becomes of the packets while all next hops are away. Default: route. With drop a policy may have no next hops at all.</summary>
    public AbfFallback? Fallback { get; init; }
}
