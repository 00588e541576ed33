using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
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
        FlowInput,
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
        NoWayBack,
        BogonSource,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.Ip4Input,
        [(Edge.Lookup, NodeNames.Ip4Lookup), (Edge.AclInput, NodeNames.Ip4AclInput), (Edge.FlowInput, NodeNames.Ip4FlowInput)],
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
            (Reason.NoWayBack, "No route leads back to the packet's source, or none by the interface that it came in by, and the interface asks for one."),
            (Reason.BogonSource, "The packet's source is an address that nobody has (RFC 6890), and only a default route leads to it."),
        ]);

    /// <summary>By the first octet of an address: bit 0 when it cannot be a source, bit 1 when it cannot be a destination (RFC 1812 §5.3.7, RFC 1122 §3.2.1.3).</summary>
    private static ReadOnlySpan<byte> Martians =>
    [
        3, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
    ];

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var flows = frame.Tables.Flows.Active;
        var edges = stackalloc Edge[Frame.Size];
        ref var martians = ref MemoryMarshal.GetReference(Martians);
        var interfaces = frame.Tables.Interfaces;
        var fib = frame.Tables.Fib4;
        var indices = frame.Indices;
        var count = frame.Count;
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            var features = interfaces[meta->RxInterface]->Flags;
            edges[i] = flows && (meta->Flags & PacketFlags.Own) == 0 ? Edge.FlowInput : (features & InterfaceFlags.AclIn4) == 0 ? Edge.Lookup : Edge.AclInput;
            // Nearly every packet has no options, is no fragment, ends where its frame ends and comes from a host.
            if (meta->Length >= MinHeader)
            {
                var first = Unsafe.ReadUnaligned<ulong>(ip);
                var second = Unsafe.ReadUnaligned<ulong>(ip + 8);
                var destination = Unsafe.ReadUnaligned<uint>(ip + 16);
                // Version 4 with five words of header; no more fragments, no offset (a processor's words are little-endian wherever .NET runs).
                if ((first & 0xFF3F_0000_0000_00FF) == 0x45
                    && BinaryPrimitives.ReverseEndianness((ushort)(first >> 16)) == meta->TotalLength
                    && ((meta->Flags & PacketFlags.ChecksumKnown) != 0
                        || Checksum.Fold(Checksum.Ip4Header(first, second, destination)) == 0))
                {
                    var isOwn = (meta->Flags & PacketFlags.Own) != 0;
                    var source = BinaryPrimitives.ReverseEndianness((uint)(second >> 32));
                    var martian = (Unsafe.Add(ref martians, (byte)(second >> 32)) & (isOwn ? 0 : 1)) | (Unsafe.Add(ref martians, (byte)destination) & 2);
                    if (martian == 0 && (isOwn || !fib.MayBeLocal(source) || (features & InterfaceFlags.SourceCheck) == 0) && (features & InterfaceFlags.ReversePath4) == 0)
                    {
                        meta->L3 = meta->Offset;
                        meta->L4 = (ushort)(meta->Offset + MinHeader);
                        meta->Protocol = (byte)(second >> 8);
                        continue;
                    }
                }
            }
            if (!Examine(ref frame, index, meta, ip)) edges[i] = Frame.Gone<Edge>();
        }
        frame.Dispatch(edges);
    }

    /// <summary>All that may be wrong with a packet, or only unusual; false when it was dropped.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static bool Examine(ref Frame frame, uint index, PacketMeta* meta, byte* ip)
    {
        if (meta->Length < MinHeader) return Drop(ref frame, Reason.TooShort, index);
        int first = ip[0];
        if (first >> 4 != 4) return Drop(ref frame, Reason.BadVersion, index);
        var header = (first & 15) * 4;
        if (header < MinHeader || header > meta->Length) return Drop(ref frame, Reason.BadHeaderLength, index);
        uint total = Wire.U16(ip + 2);
        if (total < (uint)header || total > meta->TotalLength) return Drop(ref frame, Reason.BadTotalLength, index);
        // RFC 1812 §5.2.2: a router verifies the header checksum.
        if ((meta->Flags & PacketFlags.ChecksumKnown) == 0 && Checksum.Fold(Checksum.Add(0, ip, header)) != 0) return Drop(ref frame, Reason.BadChecksum, index);
        // An Ethernet frame is padded to 60 bytes; the padding is no part of the packet.
        if (total != meta->TotalLength) PacketTrim.Truncate(frame.Pool, index, total);

        var source = Wire.U32(ip + 12);
        var destination = Wire.U32(ip + 16);
        if ((meta->Flags & PacketFlags.Own) == 0)
        {
            if ((Martians[(int)(source >> 24)] & 1) != 0) return Drop(ref frame, Reason.MartianSource, index);
            var features = frame.Tables.Interfaces[meta->RxInterface]->Flags;
            if ((features & (InterfaceFlags.SourceCheck | InterfaceFlags.ReversePath4)) != 0)
            {
                var back = frame.Tables.Fib4.Lookup(meta->Vrf, source);
                if (back == AdjacencyTable.Local)
                {
                    if ((features & InterfaceFlags.SourceCheck) != 0) return Drop(ref frame, Reason.OwnSource, index);
                }
                // What an SA carries was held to its selectors.
                else if ((features & InterfaceFlags.ReversePath4) != 0 && (meta->Flags & PacketFlags.Decrypted) == 0
                    && !ReversePath.Allows(frame.Tables.Adjacencies, back, meta->RxInterface, (features & InterfaceFlags.StrictSource4) != 0))
                {
                    return Drop(ref frame, Reason.NoWayBack, index);
                }
                // A special address is a source where a route of its own leads to it, not where only the default one does.
                else if ((frame.Tables.Interfaces[meta->RxInterface]->Bogons4 & Bogons.Of4(source)) != 0 && (meta->Flags & PacketFlags.Decrypted) == 0 && back == frame.Tables.Fib4.Lookup(meta->Vrf, Bogons.Nowhere4))
                {
                    return Drop(ref frame, Reason.BogonSource, index);
                }
            }
        }
        if (destination >> 24 is 0 or 127) return Drop(ref frame, Reason.MartianDestination, index);
        if (destination >= 0xE000_0000) return Drop(ref frame, destination < 0xF000_0000 ? Reason.Multicast : Reason.Broadcast, index);

        meta->L3 = meta->Offset;
        meta->L4 = (ushort)(meta->Offset + header);
        meta->Protocol = ip[9];
        if ((Wire.U16(ip + 6) & 0x3FFF) != 0)
        {
            meta->Flags |= PacketFlags.Fragment;
            if ((Wire.U16(ip + 6) & 0x1FFF) != 0) meta->Flags |= PacketFlags.LaterFragment;
        }
        if (header == MinHeader) return true;
        meta->Flags |= PacketFlags.Options;
        return !RefuseOptions(ip, header, out var reason) || Drop(ref frame, reason, index);
    }

    private static bool Drop(ref Frame frame, Reason reason, uint index)
    {
        frame.Drop(reason, index);
        return false;
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
