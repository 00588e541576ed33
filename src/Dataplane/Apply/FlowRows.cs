using System.Net;
using Gateway.Dataplane.Flow;

namespace Gateway.Dataplane.Apply;

/// <summary>A known flow. How the originator's packets arrive, and how the answers do: where the two are not each other's reverse, it is translated. An ICMP query's identifier stands as the source port.</summary>
public sealed record FlowRow
{
    public required byte Protocol { get; init; }

    public required IPEndPoint Source { get; init; }

    public required IPEndPoint Destination { get; init; }

    public required IPEndPoint ReplySource { get; init; }

    public required IPEndPoint ReplyDestination { get; init; }

    public required uint Vrf { get; init; }

    /// <summary>In Linux's words where it has one: <c>established</c>, <c>syn-sent</c> …</summary>
    public required string State { get; init; }

    public required bool IsReplied { get; init; }

    /// <summary>Name of the NAT rule; null without a translation.</summary>
    public required string? Rule { get; init; }

    public required TimeSpan Age { get; init; }

    public required TimeSpan Idle { get; init; }

    /// <summary>When nothing more comes.</summary>
    public required TimeSpan EndsIn { get; init; }

    public required ulong Packets { get; init; }

    public required ulong Bytes { get; init; }

    public required ulong ReplyPackets { get; init; }

    public required ulong ReplyBytes { get; init; }

    public required int Worker { get; init; }

    /// <summary>Whether an address is at one of its ends.</summary>
    public bool Touches(IPAddress address) =>
        Source.Address.Equals(address) || Destination.Address.Equals(address) || ReplySource.Address.Equals(address) || ReplyDestination.Address.Equals(address);
}

/// <summary>How flows are tracked, as it is in force, and what became of them since the start.</summary>
public sealed record FlowStatus
{
    public required FlowSettings Settings { get; init; }

    public required FlowTimeouts Timeouts { get; init; }

    /// <summary>Flows that may be known at once.</summary>
    public required long Max { get; init; }

    /// <summary>Of one source in each worker; null no limit of its own.</summary>
    public required long? PerSource { get; init; }

    public required long Flows { get; init; }

    public required ulong Begun { get; init; }

    /// <summary>Ended because they were idle too long.</summary>
    public required ulong Expired { get; init; }

    /// <summary>Gave way to new ones.</summary>
    public required ulong Evicted { get; init; }
}

/// <summary>A rule of NAT and how many flows it has now.</summary>
public sealed record NatRuleRow(NatRule Rule, long Flows)
{
    /// <summary>Of a rule that gives ports in blocks.</summary>
    public NatBlockUsage? Blocks { get; init; }
}
