using System.ComponentModel.DataAnnotations;

namespace Gateway.Policy.Items;

/// <summary>A limit per source (<c>source-limit</c>): how much each sender may send a second: <c>{"packets_per_second":1000}</c>. Interfaces name it in <c>source_limit</c>; all that name one share it.</summary>
public sealed record SourceLimitSpec : ItemSpec
{
    /// <summary>IP packets of one source. Default: no limit.</summary>
    [Range(1, 1_000_000)]
    public int? PacketsPerSecond { get; init; }

    /// <summary>How many of them may come at once. Default: what comes in 100 ms, and at least 10.</summary>
    [Range(2, 10_000_000)]
    public int? PacketBurst { get; init; }

    /// <summary>New flows of one source, where flows are tracked. Default: no limit.</summary>
    [Range(1, 1_000_000)]
    public int? FlowsPerSecond { get; init; }

    /// <summary>How many of them may begin at once. Default: what may begin in 100 ms, and at least 10.</summary>
    [Range(2, 10_000_000)]
    public int? FlowBurst { get; init; }

    /// <summary>IPv4 addresses with so many bits in common are one source.</summary>
    [Range(8, 32)]
    public int Ipv4Prefix { get; init; } = 32;

    /// <summary>IPv6 addresses with so many bits in common are one source.</summary>
    [Range(16, 128)]
    public int Ipv6Prefix { get; init; } = 64;

    /// <summary>Sources that are kept apart, rounded up to a power of two; 8 octets each, of packets and of flows.</summary>
    [Range(1024, 1_048_576)]
    public int Sources { get; init; } = 65_536;
}
