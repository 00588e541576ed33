namespace Gateway.Dataplane.Flow;

/// <summary>How flows are tracked. What is null is as the dataplane was started with.</summary>
public sealed record FlowSettings
{
    /// <summary>Track every forwarded flow.</summary>
    public bool Always { get; init; }

    /// <summary>Names of interfaces: track every flow that comes in or leaves by one.</summary>
    public IReadOnlyList<string> AlwaysOn { get; init; } = [];

    /// <summary>A TCP connection may begin in its middle.</summary>
    public bool Loose { get; init; } = true;

    /// <summary>Flows in all workers together; no more than the tables have room for.</summary>
    public int? Total { get; init; }

    /// <summary>Flows of one source in each worker.</summary>
    public int? PerSource { get; init; }

    /// <summary>Bits of an IPv6 address that tell sources apart.</summary>
    public int Ip6SourcePrefix { get; init; } = 64;

    public FlowTimeouts? Timeouts { get; init; }
}
