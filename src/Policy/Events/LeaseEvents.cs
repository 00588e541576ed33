using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Events;

/// <summary>A peer got an address of a pool, or another IKE SA of the same peer took it over.</summary>
/// <param name="Identity">Whose it is; the same identity gets the same address again.</param>
public sealed record LeaseGranted(string Pool, IPAddress Address, string Identity, ConnectionName Connection, IkeSaId IkeSa) : GatewayEvent
{
    public override string Subject => $"pool/{Pool}";
}

/// <summary>No IKE SA uses the address any more. It is kept for the identity for as long as the pool has others.</summary>
public sealed record LeaseReleased(string Pool, IPAddress Address, string Identity) : GatewayEvent
{
    public override string Subject => $"pool/{Pool}";
}

/// <summary>A peer asked for an address and got none.</summary>
/// <param name="Asked">The address that it wanted; unspecified = any of that family.</param>
/// <param name="Reason">Stable word: <c>no-pool</c>, <c>exhausted</c>, <c>not-asked</c>.</param>
public sealed record LeaseRefused(ConnectionName Connection, IkeSaId IkeSa, string Identity, IPAddress? Asked, string Reason) : GatewayEvent
{
    public override string Subject => $"connection/{Connection}";
}

/// <summary>The peer gave us addresses and told what goes with them.</summary>
/// <param name="Addresses">Ours as long as the IKE SA is up; none when it gave none.</param>
/// <param name="Dns">Name servers.</param>
/// <param name="Subnets">Networks behind the peer.</param>
public sealed record VirtualAddressesReceived(IkeSaId Id, ConnectionName Connection, ValueList<IPAddress> Addresses, ValueList<IPAddress> Dns = default, ValueList<TrafficSelector> Subnets = default) : GatewayEvent
{
    public override string Subject => $"ike-sa/{Id}";
}
