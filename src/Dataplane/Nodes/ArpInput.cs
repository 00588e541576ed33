using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Answers ARP requests for own addresses and learns neighbors (RFC 826, RFC 5227).
/// <code>
/// +---------------------------+---------------------------+
/// |  hardware type = 1        |  protocol type = 0x0800   |
/// |  6      |  4              |  1 request, 2 reply       |
/// |  sender MAC (6), sender address (4)                   |
/// |  target MAC (6), target address (4)                   |
/// </code>
/// </summary>
internal readonly unsafe struct ArpInput : INode
{
    private enum Edge : ushort
    {
        Output,
    }

    private enum Reason : ushort
    {
        TooShort,
        NotIp4OverEthernet,
        BadOperation,
        BadSender,
        SenderNotOnLink,
        Conflict,
        NotForUs,
        RateLimited,
        NoBuffer,
    }

    private enum Count : ushort
    {
        RepliesSent,
        Proxied,
        Learned,
        Confirmed,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.ArpInput,
        [(Edge.Output, NodeNames.InterfaceOutput)],
        [
            (Reason.TooShort, "The ARP packet is cut off."),
            (Reason.NotIp4OverEthernet, "The ARP packet is not about IPv4 over Ethernet."),
            (Reason.BadOperation, "The ARP packet is neither request nor reply."),
            (Reason.BadSender, "The sender's MAC address in ARP is a group address or differs from the frame's."),
            (Reason.SenderNotOnLink, "The sender's address is in no network of the interface."),
            (Reason.Conflict, "Another host claims one of the gateway's own addresses."),
            (Reason.NotForUs, "The ARP packet asks for or tells of an address that is none of the gateway's business."),
            (Reason.RateLimited, "More new neighbors came in a second than are taken."),
            (Reason.NoBuffer, "No packet was free for an ARP reply."),
        ],
        [
            (Count.RepliesSent, "ARP requests that were answered."),
            (Count.Proxied, "ARP requests that were answered in the place of hosts elsewhere (proxy ARP)."),
            (Count.Learned, "Neighbors learned or changed."),
            (Count.Confirmed, "Known neighbors that showed the same MAC address again."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (meta->Length < 28)
            {
                frame.Drop(Reason.TooShort, index);
                continue;
            }
            var arp = frame.Data(index);
            if (Wire.U32(arp) != 0x0001_0800 || arp[4] != 6 || arp[5] != 4)
            {
                frame.Drop(Reason.NotIp4OverEthernet, index);
                continue;
            }
            var operation = Wire.U16(arp + 6);
            if (operation is not (1 or 2))
            {
                frame.Drop(Reason.BadOperation, index);
                continue;
            }
            var mac = MacAddress.Read(arp + 8);
            if (MacAddress.IsGroup(mac) || mac == 0 || mac != MacAddress.Read(arp - 8))
            {
                frame.Drop(Reason.BadSender, index);
                continue;
            }
            Judge(ref frame, index, meta, operation == 1, mac, Wire.U32(arp + 14), Wire.U32(arp + 24));
        }
    }

    private static void Judge(ref Frame frame, uint index, PacketMeta* meta, bool request, ulong mac, uint sender, uint target)
    {
        var on = meta->RxInterface;
        var tables = frame.Tables;
        var entry = tables.Interfaces[on];
        if ((entry->Flags & InterfaceFlags.Punt) != 0)
        {
            // The host's stack finds every next hop at the gateway; its probe for an own address (RFC 5227 §2.1.1) stays unanswered.
            if (request && sender != target && sender != 0 && tables.Fib4.Lookup(meta->Vrf, target) != AdjacencyTable.Local) Reply(ref frame, index, meta, entry, mac, sender, target);
            else frame.Drop(Reason.NotForUs, index);
            return;
        }
        if (sender != 0 && tables.Local.Has4(on, sender))
        {
            if (frame.Context.Learning.Take(frame.Now)) frame.Context.Notices.TryPush(new Notice { Kind = NoticeKind.AddressConflict, Interface = on, AddressLow = sender, A = mac });
            frame.Drop(Reason.Conflict, index);
            return;
        }
        // Outside addresses of NAT are no interface's, and the gateway speaks for them where they are on the link.
        var forUs = tables.Local.Has4(on, target) || (tables.Flows.Current.Nat.Answered.Contains(Flow.NatProgram.In(entry->Vrf, target)) && NeighborLearn.OnLink(entry, 0, target, false));
        // RFC 5227 §2.1.1: a probe has no sender address; it is answered when the address is ours, and teaches nothing.
        if (sender == 0)
        {
            if (request && forUs) Reply(ref frame, index, meta, entry, mac, sender, target);
            else frame.Drop(Reason.NotForUs, index);
            return;
        }
        if (!NeighborLearn.MayBe(tables, on, 0, sender, false))
        {
            frame.Drop(Reason.SenderNotOnLink, index);
            return;
        }
        // A probe asks whether an address is taken on the link: that is not the gateway's to say of others' addresses, so it did not come here.
        var isProxied = request && !forUs && NeighborProxy.Answers4(tables, on, meta->Vrf, sender, target);
        var learned = NeighborLearn.From(frame.Context, on, 0, sender, false, mac, solicited: request && (forUs || isProxied));
        if (learned == NeighborLearn.Result.Told) frame.Add(Count.Learned);
        else if (learned == NeighborLearn.Result.Known) frame.Add(Count.Confirmed);
        else if (learned == NeighborLearn.Result.Limited) frame.AddDrop(Reason.RateLimited);

        if (isProxied) frame.Add(Count.Proxied);
        if (isProxied || (request && forUs)) Reply(ref frame, index, meta, entry, mac, sender, target);
        else if (!request && learned is NeighborLearn.Result.Told or NeighborLearn.Result.Known) frame.Consume(index);
        else frame.Drop(Reason.NotForUs, index);
    }

    /// <summary>The reply is written into a fresh packet, so that the request keeps its place in the trace.</summary>
    private static void Reply(ref Frame frame, uint index, PacketMeta* meta, InterfaceEntry* entry, ulong mac, uint sender, uint target)
    {
        var reply = frame.Pool.Allocate();
        if (reply == 0)
        {
            frame.Drop(Reason.NoBuffer, index);
            return;
        }
        NeighborSolicit.WriteArp(frame.Context, reply, entry, 2, mac, mac, target, sender);
        var answer = frame.Meta(reply);
        answer->Flags = PacketFlags.Own | PacketFlags.BypassSpd | (meta->Flags & PacketFlags.Traced);
        answer->TraceId = meta->TraceId;
        answer->TxInterface = meta->RxInterface;
        frame.Add(Count.RepliesSent);
        frame.Enqueue(Edge.Output, reply);
        frame.Consume(index);
    }
}
