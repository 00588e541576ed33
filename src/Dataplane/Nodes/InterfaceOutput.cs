using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
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
    }

    private enum Reason : ushort
    {
        Down,
        QueueFull,
        HandoffFull,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.InterfaceOutput,
        [(Edge.VlanOutput, NodeNames.VlanOutput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.VxlanEncap, NodeNames.VxlanEncap)],
        [
            (Reason.Down, "The interface is disabled, gone, or has no port."),
            (Reason.QueueFull, "The interface's queue was full."),
            (Reason.HandoffFull, "The worker that sends for the interface did not take packets fast enough."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var context = frame.Context;
        var interfaces = frame.Tables.Interfaces;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var to = frame.Meta(index)->TxInterface & (InterfaceTable.Capacity - 1);
            var entry = interfaces[to];
            if ((entry->Flags & (InterfaceFlags.Present | InterfaceFlags.Enabled | InterfaceFlags.Loopback | InterfaceFlags.Virtual)) != (InterfaceFlags.Present | InterfaceFlags.Enabled))
            {
                WithoutPort(ref frame, index, to, entry);
                continue;
            }
            if ((entry->Workers >> context.Worker & 1) == 0)
            {
                if (!context.HandOff(entry->Worker, frame.Node, index)) frame.Drop(Reason.HandoffFull, index);
                continue;
            }
            if (!context.QueueForPort(to, index)) frame.Drop(Reason.QueueFull, index);
        }
    }

    private static void WithoutPort(ref Frame frame, uint index, uint to, InterfaceEntry* entry)
    {
        const InterfaceFlags needed = InterfaceFlags.Present | InterfaceFlags.Enabled | InterfaceFlags.Virtual;
        if ((entry->Flags & needed) != needed)
        {
            frame.Drop(Reason.Down, index);
            return;
        }
        var meta = frame.Meta(index);
        var counters = frame.Context.Interfaces + to;
        counters->TxPackets++;
        counters->TxBytes += meta->TotalLength;
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
            default:
                frame.Drop(Reason.Down, index);
                break;
        }
    }
}
