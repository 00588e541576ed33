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

    /// <summary>Where datagrams for the gateway are IKE's.</summary>
    public IkePorts IkePorts { get; init; } = IkePorts.Default;
}
