using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>Which limit of an SA was met.</summary>
public enum SaLimit
{
    /// <summary>Soft lifetime in bytes or packets: rekey.</summary>
    Soft,

    /// <summary>Hard lifetime: the direction carries nothing any more.</summary>
    Hard,

    /// <summary>The sequence number nears its end: rekey.</summary>
    SequenceNearEnd,

    /// <summary>No sequence number is left (RFC 4303 §3.3.3).</summary>
    SequenceEnded,
}

/// <summary>A packet met a protect policy without an SA and was dropped (RFC 4301 §4.4.1, RFC 7296 §2.9); at most one a second and rule. The fields are the packet's.</summary>
/// <param name="SourcePort">With ICMP both ports hold the type in the high and the code in the low octet; 0 where the packet shows none.</param>
public sealed record AcquireNotice(
    ConnectionName Connection, ChildName Child, IPAddress Source, IPAddress Destination, byte Protocol, ushort SourcePort, ushort DestinationPort) : DataplaneNotice;

/// <summary>A direction of an SA met a limit; told once.</summary>
public sealed record SaLimitNotice(ChildSaId Sa, SaLimit Limit, bool Outbound) : DataplaneNotice;

/// <summary>An authentic packet of a UDP-encapsulated SA came from another endpoint than the SA's (RFC 7296 §2.23); told again every ten seconds while it goes on.</summary>
public sealed record SaEndpointNotice(ChildSaId Sa, IPEndPoint Remote) : DataplaneNotice;
