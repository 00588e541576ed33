using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>
/// What the gateway does at most by itself (<c>limits</c>), in place of the defaults: <c>{"icmp_errors":100,"echo_replies":500}</c>. Rates are by second and for each worker, so the box does as many times that as it has workers. There is at most
/// one such item.
/// </summary>
public sealed record LimitsSpec : ItemSpec
{
    /// <summary>ICMP errors a second, both families together (RFC 1812 §4.3.2.8, RFC 4443 §2.4).</summary>
    [Range(1, 1_000_000)]
    public int IcmpErrors { get; init; } = 1000;

    /// <summary>ICMP errors that may go out at once.</summary>
    [Range(1, 100_000)]
    public int IcmpErrorBurst { get; init; } = 200;

    /// <summary>Echo requests that are answered a second, both families together; 0 answers none. Default: all.</summary>
    [Range(0, 10_000_000)]
    public int? EchoReplies { get; init; }

    /// <summary>Resets for rejected TCP segments a second.</summary>
    [Range(1, 1_000_000)]
    public int TcpResets { get; init; } = 1000;

    /// <summary>ARP requests and neighbor solicitations a second.</summary>
    [Range(1, 1_000_000)]
    public int NeighborRequests { get; init; } = 1000;

    /// <summary>New or changed neighbors that are taken a second.</summary>
    [Range(1, 1_000_000)]
    public int NewNeighbors { get; init; } = 2000;

    /// <summary>Packets of which fragments wait, for each worker; the oldest gives way.</summary>
    [Range(1, 1024)]
    public int ReassemblyPackets { get; init; } = 32;

    /// <summary>Fragments of one packet; one with more is dropped.</summary>
    [Range(2, 64)]
    public int ReassemblyFragments { get; init; } = 64;

    /// <summary>Packet buffers (of 4 KB) that waiting fragments hold for each worker; the oldest packets give way.</summary>
    [Range(16, 65_536)]
    public int ReassemblyBuffers { get; init; } = 2048;

    /// <summary>How long fragments wait for the rest of their packet, 1s–120s.</summary>
    public SwanDuration ReassemblyTime { get; init; } = new(15);
}
