namespace Gateway.Dataplane.Apply;

/// <summary>A policy of forwarding: what its ACL permits goes to its next hops.</summary>
/// <param name="Acl">Name of the ACL; without one the policy sends nothing.</param>
/// <param name="NextHops">Those with an address are for its family, those without for both.</param>
/// <param name="Vrf">In which the next hops lie.</param>
/// <param name="Drops">What cannot go to a next hop is dropped; else it follows its route.</param>
public sealed record AbfPolicy(string Name, string Acl, IReadOnlyList<RouteHop> NextHops, uint Vrf = 0, bool Drops = false);

/// <summary>A row of `show abf`.</summary>
/// <param name="Rules">The rules of its ACL with what they matched in this policy.</param>
/// <param name="Interfaces">Names of the interfaces that ask it.</param>
/// <param name="NextHops">With their shares of the flows as they are now.</param>
public sealed record AbfPolicyRow(AbfPolicy Policy, IReadOnlyList<AclRuleCount> Rules, IReadOnlyList<string> Interfaces, IReadOnlyList<RouteHopRow> NextHops);
