using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Payloads;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>A question for an address of the pools.</summary>
/// <param name="Pools">In the order in which they are tried.</param>
/// <param name="Identity">Whose address it will be.</param>
/// <param name="Wanted">The address that the peer would like; null = any.</param>
/// <param name="Takes">The IKE SA stands for all others of the identity, or replaces them, so that it gets an address which these use still.</param>
public sealed record LeaseRequest(ConnectionName Connection, IkeSaId IkeSa, ValueList<string> Pools, string Identity, AddressFamily Family, IPAddress? Wanted, bool Takes);

/// <summary>An address that was granted, and what the peer is told with it.</summary>
public sealed record Lease(string Pool, IPAddress Address, ValueList<ConfigurationAttribute> Attributes);
