using System.Net.NetworkInformation;

namespace Gateway.Dataplane.Apply;

/// <summary>A bridge as the configuration says it. Interfaces are named: a member that is not there yet joins when it comes.</summary>
public sealed record BridgeSettings
{
    public required string Name { get; init; }

    public required IReadOnlyList<BridgeMemberSettings> Members { get; init; }

    /// <summary>The loopback that is the routed member; null none.</summary>
    public string? Bvi { get; init; }

    /// <summary>Learned addresses that were not seen for so long are forgotten; zero never.</summary>
    public TimeSpan MacAge { get; init; } = TimeSpan.FromSeconds(300);

    /// <summary>MAC addresses there may be.</summary>
    public int MacLimit { get; init; } = 16384;

    public bool Learn { get; init; } = true;

    /// <summary>Send frames to addresses that nobody knows to all members.</summary>
    public bool FloodUnknown { get; init; } = true;

    /// <summary>Addresses that are where they are said to be.</summary>
    public IReadOnlyList<FixedStation> Fixed { get; init; } = [];
}

/// <summary>A member of a bridge.</summary>
/// <param name="Interface">Its name.</param>
/// <param name="Group">Members of one split-horizon group other than 0 send nothing to each other.</param>
/// <param name="MacLimit">Addresses that may be learned here; 0 without limit of its own.</param>
/// <param name="FloodRate">Frames a second from here that may go to all members; 0 without limit.</param>
public sealed record BridgeMemberSettings(string Interface, int Group = 0, bool Learn = true, int MacLimit = 0, int FloodRate = 0);

/// <summary>A MAC address that is at a member by configuration.</summary>
public sealed record FixedStation(PhysicalAddress Mac, string Interface);

/// <summary>A row of `show bridges`.</summary>
/// <param name="Members">Those of the configuration; with an index of 0 an interface is not there.</param>
/// <param name="Macs">MAC addresses known now, fixed ones and the routed member's included.</param>
public sealed record BridgeRow(string Name, IReadOnlyList<BridgeMemberRow> Members, string? Bvi, int Macs, int MacLimit);

/// <summary>A member in <see cref="BridgeRow"/>.</summary>
public sealed record BridgeMemberRow(string Interface, uint Index, int Group, int Macs);

/// <summary>A station that a bridge knows.</summary>
/// <param name="SinceSeen">Null for a fixed one.</param>
public sealed record StationRow(PhysicalAddress Mac, string Interface, bool Fixed, TimeSpan? SinceSeen);

/// <summary>A cross-connect: every frame of one interface leaves by the other.</summary>
public sealed record CrossConnectSettings(string Name, string A, string B);
