using System.Net;
using System.Net.NetworkInformation;

namespace Gateway.Dataplane.Apply;

/// <summary>An address of an interface with the length of its connected prefix.</summary>
public sealed record InterfaceAddress(IPAddress Address, int PrefixLength);

/// <summary>What an interface is, as the configuration says it.</summary>
public sealed record InterfaceSettings
{
    public required string Name { get; init; }

    /// <summary>`af-packet`, `tap`, `memif`, `loopback`, `ipsec`, `in-memory` …</summary>
    public required string Type { get; init; }

    /// <summary>With `ipsec`: the number that children name it by; else 0.</summary>
    public uint IfId { get; init; }

    /// <summary>Null gives a locally administered one made from the name.</summary>
    public PhysicalAddress? Mac { get; init; }

    /// <summary>Largest IP packet, bytes.</summary>
    public int Mtu { get; init; } = 1500;
    public bool Enabled { get; init; } = true;
    public uint Vrf { get; init; }

    /// <summary>Lower the MSS of TCP connections that leave here to what fits.</summary>
    public bool ClampMss { get; init; } = true;

    /// <summary>What IPv6 hosts are told; null nothing.</summary>
    public RouterAdvertisement? Advertise { get; init; }

    /// <summary>What the way back to the source of an IPv4 packet that comes in must be.</summary>
    public SourceRule Source4 { get; init; }

    /// <summary>Sources that nobody has (RFC 6890) are dropped, unless a route of their own leads to them.</summary>
    public bool RefusesBogons { get; init; }

    /// <inheritdoc cref="Source4"/>
    public SourceRule Source6 { get; init; }

    /// <summary>How neighbors are kept.</summary>
    public NeighborTimes Neighbors { get; init; } = NeighborTimes.Default;

    /// <summary>Name of the interface whose addresses it borrows; null: it has its own, or none.</summary>
    public string? Borrows { get; init; }

    /// <summary>Addresses, first and last of each range, that it answers ARP requests and solicitations for in the place of hosts elsewhere.</summary>
    public IReadOnlyList<(System.Net.IPAddress First, System.Net.IPAddress Last)> Proxies { get; init; } = [];

    /// <summary>Answer also for hosts on the very link.</summary>
    public bool ProxySameLink { get; init; }

    /// <summary>Drop what comes in with one of the gateway's own addresses as source.</summary>
    public bool SourceCheck { get; init; } = true;
}

/// <summary>Unicast reverse path forwarding (RFC 3704).</summary>
public enum SourceRule
{
    Any,

    /// <summary>Some route must lead back to the source.</summary>
    Loose,

    /// <summary>The route back to the source must leave by the interface that the packet came in by.</summary>
    Strict,
}

/// <summary>What a route does.</summary>
public enum RouteKind
{
    Unicast,

    /// <summary>Drops silently.</summary>
    Blackhole,

    /// <summary>Refuses with an ICMP error: an administrator forbids it.</summary>
    Prohibit,

    /// <summary>Refuses with an ICMP error: the host is unreachable.</summary>
    Unreachable,
}

/// <summary>One of several next hops of a route.</summary>
/// <param name="Via">Null: the destinations are neighbors on the interface.</param>
/// <param name="Interface">Name of an interface, which may come later; null finds the one whose network holds <paramref name="Via"/>.</param>
/// <param name="Weight">Its share of the flows in relation to the others'.</param>
public sealed record RouteHop(IPAddress? Via, string? Interface = null, int Weight = 1);

/// <summary>A route of the configuration. Without a next hop its destinations are neighbors on the interface.</summary>
public sealed record RouteSettings
{
    public uint Vrf { get; init; }
    public required IPNetwork To { get; init; }
    public IPAddress? Via { get; init; }

    /// <summary>Interface index; null finds the one whose network holds <see cref="Via"/>.</summary>
    public uint? Interface { get; init; }
    public RouteKind Kind { get; init; }

    /// <summary>The VRF in which the next hops lie; null that of the route.</summary>
    public uint? NextHopVrf { get; init; }

    /// <summary>Of the routes to one prefix the one with the lowest is taken that leads anywhere.</summary>
    public uint Preference { get; init; }

    /// <summary>Several next hops in place of <see cref="Via"/> and <see cref="Interface"/>.</summary>
    public IReadOnlyList<RouteHop> NextHops { get; init; } = [];
}

/// <summary>An IKE datagram for the gateway. On port 4500 the non-ESP marker is already gone.</summary>
/// <param name="Payload">The IKE message, the receiver's to keep.</param>
public sealed record PuntedDatagram(IPEndPoint Source, IPEndPoint Destination, byte[] Payload, uint RxInterface);

/// <summary>Takes IKE datagrams; called on the dataplane's control thread and must not block for long.</summary>
public interface IPuntSink
{
    void OnDatagram(PuntedDatagram datagram);
}

/// <summary>What the dataplane tells the control side; a closed family, extended by the security nodes.</summary>
public abstract record DataplaneNotice
{
    private protected DataplaneNotice()
    {
    }

    /// <summary>A neighbor said its MAC address for the first time or changed it.</summary>
    public sealed record NeighborLearned(string Interface, IPAddress Address, PhysicalAddress Mac) : DataplaneNotice;

    /// <summary>A neighbor that packets wait for did not answer.</summary>
    public sealed record NeighborUnreachable(string Interface, IPAddress Address) : DataplaneNotice;

    /// <summary>A port lost its link, or has it again; routes go another way meanwhile, where there is one.</summary>
    public sealed record LinkChanged(string Interface, bool IsUp) : DataplaneNotice;

    /// <summary>Another host uses one of the gateway's addresses.</summary>
    public sealed record AddressConflict(string Interface, IPAddress Address, PhysicalAddress Mac) : DataplaneNotice;

    /// <summary>A worker ended with an exception; its ports stand still until a restart.</summary>
    public sealed record WorkerDied(int Worker, string Reason) : DataplaneNotice;
}

/// <summary>Takes notices; called on the dataplane's control thread and must not block for long.</summary>
public interface INoticeSink
{
    void OnNotice(DataplaneNotice notice);
}
