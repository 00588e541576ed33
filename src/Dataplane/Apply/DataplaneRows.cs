using System.Net;
using System.Net.NetworkInformation;

namespace Gateway.Dataplane.Apply;

/// <summary>A row of `show interfaces`. Counters are sums over the workers.</summary>
public sealed record InterfaceRow(
    uint Index,
    string Name,
    string Type,
    PhysicalAddress Mac,
    int Mtu,
    bool Enabled,
    bool Up,
    IReadOnlyList<InterfaceAddress> Addresses,
    ulong RxPackets,
    ulong RxBytes,
    ulong RxDropped,
    ulong TxPackets,
    ulong TxBytes,
    ulong TxDropped,
    ulong Punted)
{
    public uint Vrf { get; init; }
}

/// <summary>A row of `show routes`: the best route of a prefix, or (not active) one that waits for its next hop.</summary>
public sealed record RouteRow(uint Vrf, IPNetwork To, string Source, IPAddress? Via, string? Interface, RouteKind Kind, bool Active)
{
    /// <summary>Of several routes to the prefix the one with the lowest is taken.</summary>
    public uint Preference { get; init; }

    /// <summary>Several next hops; empty when there is one, which <see cref="Via"/> and <see cref="Interface"/> say.</summary>
    public IReadOnlyList<RouteHopRow> NextHops { get; init; } = [];
}

/// <summary>One of several next hops of a route.</summary>
/// <param name="IsAway">No link, or it does not answer: flows go another way.</param>
/// <param name="Share">Of 256 parts of the flows.</param>
public sealed record RouteHopRow(IPAddress? Via, string? Interface, int Weight, bool IsAway, int Share);

/// <summary>A row of `show neighbors`; without a MAC address it is being asked for.</summary>
public sealed record NeighborRow(string Interface, IPAddress Address, PhysicalAddress? Mac, NeighborPhase Phase, TimeSpan? SinceConfirmed, TimeSpan? SinceUsed)
{
    public bool Static => Phase == NeighborPhase.Permanent;
}

/// <summary>A row of `show counters`: what a node counted, a drop reason with its sentence or another count.</summary>
public sealed record CounterRow(string Node, string Name, bool IsDrop, ulong Value, string Sentence);

/// <summary>Packets and frames that a node took; their ratio is the batch size.</summary>
public sealed record NodeRunRow(string Node, ulong Packets, ulong Frames);

/// <summary>A row of `show workers`.</summary>
public sealed record WorkerRow(
    int Worker,
    int Core,
    bool Pinned,
    bool Running,
    string? Death,
    IReadOnlyList<string> Interfaces,
    ulong Loops,
    ulong IdleLoops,
    ulong Sleeps,
    ulong NoticesLost)
{
    /// <summary>Packets at nodes, and the frames they came in; their ratio is the batch size.</summary>
    public ulong Packets { get; init; }

    public ulong Frames { get; init; }

    /// <summary>Packets given to other workers, because an SA or a port is theirs.</summary>
    public ulong HandedOver { get; init; }

    /// <summary>Packets taken from other workers.</summary>
    public ulong TakenOver { get; init; }

    /// <summary>CHILD SAs that it owns.</summary>
    public int Sas { get; init; }
}

/// <summary>The pool's level.</summary>
public sealed record PoolRow(int Packets, int Free, bool Hugepages);

/// <summary>A step of a traced packet: the node it came to, or the reason it was dropped for, with its first bytes from the current header on.</summary>
public sealed record TraceRow(int Worker, int Packet, long Nanoseconds, string Node, string? Drop, string RxInterface, uint Length, byte[] Head)
{
    /// <summary>What decided at the node, as the tables say it when the trace is read; null when nothing that has a name did.</summary>
    public Explain.StepDecision? Decision { get; init; }
}

/// <summary>A neighbor that was learned, as another process takes it over.</summary>
/// <param name="SinceConfirmed">Since it last answered or spoke.</param>
public sealed record WarmNeighbor(string Interface, IPAddress Address, PhysicalAddress Mac, TimeSpan SinceConfirmed);
