using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Guard;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Puts whole frames into the queue of their interface's port, or hands them to a worker that has one.</summary>
internal readonly unsafe struct InterfaceOutput : INode
{
    private enum Edge : ushort
    {
        VlanOutput,
        BridgeInput,
        VxlanEncap,
        IpTunnelEncap,
        Output,
    }

    private enum Reason : ushort
    {
        Down,
        QueueFull,
        HandoffFull,
        Policed,
        Denied,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Mirror.Count>(
        NodeNames.InterfaceOutput,
        [(Edge.VlanOutput, NodeNames.VlanOutput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.VxlanEncap, NodeNames.VxlanEncap), (Edge.IpTunnelEncap, NodeNames.IpTunnelEncap), (Edge.Output, NodeNames.InterfaceOutput)],
        [
            (Reason.Down, "The interface is disabled, gone, or has no port."),
            (Reason.QueueFull, "The interface's queue was full."),
            (Reason.HandoffFull, "The worker that sends for the interface did not take packets fast enough."),
            (Reason.Policed, "More was to leave by the interface than its policer lets pass."),
            (Reason.Denied, "A rule of a MAC ACL for what leaves by the interface denies the frame, or none permits it."),
        ],
        Mirror.Counts);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var context = frame.Context;
        var interfaces = frame.Tables.Interfaces;
        for (var start = 0; start < frame.Count;)
        {
            var to = frame.Meta(frame.Indices[start])->TxInterface & (InterfaceTable.Capacity - 1);
            // Packets for one interface come in runs.
            var end = start + 1;
            while (end < frame.Count && (frame.Meta(frame.Indices[end])->TxInterface & (InterfaceTable.Capacity - 1)) == to) end++;
            var entry = interfaces[to];
            if ((InterfaceTable.FlagsOf(entry) & (InterfaceFlags.Present | InterfaceFlags.Enabled | InterfaceFlags.Loopback | InterfaceFlags.Virtual | InterfaceFlags.SpanOut | InterfaceFlags.GuardOut)) != (InterfaceFlags.Present | InterfaceFlags.Enabled))
            {
                var passing = (entry->Flags & InterfaceFlags.GuardOut) == 0 ? end : Hold(ref frame, start, end, to, entry);
                for (; start < passing; start++) Specially(ref frame, frame.Indices[start], to, entry);
                start = end;
                continue;
            }
            if ((entry->Workers >> context.Worker & 1) == 0)
            {
                for (; start < end; start++)
                    if (!context.HandOff(entry->Worker, frame.Node, frame.Indices[start])) frame.Drop(Reason.HandoffFull, frame.Indices[start]);
                continue;
            }
            for (start += context.QueueForPort(to, frame.Indices + start, end - start); start < end; start++) frame.Drop(Reason.QueueFull, frame.Indices[start]);
        }
    }

    /// <summary>Holds frames to what the interface asks of them, and moves those that pass to the front of their run; returns its new end.</summary>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Hold(ref Frame frame, int start, int end, uint to, InterfaceEntry* entry)
    {
        // The worker that sends for a port asks; it comes here with what it was handed.
        if ((entry->Flags & InterfaceFlags.Virtual) == 0 && (entry->Workers >> frame.Context.Worker & 1) == 0) return end;
        var fates = stackalloc GuardFate[Frame.Size];
        GuardJudge.Out(ref frame, frame.Tables.Guards[to], frame.Indices + start, end - start, fates);
        var passing = start;
        for (var i = start; i < end; i++)
        {
            if (fates[i - start] == GuardFate.Pass) frame.Indices[passing++] = frame.Indices[i];
            else frame.Drop(fates[i - start] == GuardFate.Denied ? Reason.Denied : Reason.Policed, frame.Indices[i]);
        }
        return passing;
    }

    /// <summary>What has no port of its own, is mirrored, or is down.</summary>
    private static void Specially(ref Frame frame, uint index, uint to, InterfaceEntry* entry)
    {
        var flags = entry->Flags;
        if ((flags & (InterfaceFlags.Present | InterfaceFlags.Enabled | InterfaceFlags.Loopback)) != (InterfaceFlags.Present | InterfaceFlags.Enabled))
        {
            frame.Drop(Reason.Down, index);
            return;
        }
        if ((flags & InterfaceFlags.Virtual) != 0)
        {
            if ((flags & InterfaceFlags.SpanOut) != 0) Copy(ref frame, index, entry);
            WithoutPort(ref frame, index, to, entry);
        }
        else if ((entry->Workers >> frame.Context.Worker & 1) == 0)
        {
            // The worker that sends it copies it.
            if (!frame.Context.HandOff(entry->Worker, frame.Node, index)) frame.Drop(Reason.HandoffFull, index);
        }
        else
        {
            Copy(ref frame, index, entry);
            if (frame.Context.QueueForPort(to, &index, 1) == 0) frame.Drop(Reason.QueueFull, index);
        }
    }

    private static void Copy(ref Frame frame, uint index, InterfaceEntry* entry)
    {
        if (entry->SpanTo == 0 || frame.Meta(index)->RxInterface == InterfaceTable.Mirrored) return;
        Mirror.Copy(ref frame, index, entry, Edge.Output);
    }

    private static void WithoutPort(ref Frame frame, uint index, uint to, InterfaceEntry* entry)
    {
        var meta = frame.Meta(index);
        frame.Context.CountSent(to, meta->TotalLength);
        switch (entry->Link)
        {
            case LinkKind.Vlan:
                frame.Enqueue(Edge.VlanOutput, index);
                break;
            case LinkKind.Bvi:
                meta->RxInterface = to;
                meta->NextHop = 0;
                frame.Enqueue(Edge.BridgeInput, index);
                break;
            case LinkKind.Vxlan:
                frame.Enqueue(Edge.VxlanEncap, index);
                break;
            case LinkKind.IpTunnel when (entry->Flags & InterfaceFlags.PointToPoint) == 0:
                frame.Enqueue(Edge.IpTunnelEncap, index);
                break;
            default:
                frame.Drop(Reason.Down, index);
                break;
        }
    }
}
