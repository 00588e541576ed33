namespace Gateway.Dataplane.Apply;

/// <summary>How an interface keeps its neighbors (RFC 4861 §6.3.2, §10; the same for ARP). Times in seconds.</summary>
public sealed record NeighborTimes
{
    public static readonly NeighborTimes Default = new();

    /// <summary>How long a neighbor counts as reachable after it spoke.</summary>
    public uint Reachable { get; init; } = 60;

    /// <summary>How long one that is used after that is waited for before it is asked.</summary>
    public uint Delay { get; init; } = 5;

    /// <summary>Between two questions.</summary>
    public uint Retrans { get; init; } = 1;

    /// <summary>Questions without an answer until it counts as unreachable.</summary>
    public uint Probes { get; init; } = 3;

    /// <summary>How long one that nobody uses is kept.</summary>
    public uint Forget { get; init; } = 300;

    /// <summary>Neighbors of the interface; beyond that those that were not used lately give way, the oldest first.</summary>
    public uint Limit { get; init; } = 4096;
}

/// <summary>What is known of a neighbor (RFC 4861 §5.1), in Linux's words.</summary>
public enum NeighborPhase
{
    /// <summary>It was asked for its MAC address and has not answered yet.</summary>
    Incomplete,

    /// <summary>It spoke lately.</summary>
    Reachable,

    /// <summary>It has not spoken lately, and nothing was sent to it since.</summary>
    Stale,

    /// <summary>Something was sent to it; it may speak by itself.</summary>
    Delay,

    /// <summary>It is being asked whether it is still there.</summary>
    Probe,

    /// <summary>It does not answer; kept and asked now and then because routes lead through it.</summary>
    Failed,

    /// <summary>Configured: neither learned nor aged.</summary>
    Permanent,
}
