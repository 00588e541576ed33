using System.Net;

namespace Gateway.Policy.Events;

/// <summary>
/// An inside host got a block of ports of an outside address; it is stored before the first packet leaves from the block. Every flow of this outside address and one of these ports is the host's
/// until the block is released (RFC 6888 §4 and RFC 6908 §3.2: who had an address and port at a moment must be found out).
/// </summary>
/// <param name="Rule">Name of the NAT rule.</param>
/// <param name="Host">The inside host.</param>
/// <param name="Outside">The outside address.</param>
/// <param name="FirstPort">First port of the block; of ICMP queries it is the identifier.</param>
/// <param name="LastPort">Last port of the block.</param>
/// <param name="Vrf">VRF of the host; null the default one.</param>
public sealed record NatBlockAssigned(string Rule, IPAddress Host, IPAddress Outside, int FirstPort, int LastPort, string? Vrf = null) : GatewayEvent
{
    public override string Subject => $"nat/{Rule}";
}

/// <summary>A block of ports is no host's any more; it is stored before another gets it.</summary>
/// <param name="Since">When the host got it, UTC.</param>
/// <param name="Reason">Stable word: <c>idle</c> (no flow used it for a while), <c>rule-changed</c> (the rule is gone or gives no such block any more).</param>
/// <param name="Vrf">VRF of the host; null the default one.</param>
public sealed record NatBlockReleased(string Rule, IPAddress Host, IPAddress Outside, int FirstPort, int LastPort, DateTimeOffset Since, string Reason, string? Vrf = null) : GatewayEvent
{
    public override string Subject => $"nat/{Rule}";
}

/// <summary>Somebody ended tracked and translated flows: those for which all that is given holds; nothing given: all.</summary>
/// <param name="Address">At any end of the flows.</param>
/// <param name="Rule">Name of their NAT rule.</param>
/// <param name="Vrf">A VRF of theirs; <c>default</c> is the default one.</param>
/// <param name="Reason">Why, in the sender's words.</param>
public sealed record SessionsCleared(IPAddress? Address, string? Rule, string? Vrf, string? Reason) : GatewayEvent
{
    public override string Subject => Rule is null ? "sessions" : $"nat/{Rule}";
}
