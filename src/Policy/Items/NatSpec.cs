using System.ComponentModel.DataAnnotations;
using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items;

/// <summary>What a rule of NAT44 does.</summary>
public enum NatType
{
    /// <summary>Flows of some networks leave with other source addresses, or (<c>exempt</c>) expressly with their own.</summary>
    Source,

    /// <summary>An outside address, or one of its ports, is an inside host.</summary>
    Static,

    /// <summary>A port of an outside address is served by several inside hosts.</summary>
    Service,
}

/// <summary>A protocol whose ports NAT can forward.</summary>
public enum NatProtocol
{
    Tcp,
    Udp,
}

/// <summary>
/// A rule of IPv4 address translation (<c>nat</c>): <c>{"type":"source","from":["10.1.0.0/24"],"out_interface":"wan"}</c> hides a network behind the address of an interface,
/// <c>{"type":"static","outside":"198.51.100.1","protocol":"tcp","outside_port":8080,"inside":"10.1.0.2","inside_port":80}</c> forwards a port.
/// </summary>
public sealed record NatSpec : ItemSpec
{
    public required NatType Type { get; init; }

    /// <summary>Rules of lower order are asked first; those of one order by name.</summary>
    [Range(0, 65535)]
    public int Order { get; init; } = 100;

    /// <summary>Name of the VRF of the inside hosts. Default: the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>Name of the VRF of the outside addresses; <c>default</c> is the default one. Default: that of <c>out_interface</c>, else that of <c>vrf</c>.</summary>
    public string? OutsideVrf { get; init; }

    /// <summary>Of a source rule: the networks whose flows it is about. None means all.</summary>
    public ValueList<IpPrefix> From { get; init; }

    /// <summary>Of a source rule: name of the interface that the flows leave by. Default any.</summary>
    public string? OutInterface { get; init; }

    /// <summary>Of a source rule: the outside addresses, as prefixes (<c>198.51.100.48/28</c>) or ranges (<c>198.51.100.50-198.51.100.53</c>). None means the address of the interface that the flow leaves by.</summary>
    public ValueList<TrafficSelector> Addresses { get; init; }

    /// <summary>Of a source rule: leave these flows as they are; later rules are not asked.</summary>
    public bool Exempt { get; init; }

    /// <summary>Of a source rule: lowest outside port.</summary>
    [Range(1, 65535)]
    public int FirstPort { get; init; } = 1024;

    /// <summary>Of a source rule: highest outside port. The default leaves out the ports that the gateway's own host takes for its connections.</summary>
    [Range(1, 65535)]
    public int LastPort { get; init; } = 32767;

    /// <summary>
    /// Of a source rule with addresses: an inside host gets its outside ports in blocks of so many, all of one address, and the journal says who has which block. Default: ports are given one by one, to whom they fit.
    /// </summary>
    [Range(64, 65535)]
    public int? BlockSize { get; init; }

    /// <summary>Of a source rule with blocks: how many a host may have at a time.</summary>
    [Range(1, 64)]
    public int BlocksPerHost { get; init; } = 1;

    /// <summary>Of a source rule with blocks: <c>from</c> may have more hosts than there are blocks; who comes when all are given has to wait.</summary>
    public bool Oversubscribe { get; init; }

    /// <summary>Of a source rule: translate also what a security policy protects; the policy is then asked again, with the outside address.</summary>
    public bool Protected { get; init; }

    /// <summary>Of a static rule or a service: the outside address.</summary>
    public IPAddress? Outside { get; init; }

    /// <summary>Of a static rule: the inside host.</summary>
    public IPAddress? Inside { get; init; }

    /// <summary>Of a service, or a static rule for one port: the protocol.</summary>
    public NatProtocol? Protocol { get; init; }

    /// <summary>Of a service, or a static rule for one port: the port of the outside address.</summary>
    [Range(1, 65535)]
    public int? OutsidePort { get; init; }

    /// <summary>Of a static rule for one port: the port of the inside host. Default the outside port.</summary>
    [Range(1, 65535)]
    public int? InsidePort { get; init; }

    /// <summary>Of a service: the hosts that serve it.</summary>
    public ValueList<NatBackendSpec> Backends { get; init; }

    /// <summary>Of a service: all flows of one source go to one host.</summary>
    public bool Affinity { get; init; }
}

/// <summary>A host behind a service.</summary>
public sealed record NatBackendSpec
{
    public required IPAddress Address { get; init; }

    [Range(1, 65535)]
    public required int Port { get; init; }

    /// <summary>Its share of the flows, among the weights of all.</summary>
    [Range(1, 1000)]
    public int Weight { get; init; } = 1;
}
