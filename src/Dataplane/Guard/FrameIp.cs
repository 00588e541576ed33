using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Guard;

/// <summary>Finds the IP packet in an Ethernet frame, behind up to two VLAN tags; nothing but lengths and the version was checked before.</summary>
internal static unsafe class FrameIp
{
    public const ushort Ip4 = 0x0800, Ip6 = 0x86DD, Arp = 0x0806;

    /// <summary>A frame with no more behind its Ethernet header may be padded (IEEE 802.3 §4.2.3.3).</summary>
    private const uint Padded = 46;

    /// <summary>The EtherType behind the tags, and where what it names begins; 0 when the frame is too short.</summary>
    public static ushort TypeOf(byte* data, uint length, out uint header)
    {
        header = EthernetInput.HeaderLength;
        if (length < header) return 0;
        var type = Wire.U16(data + 12);
        for (var tags = 0; tags < 2 && type is VlanTag.Dot1q or VlanTag.Dot1ad; tags++)
        {
            if (length < header + 4)
            {
                header = EthernetInput.HeaderLength;
                return 0;
            }

            header += 4;
            type = Wire.U16(data + header - 2);
        }

        return type;
    }

    /// <summary>False for what is not IP, or too short for its header.</summary>
    /// <param name="ip">The IP header.</param>
    /// <param name="octets">Octets of the packet. What a header claims counts for short frames alone: a long one is not made cheaper by it.</param>
    public static bool TryFind(byte* data, PacketMeta* meta, out byte* ip, out uint octets)
    {
        var type = TypeOf(data, meta->Length, out var header);
        ip = data + header;
        octets = meta->TotalLength - header;
        var left = meta->Length - header;
        switch (type)
        {
            case Ip4:
                if (left < 20 || ip[0] >> 4 != 4) return false;
                if (octets <= Padded) octets = Math.Min(octets, Math.Max(20u, Wire.U16(ip + 2)));
                return true;
            case Ip6:
                if (left < 40 || ip[0] >> 4 != 6) return false;
                if (octets <= Padded) octets = Math.Min(octets, 40u + Wire.U16(ip + 4));
                return true;
            default:
                return false;
        }
    }
}
