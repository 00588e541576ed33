using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Neighbor discovery (RFC 4861): answers solicitations for own addresses and learns neighbors. Hosts may ask for router advertisements; those of others, and redirects, are counted and ignored.
/// <code>
/// +---------------+---------------+-------------------------------+
/// | 135 or 136    |   code 0      |           checksum            |
/// |R|S|O|                     reserved                            |
/// |                     target address (16)                       |
/// | option type   | length (in 8) |  link-layer address …         |
/// </code>
/// </summary>
internal readonly unsafe struct NdInput : INode
{
    private const int MessageLength = 24;

    private enum Edge : ushort
    {
        Output,
    }

    private enum Reason : ushort
    {
        HopLimit,
        BadMessage,
        BadChecksum,
        BadOption,
        RouterMessage,
        NotForUs,
        NotOnLink,
        Conflict,
        RateLimited,
        NoBuffer,
    }

    private enum Count : ushort
    {
        AdvertisementsSent,
        Proxied,
        Learned,
        Confirmed,
        RouterSolicitations,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.NdInput,
        [(Edge.Output, NodeNames.InterfaceOutput)],
        [
            (Reason.HopLimit, "A neighbor discovery message came from beyond the link: its hop limit is not 255."),
            (Reason.BadMessage, "A neighbor discovery message is too short, has a code, or addresses that it must not have."),
            (Reason.BadChecksum, "The ICMPv6 checksum is wrong."),
            (Reason.BadOption, "An option of a neighbor discovery message runs past it or is empty."),
            (Reason.RouterMessage, "Router advertisements and redirects are not acted on, nor router solicitations where the gateway does not advertise itself."),
            (Reason.NotForUs, "The message asks for or tells of an address that is none of the gateway's business."),
            (Reason.NotOnLink, "The sender's address is in no network of the interface."),
            (Reason.Conflict, "Another host claims one of the gateway's own addresses."),
            (Reason.RateLimited, "More new neighbors and router solicitations came in a second than are taken."),
            (Reason.NoBuffer, "No packet was free for an advertisement."),
        ],
        [
            (Count.AdvertisementsSent, "Solicitations that were answered."),
            (Count.Proxied, "Solicitations that were answered in the place of hosts elsewhere (proxy neighbor discovery)."),
            (Count.Learned, "Neighbors learned or changed."),
            (Count.Confirmed, "Known neighbors that showed the same MAC address again."),
            (Count.RouterSolicitations, "Hosts that asked for a router advertisement."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            var icmp = frame.Chunk(index) + meta->L4;
            var length = meta->Offset + meta->Length - meta->L4;
            // RFC 4861 §7.1: what a valid message is. A message out of a tunnel never is.
            if (ip[7] != 255 || (meta->Flags & PacketFlags.Decrypted) != 0)
            {
                frame.Drop(Reason.HopLimit, index);
                continue;
            }
            if (icmp[0] == 133 && (frame.Tables.Interfaces[meta->RxInterface]->Flags & InterfaceFlags.Advertises) != 0)
            {
                RouterSolicitation(ref frame, index, meta, ip, icmp, length);
                continue;
            }
            if (icmp[0] is 133 or 134 or 137)
            {
                frame.Drop(Reason.RouterMessage, index);
                continue;
            }
            if (length < MessageLength || icmp[1] != 0 || icmp[8] == 0xFF || meta->Next != 0)
            {
                frame.Drop(Reason.BadMessage, index);
                continue;
            }
            if (Checksum.Fold(Checksum.Add(Checksum.Pseudo6(ip + 8, 58, length), icmp, length)) != 0)
            {
                frame.Drop(Reason.BadChecksum, index);
                continue;
            }
            if (!FindMac(icmp, MessageLength, length, icmp[0] == 135 ? 1 : 2, out var mac))
            {
                frame.Drop(Reason.BadOption, index);
                continue;
            }
            if (icmp[0] == 135) Solicitation(ref frame, index, meta, ip, icmp, mac);
            else Advertisement(ref frame, index, meta, ip, icmp, mac);
        }
    }

    /// <summary>RFC 4861 §6.1.1, §6.2.6: the control side answers, to all hosts of the link.</summary>
    private static void RouterSolicitation(ref Frame frame, uint index, PacketMeta* meta, byte* ip, byte* icmp, int length)
    {
        const int message = 8;
        if (length < message || icmp[1] != 0 || meta->Next != 0)
        {
            frame.Drop(Reason.BadMessage, index);
            return;
        }
        if (Checksum.Fold(Checksum.Add(Checksum.Pseudo6(ip + 8, 58, length), icmp, length)) != 0)
        {
            frame.Drop(Reason.BadChecksum, index);
            return;
        }
        if (!FindMac(icmp, message, length, 1, out var mac))
        {
            frame.Drop(Reason.BadOption, index);
            return;
        }
        // A host without an address carries no link-layer address.
        if (mac != 0 && Wire.U64(ip + 8) == 0 && Wire.U64(ip + 16) == 0)
        {
            frame.Drop(Reason.BadMessage, index);
            return;
        }
        if (!frame.Context.Learning.Take(frame.Now))
        {
            frame.Drop(Reason.RateLimited, index);
            return;
        }
        frame.Context.Notices.TryPush(new Notice { Kind = NoticeKind.RouterSolicited, Interface = meta->RxInterface });
        frame.Add(Count.RouterSolicitations);
        frame.Consume(index);
    }

    private static void Solicitation(ref Frame frame, uint index, PacketMeta* meta, byte* ip, byte* icmp, ulong mac)
    {
        var on = meta->RxInterface;
        var tables = frame.Tables;
        var entry = tables.Interfaces[on];
        var (sourceHigh, sourceLow) = (Wire.U64(ip + 8), Wire.U64(ip + 16));
        var (high, low) = (Wire.U64(icmp + 8), Wire.U64(icmp + 16));
        var probe = sourceHigh == 0 && sourceLow == 0;
        // RFC 4861 §7.1.1: a probe goes to the solicited-node group and carries no link-layer address.
        if (probe && (mac != 0 || Wire.U64(ip + 24) != 0xFF02_0000_0000_0000 || Wire.U64(ip + 32) >> 24 != 0x0000_0001_FF))
        {
            frame.Drop(Reason.BadMessage, index);
            return;
        }
        if ((entry->Flags & InterfaceFlags.Punt) != 0)
        {
            // The host's stack finds every next hop at the gateway; its probes (RFC 4862 §5.4) for its own addresses stay unanswered.
            if (probe || tables.Fib6.Lookup(meta->Vrf, high, low) == AdjacencyTable.Local) frame.Drop(Reason.NotForUs, index);
            else Answer(ref frame, index, meta, entry, high, low, sourceHigh, sourceLow, MacAddress.Read(ip - 8));
            return;
        }
        var isOwn = tables.Local.Has6(on, high, low);
        // A probe asks whether an address is taken on the link, which is not the gateway's to say of others' addresses.
        if (!isOwn && (probe || !NeighborProxy.Answers6(tables, on, meta->Vrf, high, low)))
        {
            frame.Drop(Reason.NotForUs, index);
            return;
        }
        if (probe)
        {
            // RFC 4862 §5.4.3, RFC 4861 §7.2.4: the prober learns from an advertisement to all nodes that the address is taken.
            Answer(ref frame, index, meta, entry, high, low, 0xFF02_0000_0000_0000, 1, 0x0100_0000_3333);
            return;
        }
        if (!NeighborLearn.MayBe(tables, on, sourceHigh, sourceLow, true))
        {
            frame.Drop(Reason.NotOnLink, index);
            return;
        }
        if (mac != 0) Learn(ref frame, on, sourceHigh, sourceLow, mac, solicited: true, mayOverride: true);
        if (!isOwn) frame.Add(Count.Proxied);
        Answer(ref frame, index, meta, entry, high, low, sourceHigh, sourceLow, mac != 0 ? mac : MacAddress.Read(ip - 8), isOwn);
    }

    private static void Advertisement(ref Frame frame, uint index, PacketMeta* meta, byte* ip, byte* icmp, ulong mac)
    {
        var on = meta->RxInterface;
        var entry = frame.Tables.Interfaces[on];
        var (high, low) = (Wire.U64(icmp + 8), Wire.U64(icmp + 16));
        // RFC 4861 §7.1.2: an advertisement to a group is not solicited.
        if (ip[24] == 0xFF && (icmp[4] & 0x40) != 0)
        {
            frame.Drop(Reason.BadMessage, index);
            return;
        }
        if ((entry->Flags & InterfaceFlags.Punt) != 0)
        {
            frame.Drop(Reason.NotForUs, index);
            return;
        }
        if (frame.Tables.Local.Has6(on, high, low))
        {
            if (frame.Context.Learning.Take(frame.Now))
                frame.Context.Notices.TryPush(new Notice { Kind = NoticeKind.AddressConflict, Interface = on, AddressHigh = high, AddressLow = low, V6 = true, A = mac });
            frame.Drop(Reason.Conflict, index);
            return;
        }
        if (!NeighborLearn.MayBe(frame.Tables, on, high, low, true))
        {
            frame.Drop(Reason.NotOnLink, index);
            return;
        }
        // RFC 4861 §7.2.5: without the option a known neighbor is only confirmed.
        if (mac == 0) mac = MacAddress.Read(ip - 8);
        Learn(ref frame, on, high, low, mac, solicited: false, mayOverride: (icmp[4] & 0x20) != 0);
        frame.Consume(index);
    }

    private static void Learn(ref Frame frame, uint on, ulong high, ulong low, ulong mac, bool solicited, bool mayOverride)
    {
        switch (NeighborLearn.From(frame.Context, on, high, low, true, mac, solicited, mayOverride))
        {
            case NeighborLearn.Result.Told:
                frame.Add(Count.Learned);
                break;
            case NeighborLearn.Result.Known:
                frame.Add(Count.Confirmed);
                break;
            case NeighborLearn.Result.Limited:
                frame.AddDrop(Reason.RateLimited);
                break;
        }
    }

    private static void Answer(ref Frame frame, uint index, PacketMeta* meta, InterfaceEntry* entry, ulong high, ulong low, ulong toHigh, ulong toLow, ulong toMac, bool isOwn = true)
    {
        var reply = frame.Pool.Allocate();
        if (reply == 0)
        {
            frame.Drop(Reason.NoBuffer, index);
            return;
        }
        // RFC 4861 §4.4: router always; solicited when it answers one host; override.
        // RFC 4861 §7.2.8: a proxy does not override what the host itself says, and speaks as itself.
        var flags = 0x8000_0000u | (toHigh >> 56 == 0xFF ? 0 : 0x4000_0000u) | (isOwn ? 0x2000_0000u : 0);
        var (fromHigh, fromLow) = isOwn ? (high, low) : (0xFE80_0000_0000_0000, entry->LinkLocalLow);
        NeighborSolicit.WriteNeighbor(frame.Context, reply, entry, 136, flags, high, low, fromHigh, fromLow, toHigh, toLow, toMac);
        var answer = frame.Meta(reply);
        answer->Flags = PacketFlags.Own | PacketFlags.BypassSpd | (meta->Flags & PacketFlags.Traced);
        answer->TraceId = meta->TraceId;
        answer->TxInterface = meta->RxInterface;
        frame.Add(Count.AdvertisementsSent);
        frame.Enqueue(Edge.Output, reply);
        frame.Consume(index);
    }

    /// <summary>The link-layer address option of a type; 0 when it is not there. False when the options are malformed (RFC 4861 §4.6: no length is zero).</summary>
    private static bool FindMac(byte* icmp, int from, int length, int type, out ulong mac)
    {
        mac = 0;
        for (var at = from; at < length;)
        {
            if (at + 2 > length || icmp[at + 1] == 0 || at + icmp[at + 1] * 8 > length) return false;
            if (icmp[at] == type) mac = MacAddress.Read(icmp + at + 2);
            at += icmp[at + 1] * 8;
        }
        return true;
    }
}
