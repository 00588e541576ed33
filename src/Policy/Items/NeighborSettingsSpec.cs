using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>How an interface keeps the neighbors that it learns by ARP and neighbor discovery.</summary>
public sealed record NeighborSettingsSpec
{
    /// <summary>How long a neighbor counts as reachable after it spoke, 1s–86400s.</summary>
    public SwanDuration ReachableTime { get; init; } = new(60);

    /// <summary>How long one that is used after that is waited for before it is asked, 0s–3600s.</summary>
    public SwanDuration DelayTime { get; init; } = new(5);

    /// <summary>Time between two questions, 1s–60s.</summary>
    public SwanDuration RetransTime { get; init; } = new(1);

    /// <summary>Questions without an answer until a neighbor counts as unreachable.</summary>
    [Range(1, 20)]
    public int Probes { get; init; } = 3;

    /// <summary>How long one that nobody uses is kept, 1s–604800s.</summary>
    public SwanDuration ForgetTime { get; init; } = new(300);

    /// <summary>Neighbors of the interface. Beyond that those that were not used lately give way, the oldest first.</summary>
    [Range(16, 16_384)]
    public int Limit { get; init; } = 4096;
}
