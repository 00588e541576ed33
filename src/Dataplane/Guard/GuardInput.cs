using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Guard;

/// <summary>Holds the frames that came in by an interface (RxInterface) to what it asks of them, before they are switched or told apart.</summary>
internal readonly unsafe struct GuardInput : INode
{
    private enum Edge : ushort
    {
        EthernetInput = LinkInput.Edge.EthernetInput,
        BridgeInput = LinkInput.Edge.BridgeInput,
        CrossConnect = LinkInput.Edge.CrossConnect,
    }

    private enum Reason : ushort
    {
        Policed,
        Denied,
        SourceLimited,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.GuardInput,
        [(Edge.EthernetInput, NodeNames.EthernetInput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.CrossConnect, NodeNames.CrossConnect)],
        [
            (Reason.Policed, "More came in by the interface than its policer lets pass."),
            (Reason.Denied, "A rule of a MAC ACL for what comes in by the interface denies the frame, or none permits it."),
            (Reason.SourceLimited, "The packet's source sent more than the interface lets one source send."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var fates = stackalloc GuardFate[Frame.Size];
        var edges = stackalloc Edge[Frame.Size];
        var tables = frame.Tables;
        for (var start = 0; start < frame.Count;)
        {
            var by = frame.Meta(frame.Indices[start])->RxInterface;
            var end = start + 1;
            while (end < frame.Count && frame.Meta(frame.Indices[end])->RxInterface == by) end++;
            GuardJudge.In(ref frame, tables.Guards[by], frame.Indices + start, end - start, fates + start);
            var flags = InterfaceTable.FlagsOf(tables.Interfaces[by]);
            var next = (Edge)LinkInput.Next(flags);
            for (; start < end; start++)
            {
                edges[start] = next;
                if (fates[start] == GuardFate.Pass) continue;
                edges[start] = Frame.Gone<Edge>();
                frame.Drop(fates[start] switch { GuardFate.Denied => Reason.Denied, GuardFate.Limited => Reason.SourceLimited, _ => Reason.Policed }, frame.Indices[start]);
            }
        }

        frame.Dispatch(edges);
    }
}
