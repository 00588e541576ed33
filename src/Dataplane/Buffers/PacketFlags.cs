namespace Gateway.Dataplane.Buffers;

/// <summary>What is known about a packet besides its bytes.</summary>
[Flags]
public enum PacketFlags : ushort
{
    None = 0,

    /// <summary>The chunk lies in a free list; freeing it again is a bug that the pool refuses.</summary>
    Free = 1 << 0,

    /// <summary>The packet's way is recorded in the trace ring while tracing is on.</summary>
    Traced = 1 << 1,

    /// <summary>Made by the gateway or its host, not received from a wire: no TTL decrement, no source check.</summary>
    Own = 1 << 2,

    /// <summary>Came out of an SA (<see cref="PacketMeta.Sa"/>).</summary>
    Decrypted = 1 << 3,

    /// <summary>The security policy does not apply: own IKE datagrams and outer ESP packets.</summary>
    BypassSpd = 1 << 4,

    /// <summary>The L3 and L4 checksums were verified or made by the port; nodes need not check them.</summary>
    ChecksumKnown = 1 << 5,

    /// <summary>Arrived as a link-layer broadcast or multicast.</summary>
    Broadcast = 1 << 6,

    /// <summary>Arrived with ESP inside UDP (RFC 3948); <see cref="PacketMeta.L4"/> is at the ESP header.</summary>
    UdpEncapsulated = 1 << 7,

    /// <summary>An IP fragment other than the first: it has no L4 header.</summary>
    LaterFragment = 1 << 8,

    /// <summary>An IP fragment, first or later.</summary>
    Fragment = 1 << 9,

    /// <summary>Holds IPv4 options or IPv6 extension headers.</summary>
    Options = 1 << 10,

    /// <summary>Waited in vain for a neighbor's MAC address.</summary>
    GaveUp = 1 << 11,

    /// <summary>A rule permitted the packet and packets of its flow; the low half of <see cref="PacketMeta.Opaque1"/> is the number of the rule.</summary>
    Reflect = 1 << 12,

    /// <summary>The security policy protects the packet: <see cref="PacketMeta.NextHop"/> is the number of the SA, no longer an adjacency.</summary>
    Protected = 1 << 13,

    /// <summary>Belongs to no known flow; may begin one when it leaves.</summary>
    FlowNew = 1 << 14,

    /// <summary>Belongs to a known flow: it was judged with the flow's first packet, and no rule is asked again.</summary>
    FlowKnown = 1 << 15,
}
