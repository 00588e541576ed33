using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Holds an IPv4 packet to RFC 791 and RFC 1812 and finds its L4 header.
/// <code>
///  0       4       8               16      19                     31
/// +-------+-------+---------------+-------------------------------+
/// |version| IHL   | DSCP     |ECN |          total length         |
/// +-------+-------+---------------+-----+-------------------------+
/// |        identification         |flags|     fragment offset     |
/// +---------------+---------------+-----+-------------------------+
/// |      TTL      |   protocol    |        header checksum        |
/// +---------------+---------------+-------------------------------+
/// |                        source address                         |
/// |                     destination address                       |
/// |                          options …                            |
/// </code>
/// </summary>
internal readonly unsafe struct Ip4Input : INode
{
    public const int MinHeader = 20;

    private enum Edge : ushort
    {
        Lookup,
        AclInput,
    }

    private enum Reason : ushort
    {
        TooShort,
        BadVersion,
        BadHeaderLength,
        BadTotalLength,
        BadChecksum,
        MartianSource,
        MartianDestination,
        OwnSource,
        Broadcast,
        Multicast,
        BadOption,
        SourceRoute,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.Ip4Input,
        [(Edge.Lookup, NodeNames.Ip4Lookup), (Edge.AclInput, NodeNames.Ip4AclInput)],
        [
            (Reason.TooShort, "The packet is shorter than an IPv4 header."),
            (Reason.BadVersion, "The version field is not 4."),
            (Reason.BadHeaderLength, "The header length is below 20 bytes or beyond the packet."),
            (Reason.BadTotalLength, "The total length is shorter than the header or longer than what arrived."),
            (Reason.BadChecksum, "The header checksum is wrong."),
            (Reason.MartianSource, "The source address cannot be a sender: loopback, multicast, broadcast or this-network."),
            (Reason.MartianDestination, "The destination address is loopback or this-network."),
            (Reason.OwnSource, "The packet came from a wire with one of the gateway's own addresses as source."),
            (Reason.Broadcast, "The packet goes to all hosts of the link and the gateway has no use for it."),
            (Reason.Multicast, "IPv4 multicast is not routed."),
            (Reason.BadOption, "An IPv4 option runs past the header."),
            (Reason.SourceRoute, "The packet asks for source routing, which is refused."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            if (meta->Length < MinHeader)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            int first = ip[0];
            if (first >> 4 != 4)
            {
                frame.Drop(Reason.BadVersion, index);
                continue;
            }
            var header = (first & 15) * 4;
            if (header < MinHeader || header > meta->Length)
            {
                frame.Drop(Reason.BadHeaderLength, index);
                continue;
            }
            uint total = Wire.U16(ip + 2);
            if (total < (uint)header || total > meta->TotalLength)
            {
                frame.Drop(Reason.BadTotalLength, index);
                continue;
            }
            // RFC 1812 §5.2.2: a router verifies the header checksum.
            if ((meta->Flags & PacketFlags.ChecksumKnown) == 0 && Checksum.Fold(Checksum.Add(0, ip, header)) != 0)
            {
                frame.Drop(Reason.BadChecksum, index);
                continue;
            }
            // An Ethernet frame is padded to 60 bytes; the padding is no part of the packet.
            if (total != meta->TotalLength) PacketTrim.Truncate(frame.Pool, index, total);

            var source = Wire.U32(ip + 12);
            var destination = Wire.U32(ip + 16);
            var features = frame.Tables.Interfaces[meta->RxInterface]->Flags;
            if ((meta->Flags & PacketFlags.Own) == 0)
            {
                // RFC 1812 §5.3.7: martian addresses; RFC 1122 §3.2.1.3.
                if (source >> 24 is 0 or 127 || source >= 0xE000_0000)
                {
                    frame.Drop(Reason.MartianSource, index);
                    continue;
                }
                if ((features & InterfaceFlags.SourceCheck) != 0
                    && frame.Tables.Fib4.Lookup(meta->Vrf, source) == AdjacencyTable.Local)
                {
                    frame.Drop(Reason.OwnSource, index);
                    continue;
                }
            }
            if (destination >> 24 is 0 or 127)
            {
                frame.Drop(Reason.MartianDestination, index);
                continue;
            }
            if (destination >= 0xE000_0000)
            {
                frame.Drop(destination < 0xF000_0000 ? Reason.Multicast : Reason.Broadcast, index);
                continue;
            }

            meta->L3 = meta->Offset;
            meta->L4 = (ushort)(meta->Offset + header);
            meta->Protocol = ip[9];
            if ((Wire.U16(ip + 6) & 0x3FFF) != 0)
            {
                meta->Flags |= PacketFlags.Fragment;
                if ((Wire.U16(ip + 6) & 0x1FFF) != 0) meta->Flags |= PacketFlags.LaterFragment;
            }
            if (header > MinHeader)
            {
                meta->Flags |= PacketFlags.Options;
                if (RefuseOptions(ip, header, out var reason))
                {
                    frame.Drop(reason, index);
                    continue;
                }
            }
            if ((features & InterfaceFlags.AclIn4) == 0) frame.Enqueue(Edge.Lookup, index);
            else frame.Enqueue(Edge.AclInput, index);
        }
    }

    /// <summary>Options pass unread (RFC 7126 allows a router to ignore record route, timestamp and the like), except those that steer the packet or are malformed.</summary>
    private static bool RefuseOptions(byte* ip, int header, out Reason reason)
    {
        reason = Reason.BadOption;
        for (var at = MinHeader; at < header;)
        {
            var type = ip[at];
            if (type == 0) return false;
            if (type == 1)
            {
                at++;
                continue;
            }
            if (at + 1 >= header || ip[at + 1] < 2 || at + ip[at + 1] > header) return true;
            // RFC 7126 §4.3, §4.4: loose and strict source routes are dropped.
            if (type is 131 or 137)
            {
                reason = Reason.SourceRoute;
                return true;
            }
            at += ip[at + 1];
        }
        return false;
    }
}
