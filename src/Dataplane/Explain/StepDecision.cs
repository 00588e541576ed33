using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Explain;

/// <summary>What decided about a packet at a node; a closed family.</summary>
public abstract record StepDecision
{
    private StepDecision()
    {
    }

    /// <summary>A rule of an ACL, or the end of an interface's list.</summary>
    /// <param name="Name">Of the ACL; empty at the end of the list.</param>
    /// <param name="Rule">Its name, under which it is counted.</param>
    /// <param name="Interface">Whose list was asked.</param>
    /// <param name="Inbound">For what comes in, or for what leaves.</param>
    /// <param name="Action">In the item's words: <c>permit</c>, <c>permit-reflect</c>, <c>deny</c>, <c>reject</c>.</param>
    public sealed record Acl(string Name, string Rule, string Interface, bool Inbound, string Action) : StepDecision;

    /// <summary>A rule of a MAC ACL, for frames that come in, or the end of an interface's list of them.</summary>
    /// <param name="Name">Of the ACL; empty at the end of the list.</param>
    public sealed record MacAcl(string Name, string Rule, string Interface, string Action) : StepDecision;

    /// <summary>A rule of NAT.</summary>
    /// <param name="From">The end that is translated, as it was; null when nothing was, because the rule exempts the flow or could not be met.</param>
    /// <param name="To">What it became.</param>
    /// <param name="Source">The flow's source, or its destination.</param>
    public sealed record Nat(string Rule, IPEndPoint? From, IPEndPoint? To, bool Source) : StepDecision;

    /// <summary>The packet belongs to a flow that is known: no rule is asked again.</summary>
    /// <param name="Rule">The NAT rule of the flow; null without one.</param>
    /// <param name="To">Where the packet goes after the flow's translation.</param>
    public sealed record KnownFlow(string? Rule, string State, bool Reply, IPEndPoint From, IPEndPoint To) : StepDecision;

    /// <summary>No flow is known that the packet belongs to.</summary>
    public sealed record NewFlow(bool Begins) : StepDecision;

    /// <summary>A route.</summary>
    /// <param name="Vrf">Null the default one.</param>
    /// <param name="Source"><c>static</c>, <c>connected</c>, <c>local</c> or <c>broadcast</c>.</param>
    /// <param name="Preference">Of a configured route.</param>
    /// <param name="Via">The next hop; null when it is the destination itself, or there is none.</param>
    /// <param name="Interface">That it leads to; of an own address the one that has it.</param>
    public sealed record Route(string? Vrf, IPNetwork To, string Source, uint Preference, IPAddress? Via, string? Interface) : StepDecision;

    /// <summary>A policy of forwarding takes the place of the route.</summary>
    /// <param name="Name">Of the policy.</param>
    /// <param name="Rule">Of the ACL that it asks.</param>
    /// <param name="Via">The next hop; null when it is the destination itself, or all next hops are away.</param>
    /// <param name="IsAway">All next hops are away: the packet follows its route, or is dropped.</param>
    public sealed record Steered(string Name, string Rule, IPAddress? Via, string? Interface, bool IsAway) : StepDecision;

    /// <summary>No route leads to the destination.</summary>
    public sealed record NoRoute(string? Vrf, IPAddress Destination) : StepDecision;

    /// <summary>A security policy.</summary>
    /// <param name="Name">Of the policy item; of a child <c>CONNECTION/CHILD</c>.</param>
    /// <param name="OfChild">It is that of a configured child, or of an SA.</param>
    /// <param name="By">The SA that carries the packet; null none.</param>
    public sealed record Policy(string Name, SecurityAction Action, bool OfChild, ChildSaId? By) : StepDecision;

    /// <summary>No security policy is about the packet: it goes in the clear.</summary>
    public sealed record NoPolicy : StepDecision;

    /// <summary>A CHILD SA carries the packet.</summary>
    public sealed record Sa(ChildSaId Id, ConnectionName Connection, ChildName Child, Spi Spi, IPAddress Local, IPAddress Remote, bool Inbound) : StepDecision;

    /// <summary>An interface, as it is configured.</summary>
    /// <param name="Mtu">Of the next hop; null where it was not asked.</param>
    public sealed record On(string Interface, uint? Mtu = null) : StepDecision;

    /// <summary>A bridge or a cross-connect.</summary>
    public sealed record Switch(string? Bridge, string? Connect) : StepDecision;
}
