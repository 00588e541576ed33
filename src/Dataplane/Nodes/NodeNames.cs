namespace Gateway.Dataplane.Nodes;

/// <summary>
/// The nodes of the standard graph by name. Contracts between them:
/// at every ip4-/ip6-/esp-/spd- node the metadata's offset and L3 are at the IP header, L4 and protocol are set from ip input on, VRF is the one to look up in;
/// behind ip lookup NextHop is the adjacency. A packet made by the gateway carries <see cref="Buffers.PacketFlags.Own"/>; what the policy must not see also BypassSpd.
/// </summary>
internal static class NodeNames
{
    public const string EthernetInput = "ethernet-input";
    public const string ArpInput = "arp-input";

    /// <summary>Copies whole frames that came in by a mirrored interface (RxInterface), which then go on.</summary>
    public const string SpanInput = "span-input";

    /// <summary>Holds whole frames that came in by an interface (RxInterface) to its policer; behind span-input, before all that tells frames apart.</summary>
    public const string GuardInput = "guard-input";

    /// <summary>Finds the sub-interface of a tagged frame and takes its tags off; offset at the Ethernet header.</summary>
    public const string VlanInput = "vlan-input";

    /// <summary>Puts the tags of a sub-interface (TxInterface) on and goes on with the interface that carries it.</summary>
    public const string VlanOutput = "vlan-output";

    /// <summary>Switches a whole frame that came in by a member (RxInterface) of a bridge.</summary>
    public const string BridgeInput = "bridge-input";

    /// <summary>Puts a whole frame into VXLAN datagrams to the remote ends of its interface (TxInterface).</summary>
    public const string VxlanEncap = "vxlan-encap";

    /// <summary>Takes the frame out of a VXLAN datagram for the gateway; offset at the outer IP header, L4 at the UDP header, Opaque0 the number of the local end.</summary>
    public const string VxlanDecap = "vxlan-decap";

    /// <summary>Puts the headers of a tunnel around a packet (offset at its IP header) or, for one that carries Ethernet, around a frame; TxInterface is the tunnel's interface.</summary>
    public const string IpTunnelEncap = "ip-tunnel-encap";

    /// <summary>Takes packets and frames out of GRE and IP in IP for the gateway; offset at the outer IP header, L4 behind it.</summary>
    public const string IpTunnelDecap = "ip-tunnel-decap";

    /// <summary>Sends a whole frame out by the other end of its interface's cross-connect.</summary>
    public const string CrossConnect = "cross-connect";

    /// <summary>Validates and finds L4; takes packets from the wire and decrypted ones (offset at the inner header, Decrypted and Sa set, RxInterface and VRF of the SA).</summary>
    public const string Ip4Input = "ip4-input";

    /// <inheritdoc cref="Ip4Input"/>
    public const string Ip6Input = "ip6-input";

    /// <summary>Holds what came in by an interface with rules to them; behind ip input, before <see cref="Ip4Lookup"/> (or ip local, where ip input would send the packet).</summary>
    public const string Ip4AclInput = "ip4-acl-input";

    /// <inheritdoc cref="Ip4AclInput"/>
    public const string Ip6AclInput = "ip6-acl-input";

    /// <summary>
    /// Holds what is routed out by an interface with rules (TxInterface) to them, behind lookup and security policy, before rewrite and encryption. Own packets do not come here.
    /// </summary>
    public const string Ip4AclOutput = "ip4-acl-output";

    /// <inheritdoc cref="Ip4AclOutput"/>
    public const string Ip6AclOutput = "ip6-acl-output";

    /// <summary>Finds the flow of a received packet (<see cref="Buffers.PacketFlags.FlowKnown"/>), or marks it FlowNew with what it was sent to in Opaque0, which it keeps until flow output.</summary>
    public const string Ip4FlowInput = "ip4-flow-input";

    /// <summary>Finds the flow of a received IPv6 packet, or marks it FlowNew.</summary>
    public const string Ip6FlowInput = "ip6-flow-input";

    /// <summary>Translates the destination of a FlowNew packet that a NAT rule has an inside host for; what it was goes into Opaque0.</summary>
    public const string Ip4NatTarget = "ip4-nat-target";

    /// <summary>Begins the flow of a FlowNew packet that may leave by TxInterface; translates its source.</summary>
    public const string Ip4FlowOutput = "ip4-flow-output";

    /// <summary>Begins the flow of an IPv6 packet that is FlowNew.</summary>
    public const string Ip6FlowOutput = "ip6-flow-output";

    /// <summary>Splits again what came in fragments, to Opaque0 bytes; the low half of Opaque1 is where the fragments go, 0 rewrite.</summary>
    public const string Ip6Fragment = "ip6-fragment";

    /// <summary>Answers a rejected TCP segment with a reset, where the rate limit allows, and ends it.</summary>
    public const string Tcp4Reset = "tcp4-reset";

    /// <inheritdoc cref="Tcp4Reset"/>
    public const string Tcp6Reset = "tcp6-reset";

    /// <summary>Route, then local or (TTL) forward; also the door for own packets (Own flag) and outer ESP packets (Own and BypassSpd).</summary>
    public const string Ip4Lookup = "ip4-lookup";

    /// <inheritdoc cref="Ip4Lookup"/>
    public const string Ip6Lookup = "ip6-lookup";

    /// <summary>For an own address: ESP and IKE leave here, the rest goes to <see cref="Spd4Input"/> or, without policies, to <see cref="Ip4Deliver"/>.</summary>
    public const string Ip4Local = "ip4-local";

    /// <inheritdoc cref="Ip4Local"/>
    public const string Ip6Local = "ip6-local";

    /// <summary>Echo reply, punt, or unreachable.</summary>
    public const string Ip4Deliver = "ip4-deliver";

    /// <inheritdoc cref="Ip4Deliver"/>
    public const string Ip6Deliver = "ip6-deliver";

    /// <summary>ESP for an own address: offset at the outer IP header, L4 at the ESP header (behind UDP when UdpEncapsulated). A NAT keepalive comes here too.</summary>
    public const string Esp4Decrypt = "esp4-decrypt";

    /// <inheritdoc cref="Esp4Decrypt"/>
    public const string Esp6Decrypt = "esp6-decrypt";

    /// <summary>
    /// Inbound check of clear (not Decrypted, not Own) packets that are forwarded or delivered; those allowed go on to ip-deliver when their adjacency is Local,
    /// else to spd-output. Only reached while <see cref="Tables.DataplaneTables.SpdActive"/>.
    /// </summary>
    public const string Spd4Input = "spd4-input";

    /// <inheritdoc cref="Spd4Input"/>
    public const string Spd6Input = "spd6-input";

    /// <summary>Outbound decision: bypass to <see cref="Ip4Rewrite"/>, protect to esp-encrypt, discard. TTL is already decremented. Only reached while SpdActive.</summary>
    public const string Spd4Output = "spd4-output";

    /// <inheritdoc cref="Spd4Output"/>
    public const string Spd6Output = "spd6-output";

    /// <summary>What was routed into an ipsec interface: NextHop is its adjacency. On to esp-encrypt with the SA's number in NextHop, or nowhere.</summary>
    public const string Ipsec4Output = "ipsec4-output";

    /// <inheritdoc cref="Ipsec4Output"/>
    public const string Ipsec6Output = "ipsec6-output";
    public const string Esp4Encrypt = "esp4-encrypt";
    public const string Esp6Encrypt = "esp6-encrypt";

    /// <summary>MSS, MTU (fragments or asks for an ICMP error), Ethernet header; NextHop is the adjacency.</summary>
    public const string Ip4Rewrite = "ip4-rewrite";

    /// <inheritdoc cref="Ip4Rewrite"/>
    public const string Ip6Rewrite = "ip6-rewrite";

    /// <summary>Splits a packet to the size in Opaque0 (bytes, IP header included) and sends the parts to the node whose number is in Opaque1 (0: ip4-rewrite).</summary>
    public const string Ip4Fragment = "ip4-fragment";

    /// <summary>Answers a packet with the ICMP error in Opaque0 (<see cref="IcmpError"/>), where RFC 1122 and the rate limit allow, and ends it.</summary>
    public const string Icmp4Error = "icmp4-error";

    /// <inheritdoc cref="Icmp4Error"/>
    public const string Icmp6Error = "icmp6-error";

    /// <summary>Puts fragments for the gateway's own IKE and ESP together and sends the whole back to ip-local.</summary>
    public const string Ip4Reassembly = "ip4-reassembly";

    /// <inheritdoc cref="Ip4Reassembly"/>
    public const string Ip6Reassembly = "ip6-reassembly";
    public const string NdInput = "nd-input";
    public const string NeighborResolve = "neighbor-resolve";
    public const string InterfaceOutput = "interface-output";
    public const string IkePunt = "ike-punt";
    public const string HostPunt = "host-punt";
}
