namespace Gateway.Dataplane.Apply;

/// <summary>What each worker does at most by itself. Rates are by second.</summary>
public sealed record WorkerLimits
{
    public static readonly WorkerLimits Default = new();

    /// <summary>ICMP errors, both families together.</summary>
    public int IcmpErrors { get; init; } = 1000;

    /// <summary>ICMP errors at once.</summary>
    public int IcmpErrorBurst { get; init; } = 200;

    /// <summary>Echo requests that are answered; null all, 0 none.</summary>
    public int? EchoReplies { get; init; }

    public int TcpResets { get; init; } = 1000;

    /// <summary>ARP requests and neighbor solicitations.</summary>
    public int NeighborRequests { get; init; } = 1000;

    /// <summary>New or changed neighbors that the control side is told of.</summary>
    public int NewNeighbors { get; init; } = 2000;

    /// <summary>Packets of which fragments wait, at most <see cref="Graph.ReassemblyTable.Capacity"/>.</summary>
    public int ReassemblyPackets { get; init; } = 32;

    /// <summary>Fragments of one packet, at most <see cref="Graph.PartialPacket.MaxFragments"/>.</summary>
    public int ReassemblyFragments { get; init; } = 64;

    /// <summary>Packet buffers that waiting fragments hold.</summary>
    public int ReassemblyBuffers { get; init; } = 2048;

    /// <summary>RFC 791 §3.2 proposes 15 seconds; RFC 8200 §4.5 says 60, which an attacker likes more.</summary>
    public TimeSpan ReassemblyTime { get; init; } = TimeSpan.FromSeconds(15);
}
