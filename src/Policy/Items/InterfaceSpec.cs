using System.ComponentModel.DataAnnotations;
using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items;

/// <summary>How an interface reaches the world.</summary>
public enum InterfaceType
{
    /// <summary>A network device of the host, taken over through AF_PACKET rings.</summary>
    AfPacket,

    /// <summary>A TAP device that the gateway makes.</summary>
    Tap,

    /// <summary>No device: addresses that are always up.</summary>
    Loopback,

    /// <summary>Memory shared with another process of this machine, such as a virtual switch: memif, protocol 2.0.</summary>
    Memif,

    /// <summary>A network device of the host, taken over through AF_XDP.</summary>
    AfXdp,

    /// <summary>No device: what is routed here is protected by the CHILD SAs with its <c>if_id</c>, and what these decrypt arrives here.</summary>
    Ipsec,

    /// <summary>The frames of another interface that carry a VLAN tag, or two.</summary>
    Vlan,

    /// <summary>An Ethernet network in UDP datagrams to one or several remote ends: VXLAN.</summary>
    Vxlan,

    /// <summary>IP packets in GRE to one other end (RFC 2784, RFC 2890).</summary>
    Gre,

    /// <summary>IP packets in IP packets to one other end: IPv4 and IPv6, in either (RFC 2003, RFC 2473, RFC 4213).</summary>
    Ipip,

    /// <summary>Ethernet frames in GRE to one other end.</summary>
    Gretap,
}

/// <summary>Where in the kernel the packets of an af-xdp interface are taken.</summary>
public enum XdpMode
{
    /// <summary>In the driver, or behind it when the driver cannot.</summary>
    Auto,

    /// <summary>In the driver only.</summary>
    Native,

    /// <summary>Behind the driver, where every device can.</summary>
    Skb,
}

/// <summary>The kind of a VLAN tag.</summary>
public enum VlanProtocol
{
    /// <summary>A customer tag, 802.1Q, EtherType 0x8100.</summary>
    Dot1q,

    /// <summary>A service tag, 802.1ad, EtherType 0x88A8.</summary>
    Dot1ad,
}

/// <summary>The end of the lists of ACLs of an interface.</summary>
public enum AclDefault
{
    /// <summary>Drops what no rule permitted, except neighbor discovery of IPv6.</summary>
    Deny,

    /// <summary>Lets pass what no rule denied.</summary>
    Permit,
}

/// <summary>A word for several things that an interface asks of packets.</summary>
public enum InterfaceProfile
{
    /// <summary>What no rule of the ACLs permits is dropped, in both directions, also where no ACL is named. Neighbor discovery and ARP pass, as everywhere.</summary>
    DefaultDeny,

    /// <summary>Sources must be such that a route leads back to them by this interface, and no addresses that nobody has (RFC 6890) unless a route of their own leads there.</summary>
    AntiSpoofing,
}

/// <summary>What the way back to a packet's source must be.</summary>
public enum ReversePath
{
    /// <summary>Some route must lead there.</summary>
    Loose,

    /// <summary>The route must leave by the interface that the packet came in by.</summary>
    Strict,
}

/// <summary>Which end of a memif the gateway is.</summary>
public enum MemifRole
{
    /// <summary>Listens on the socket, and takes the memory that the client gives.</summary>
    Server,

    /// <summary>Connects to the socket, and gives memory to the server.</summary>
    Client,
}

/// <summary>An interface (<c>interface</c>): <c>{"type":"af-packet","device":"wan","addresses":["198.51.100.1/24"]}</c>.</summary>
public sealed record InterfaceSpec : ItemSpec
{
    public required InterfaceType Type { get; init; }

    /// <summary>Name of the host's device: the one to take (af-packet, af-xdp) or to make (tap). Default: the item's name. Not for loopback, memif and ipsec.</summary>
    public string? Device { get; init; }

    /// <summary>Addresses with prefix length; a subnet of each is connected.</summary>
    public ValueList<InterfaceAddress> Addresses { get; init; }

    /// <summary>Octets of the largest IP packet, 576–9216 (1280 and more when there are IPv6 addresses). Default: the device's, else 1500.</summary>
    [Range(576, 9216)]
    public int? Mtu { get; init; }

    /// <summary>MAC address; default the device's, or a local one for tap and memif, the same at every start. Not for loopback and ipsec.</summary>
    public MacAddress? Mac { get; init; }

    public bool Enabled { get; init; } = true;

    /// <summary>Take the device although the host itself uses it (has addresses or its default route there).</summary>
    public bool TakeOver { get; init; }

    /// <summary>ipsec: the number that <c>if_id_in</c> and <c>if_id_out</c> of connections and children name it by, 1–4294967295.</summary>
    [Range(1, 4_294_967_295)]
    public long? IfId { get; init; }

    /// <summary>memif: absolute path of the control socket, at most 107 octets.</summary>
    public string? Socket { get; init; }

    /// <summary>memif: number of the interface among those of one socket; both ends give the same. Default 0.</summary>
    [Range(0, 4_294_967_295)]
    public long? Id { get; init; }

    /// <summary>memif: which end the gateway is. Default server.</summary>
    public MemifRole? Role { get; init; }

    /// <summary>memif client: slots of each ring, a power of two. Default 1024.</summary>
    [Range(64, 16_384)]
    public int? RingSize { get; init; }

    /// <summary>memif client: octets of each slot's buffer; a longer frame takes several slots. Default 2048.</summary>
    [Range(256, 65_536)]
    public int? BufferSize { get; init; }

    /// <summary>
    /// Queues between which flows are spread; workers serve them in turn. af-packet and tap: default one for each worker. af-xdp: receive queues that the device must have; default as many as it
    /// has. memif client: rings in each direction, at most 8, default 1.
    /// </summary>
    [Range(1, 64)]
    public int? Queues { get; init; }

    /// <summary>af-xdp: where in the kernel packets are taken. Default auto.</summary>
    public XdpMode? Mode { get; init; }

    /// <summary>vlan: name of the interface whose frames carry the tags.</summary>
    public string? Parent { get; init; }

    /// <summary>vlan: number in the tag, the outer one of two. Frames that come in lose the tags, frames that leave get them; what lies behind the tags is not touched.</summary>
    [Range(1, 4094)]
    public int? Vlan { get; init; }

    /// <summary>vlan: number in a second, inner tag (QinQ), always an 802.1Q one. Without it the interface takes frames with any inner tag that no other interface names.</summary>
    [Range(1, 4094)]
    public int? InnerVlan { get; init; }

    /// <summary>vlan: kind of the outer tag. Default dot1q, with an inner tag dot1ad.</summary>
    public VlanProtocol? VlanProtocol { get; init; }

    /// <summary>vxlan: number of the network.</summary>
    [Range(0, 16_777_215)]
    public int? Vni { get; init; }

    /// <summary>vxlan, gre, ipip, gretap: the gateway's own end, an address of another interface.</summary>
    public IPAddress? Local { get; init; }

    /// <summary>vxlan: addresses of the other ends. A bridge learns which station is behind which end; what is for all goes to each.</summary>
    public ValueList<IPAddress> Remotes { get; init; }

    /// <summary>vxlan: UDP port of all ends. Default 4789.</summary>
    [Range(1, 65_535)]
    public int? Port { get; init; }

    /// <summary>gre, ipip, gretap: address of the other end.</summary>
    public IPAddress? Remote { get; init; }

    /// <summary>gre, gretap: number that tells tunnels between the same ends apart; both ends give the same. Default none.</summary>
    [Range(0, 4_294_967_295)]
    public long? Key { get; init; }

    /// <summary>gre, ipip, gretap: time to live of outer packets. Default 64.</summary>
    [Range(1, 255)]
    public int? Ttl { get; init; }

    /// <summary>gre, ipip, gretap: DSCP of outer packets. Default: that of the packet inside.</summary>
    [Range(0, 63)]
    public int? Dscp { get; init; }

    /// <summary>Names of ACLs, in their order, for what comes in: forwarded packets and those for the gateway itself. ARP is not IP and passes.</summary>
    public ValueList<string> AclIn { get; init; }

    /// <summary>Names of ACLs, in their order, for forwarded packets that are routed out here. The gateway's own packets pass.</summary>
    public ValueList<string> AclOut { get; init; }

    /// <summary>What becomes of packets that no rule of the lists matches. Default deny. Given without <c>acl_in</c>, it is for all that comes in; <c>acl_out</c> it ends only when there is such a list.</summary>
    public AclDefault? AclDefault { get; init; }

    /// <summary>Names of policies of forwarding (abf-policy), in their order, for packets that come in and are forwarded: the first with a rule that matches says where they go.</summary>
    public ValueList<string> Abf { get; init; }

    /// <summary>Name of the policer for IP packets that come in, forwarded, switched, or for the gateway itself. With Ethernet frames only.</summary>
    public string? PolicerIn { get; init; }

    /// <summary>Name of the policer for IP packets that leave, the gateway's own too. With Ethernet frames only.</summary>
    public string? PolicerOut { get; init; }

    /// <summary>Name of the limit per source for IP packets that come in. With Ethernet frames only.</summary>
    public string? SourceLimit { get; init; }

    /// <summary>Names of MAC ACLs, in their order, for frames that come in, before all else is asked. With Ethernet frames only.</summary>
    public ValueList<string> MacAclIn { get; init; }

    /// <summary>Names of MAC ACLs, in their order, for frames that leave, the gateway's own too. With Ethernet frames only.</summary>
    public ValueList<string> MacAclOut { get; init; }

    /// <summary>With mac_acl_in or mac_acl_out: what becomes of frames that no rule of the lists matches. Default deny.</summary>
    public AclDefault? MacAclDefault { get; init; }

    /// <summary>What is asked of packets without naming it all: default-deny, anti-spoofing, or both.</summary>
    public ValueList<InterfaceProfile> Profile { get; init; }

    /// <summary>Name of an interface whose addresses this one, which has none of its own, uses as its own: as the source of ARP, errors and translated packets. Routes name it as their interface.</summary>
    public string? Unnumbered { get; init; }

    /// <summary>IPv4 addresses, as prefixes or ranges, that it answers ARP requests for in the place of hosts elsewhere, while a route leads to them by another interface.</summary>
    public ValueList<TrafficSelector> ProxyArp { get; init; }

    /// <summary>IPv6 addresses, as prefixes or ranges, that it answers neighbor solicitations for in the place of hosts elsewhere, while a route leads to them by another interface.</summary>
    public ValueList<TrafficSelector> ProxyNd { get; init; }

    /// <summary>Answer also for hosts of these ranges that are on the very link, for links that keep their hosts apart (private VLAN).</summary>
    public bool ProxySameLink { get; init; }

    /// <summary>How neighbors are kept. Default: as the defaults of its fields say.</summary>
    public NeighborSettingsSpec? Neighbors { get; init; }

    /// <summary>IPv4 packets that come in are dropped unless a route leads back to their source: any (loose), or one by this interface (strict). Default: no such check.</summary>
    public ReversePath? Rpf4 { get; init; }

    /// <summary>The same for IPv6 packets.</summary>
    public ReversePath? Rpf6 { get; init; }

    /// <summary>What IPv6 hosts on the link are told about routers and networks. Default: nothing. On a loopback it matters when that is the routed member of a bridge.</summary>
    public RouterAdvertisementSpec? RouterAdvertisements { get; init; }

    /// <summary>Name of the VRF that it belongs to. Default: the default one.</summary>
    public string? Vrf { get; init; }

    /// <summary>RFC 7348 §8.1.</summary>
    public const int VxlanPort = 4789;

    /// <summary>A tunnel of IP to one other end: gre, ipip or gretap.</summary>
    internal bool IsIpTunnel => Type is InterfaceType.Gre or InterfaceType.Ipip or InterfaceType.Gretap;

    /// <summary>What carries packets without Ethernet headers to one other end.</summary>
    internal bool IsPointToPoint => Type is InterfaceType.Ipsec or InterfaceType.Gre or InterfaceType.Ipip;

    /// <summary>The kind of the outer tag of a vlan interface.</summary>
    internal VlanProtocol OuterProtocol => VlanProtocol ?? (InnerVlan is null ? Items.VlanProtocol.Dot1q : Items.VlanProtocol.Dot1ad);
}

/// <summary>An address and the length of its subnet's prefix, as <c>198.51.100.1/24</c>.</summary>
public sealed record InterfaceAddress(IPAddress Address, int PrefixLength);
