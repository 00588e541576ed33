using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Esp;

/// <summary>Why esp-decrypt ends a packet.</summary>
internal enum EspDecryptReason : ushort
{
    Keepalive,
    TooShort,
    BadLength,
    Fragmented,
    UnknownSpi,
    HandoffFull,
    Expired,
    ImpossibleSequence,
    TooOld,
    Replayed,
    Forged,
    BadPadding,
    BadNextHeader,
    BadInnerPacket,
    CongestionUntellable,
    OutsideSelectors,
    NoBuffer,
    NoInterface,
}

/// <summary>What esp-decrypt counts besides drops.</summary>
internal enum EspDecryptCount : ushort
{
    Decrypted,
    Dummies,
    MssClamped,
}

/// <summary>Where esp-decrypt sends packets: by the family of what came out.</summary>
internal enum EspDecryptEdge : ushort
{
    Ip4Input,
    Ip6Input,
}

/// <summary>The rows of esp-decrypt, the same for both outer families.</summary>
internal static class EspDecryptRows
{
    public static NodeInfo InfoOf(string name) => NodeInfo.Of<EspDecryptEdge, EspDecryptReason, EspDecryptCount>(
        name,
        [(EspDecryptEdge.Ip4Input, Nodes.NodeNames.Ip4Input), (EspDecryptEdge.Ip6Input, Nodes.NodeNames.Ip6Input)],
        [
            (EspDecryptReason.Keepalive, "A NAT keepalive (RFC 3948), which has done its work when it arrives."),
            (EspDecryptReason.TooShort, "The datagram is too short to hold an ESP packet of its SA."),
            (EspDecryptReason.BadLength, "The encrypted part does not end on a 4-byte boundary, or on that of the cipher's blocks."),
            (EspDecryptReason.Fragmented, "The ESP packet is an IP fragment that nobody put together."),
            (EspDecryptReason.UnknownSpi, "No SA has this SPI."),
            (EspDecryptReason.HandoffFull, "The SA belongs to another worker, whose ring was full."),
            (EspDecryptReason.Expired, "The SA has reached its hard lifetime."),
            (EspDecryptReason.ImpossibleSequence, "The sequence number is one that no sender may use."),
            (EspDecryptReason.TooOld, "The sequence number lies left of the replay window."),
            (EspDecryptReason.Replayed, "A packet with this sequence number was already accepted."),
            (EspDecryptReason.Forged, "The integrity check value does not fit: a damaged or forged packet, or another key."),
            (EspDecryptReason.BadPadding, "The packet is authentic, but its padding is not 1, 2, 3 … or longer than the packet."),
            (EspDecryptReason.BadNextHeader, "The packet is authentic, but holds neither IPv4 nor IPv6 nor a dummy."),
            (EspDecryptReason.BadInnerPacket, "The packet is authentic, but the IP packet inside has a malformed header or length."),
            (EspDecryptReason.CongestionUntellable, "Congestion was marked on the way, and the packet inside cannot tell its receiver (RFC 6040)."),
            (EspDecryptReason.OutsideSelectors, "The packet is authentic, but its addresses, protocol or ports lie outside its SA's selectors."),
            (EspDecryptReason.NoBuffer, "No free packet to put a long decrypted packet into."),
            (EspDecryptReason.NoInterface, "The SA has an if_id, and no ipsec interface with it is there and enabled."),
        ],
        [
            (EspDecryptCount.Decrypted, "Packets decrypted and passed on."),
            (EspDecryptCount.Dummies, "Dummy packets of traffic flow confidentiality, dropped as they should be."),
            (EspDecryptCount.MssClamped, "TCP SYNs whose segment size was lowered to the tunnel."),
        ]);
}
