using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Finds the flow of each IPv6 packet that was received. A packet of a known flow needs no rule any more (FlowKnown); one of a new flow is marked (FlowNew) and may begin a flow when it leaves.</summary>
internal readonly unsafe struct Ip6FlowInput : INode
{
    private enum Edge : ushort
    {
        Lookup,
        Reassembly,
        AclInput,
    }

    private enum Reason : ushort
    {
        Short,
        BadState,
        HandoffFull,
        SourceLimited,
    }

    private enum Count : ushort
    {
        Known,
        ErrorsKnown,
        New,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip6FlowInput,
        [(Edge.Lookup, NodeNames.Ip6Lookup), (Edge.Reassembly, NodeNames.Ip6Reassembly), (Edge.AclInput, NodeNames.Ip6AclInput)],
        [
            (Reason.Short, "The TCP, UDP or ICMPv6 header is cut off."),
            (Reason.BadState, "The flow can have no such TCP segment now."),
            (Reason.HandoffFull, "The ring to the worker that has the flow was full."),
            (Reason.SourceLimited, "The packet's source began more flows than the interface lets one source begin."),
        ],
        [
            (Count.Known, "Packets of known flows."),
            (Count.ErrorsKnown, "ICMPv6 errors about packets of known flows."),
            (Count.New, "Packets that no flow was known of."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var table = frame.Context.Sessions;
        var rules = frame.Tables.Flows.Current;
        var seed = table.Ip6;
        var keys = stackalloc FlowKey[Frame.Size];
        var ends = stackalloc nint[Frame.Size];
        var found = stackalloc uint[Frame.Size];
        var flags = stackalloc byte[Frame.Size];
        var kinds = stackalloc FlowPacketKind[Frame.Size];
        var edges = stackalloc Edge[Frame.Size];
        var workers = frame.Context.HandoffTo.Length;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            ends[i] = (nint)(frame.Data(index) + 8);
            kinds[i] = Ip6FlowPacket.Read(seed, frame.Meta(index), frame.Chunk(index), out keys[i], out flags[i]);
        }
        table.Find6(keys, ends, found, frame.Count);
        ulong known = 0, fresh = 0;
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
                if (workers > 1 && Ip6Ends.Owner((byte*)ends[i], keys[i], workers) is var owner && owner != frame.Context.Worker)
                {
                    if (!frame.Context.HandOff((uint)owner, frame.Node, index)) frame.Drop(Reason.HandoffFull, index);
                    continue;
                }
                // A packet before this one in the frame may have ended the flow, or begun it.
                found[i] = table.Find6(keys[i], (byte*)ends[i]);
                if (found[i] == 0 || !FlowJudge.StillHolds(frame.Tables, table, rules, found[i]))
                {
                    fresh++;
                    if (!GuardJudge.MayBegin(ref frame, meta->RxInterface, frame.Data(index)))
                    {
                        frame.Drop(Reason.SourceLimited, index);
                        continue;
                    }
                    meta->Flags |= PacketFlags.FlowNew;
                    edges[i] = Next(ref frame, meta);
                    continue;
                }
            }
            if (!table.Touch(found[i], flags[i], meta->TotalLength))
            {
                frame.Drop(Reason.BadState, index);
                continue;
            }
            known++;
            meta->Flags |= PacketFlags.FlowKnown;
            edges[i] = Edge.Lookup;
        }
        frame.Dispatch(edges);
        frame.Add(Count.Known, known);
        frame.Add(Count.New, fresh);
    }

    private static Edge Next(ref Frame frame, PacketMeta* meta) =>
        (frame.Tables.Interfaces[meta->RxInterface]->Flags & InterfaceFlags.AclIn6) != 0 ? Edge.AclInput : Edge.Lookup;

    private static void Special(ref Frame frame, FlowRules rules, FlowPacketKind kind, PacketMeta* meta, uint index)
    {
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
                switch (Ip6FlowError.Find(ref frame, rules, meta, index))
                {
                    case FlowError.Result.HandedOver:
                        return;
                    case FlowError.Result.HandoffFull:
                        frame.Drop(Reason.HandoffFull, index);
                        return;
                    case FlowError.Result.Known:
                        frame.Add(Count.ErrorsKnown);
                        frame.Enqueue(Edge.Lookup, index);
                        return;
                }
                break;
        }
        frame.Enqueue(Next(ref frame, meta), index);
    }
}
