namespace Gateway.Dataplane.Apply;

/// <summary>The size of a dataplane, as the appliance file's `dataplane` says it.</summary>
public sealed record DataplaneOptions
{
    /// <summary>Worker threads, 1 to 63.</summary>
    public int Workers { get; init; } = 1;

    /// <summary>Cores to pin the workers to, in their order; fewer leave the rest unpinned.</summary>
    public IReadOnlyList<int> Cores { get; init; } = [];

    /// <summary>Packets in the pool, 4 KB each.</summary>
    public int Buffers { get; init; } = 16384;

    /// <summary>Ask for 2 MB pages.</summary>
    public bool Hugepages { get; init; } = true;

    /// <summary>Flows that can be known at once, in all workers together; 128 bytes and some thirty more of memory each, taken when it is first used.</summary>
    public int Flows { get; init; } = 65536;

    /// <summary>Flows of one source address and worker; 0 no limit of its own.</summary>
    public int FlowsPerSource { get; init; }

    /// <summary>Folder of the files in which flows outlive the process; null: they end with it.</summary>
    public string? FlowFolder { get; init; }

    /// <summary>The boot of the machine, as the system tells it; with another one nothing is taken over.</summary>
    public Guid Boot { get; init; }

    /// <summary>How long flows may be idle.</summary>
    public Flow.FlowTimeouts FlowTimeouts { get; init; } = new();

    /// <summary>Where datagrams for the gateway are IKE's.</summary>
    public IkePorts IkePorts { get; init; } = IkePorts.Default;
}
