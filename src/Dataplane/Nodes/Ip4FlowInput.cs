using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// Finds the flow of each IPv4 packet that was received. A packet of a known flow takes the flow's translation and needs no rule any more (FlowKnown); one of a new flow is marked (FlowNew), translated when its
/// destination stands for an inside host, and may begin a flow when it leaves.
/// </summary>
internal readonly unsafe struct Ip4FlowInput : INode
{
    private enum Edge : ushort
    {
        Lookup,
        Reassembly,
        IcmpError,
        AclInput,
        Target,
    }

    private enum Reason : ushort
    {
        Short,
        BadState,
        NoFlow,
        TtlExpired,
        BadIcmpChecksum,
        HandoffFull,
        SourceLimited,
    }

    private enum Count : ushort
    {
        Known,
        Translated,
        ErrorsTranslated,
        New,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4FlowInput,
        [
            (Edge.Lookup, NodeNames.Ip4Lookup),
            (Edge.Reassembly, NodeNames.Ip4Reassembly),
            (Edge.IcmpError, NodeNames.Icmp4Error),
            (Edge.AclInput, NodeNames.Ip4AclInput),
            (Edge.Target, NodeNames.Ip4NatTarget),
        ],
        [
            (Reason.Short, "The TCP, UDP or ICMP header is cut off."),
            (Reason.BadState, "The flow can have no such TCP segment now."),
            (Reason.NoFlow, "The packet is for an address of a NAT pool, and no flow is known that it belongs to."),
            (Reason.TtlExpired, "The packet's time to live ended here."),
            (Reason.BadIcmpChecksum, "The checksum of an ICMP error is wrong."),
            (Reason.HandoffFull, "The ring to the worker that has the flow was full."),
            (Reason.SourceLimited, "The packet's source began more flows than the interface lets one source begin."),
        ],
        [
            (Count.Known, "Packets of known flows."),
            (Count.Translated, "Packets of known flows that were translated."),
            (Count.ErrorsTranslated, "ICMP errors about translated flows that were translated."),
            (Count.New, "Packets that no flow was known of."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var table = frame.Context.Sessions;
        var rules = frame.Tables.Flows.Current;
        var keys = stackalloc FlowKey[Frame.Size];
        var found = stackalloc uint[Frame.Size];
        var flags = stackalloc byte[Frame.Size];
        var kinds = stackalloc FlowPacketKind[Frame.Size];
        var edges = stackalloc Edge[Frame.Size];
        var workers = frame.Context.HandoffTo.Length;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            kinds[i] = FlowPacket.Read(frame.Meta(index), frame.Chunk(index), out keys[i], out flags[i]);
        }
        table.Find(keys, found, frame.Count);
        ulong known = 0, translated = 0, fresh = 0;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            edges[i] = Frame.Gone<Edge>();
            if (kinds[i] != FlowPacketKind.Flow)
            {
                Special(ref frame, rules, kinds[i], meta, index);
                continue;
            }
            if (found[i] == 0 || table[found[i]]->Generation != rules.Generation)
            {
                if (workers > 1 && rules.Nat.Owner(keys[i], workers) is var owner && owner != frame.Context.Worker)
                {
                    if (!frame.Context.HandOff((uint)owner, frame.Node, index)) frame.Drop(Reason.HandoffFull, index);
                    continue;
                }
                // A packet before this one in the frame may have ended the flow, or begun it.
                found[i] = table.Find(keys[i]);
                if (found[i] == 0 || !FlowJudge.StillHolds(frame.Tables, table, rules, found[i]))
                {
                    fresh++;
                    Fresh(ref frame, rules, keys[i], meta, index);
                    continue;
                }
            }
            var session = table[found[i]];
            if (!table.Touch(found[i], flags[i], meta->TotalLength))
            {
                frame.Drop(Reason.BadState, index);
                continue;
            }
            known++;
            meta->Flags |= PacketFlags.FlowKnown;
            meta->Opaque1 = 0;
            if ((session->Flags & SessionFlags.Translated) != 0)
            {
                var ip = frame.Data(index);
                // Before the translation, so that the error quotes what its receiver sent.
                if (ip[8] <= 1)
                {
                    frame.AddDrop(Reason.TtlExpired);
                    meta->Opaque0 = IcmpError.TtlExceeded4;
                    meta->Flags &= ~PacketFlags.FlowKnown;
                    frame.Enqueue(Edge.IcmpError, index);
                    continue;
                }
                translated++;
                var to = ((found[i] & SessionTable.ReplyBit) != 0 ? session->Forward : session->Reply).Reverse;
                FlowPacket.Translate(ip, frame.Chunk(index) + meta->L4, meta->Offset + meta->Length - meta->L4, keys[i], to);
                meta->Opaque1 = FlowOrigin.Pack(keys[i]);
            }
            if (session->CrossesVrfs) meta->Vrf = session->LookupVrf((found[i] & SessionTable.ReplyBit) != 0);
            edges[i] = Edge.Lookup;
        }
        frame.Dispatch(edges);
        frame.Add(Count.Known, known);
        frame.Add(Count.Translated, translated);
        frame.Add(Count.New, fresh);
    }

    private static void Fresh(ref Frame frame, FlowRules rules, in FlowKey key, PacketMeta* meta, uint index)
    {
        meta->Opaque0 = 0;
        if (!GuardJudge.MayBegin(ref frame, meta->RxInterface, frame.Data(index)))
        {
            frame.Drop(Reason.SourceLimited, index);
            return;
        }
        meta->Flags |= PacketFlags.FlowNew;
        if (rules.Nat.IsPool(key.Vrf, key.Destination) && !(rules.Nat.HasTargets && rules.Nat.TryTarget(key, out _, out _, out _, out _))) frame.Drop(Reason.NoFlow, index);
        else frame.Enqueue(Next(ref frame, rules, meta), index);
    }

    /// <summary>Rules come before a translation of the destination.</summary>
    private static Edge Next(ref Frame frame, FlowRules rules, PacketMeta* meta)
    {
        if ((frame.Tables.Interfaces[meta->RxInterface]->Flags & InterfaceFlags.AclIn4) != 0) return Edge.AclInput;
        return rules.Nat.HasTargets && (meta->Flags & PacketFlags.FlowNew) != 0 ? Edge.Target : Edge.Lookup;
    }

    private static void Special(ref Frame frame, FlowRules rules, FlowPacketKind kind, PacketMeta* meta, uint index)
    {
        meta->Opaque1 = 0;
        switch (kind)
        {
            case FlowPacketKind.Fragment:
                meta->Scratch = Reassembly.ForFlow;
                frame.Enqueue(Edge.Reassembly, index);
                return;
            case FlowPacketKind.Short:
                frame.Drop(Reason.Short, index);
                return;
            case FlowPacketKind.IcmpError:
                switch (FlowError.Translate(ref frame, rules, meta, index))
                {
                    case FlowError.Result.BadChecksum:
                        frame.Drop(Reason.BadIcmpChecksum, index);
                        return;
                    case FlowError.Result.HandedOver:
                        return;
                    case FlowError.Result.HandoffFull:
                        frame.Drop(Reason.HandoffFull, index);
                        return;
                    case FlowError.Result.Translated:
                        frame.Add(Count.ErrorsTranslated);
                        break;
                    case FlowError.Result.Unknown when rules.Nat.IsPool(meta->Vrf, Wire.U32(frame.Data(index) + 16)):
                        frame.Drop(Reason.NoFlow, index);
                        return;
                }
                break;
        }
        frame.Enqueue((meta->Flags & PacketFlags.FlowKnown) != 0 ? Edge.Lookup : Next(ref frame, rules, meta), index);
    }
}
