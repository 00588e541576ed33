using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Copies the frames that come in by a mirrored interface (RxInterface), and lets them go on as if nothing had been.</summary>
internal readonly unsafe struct SpanInput : INode
{
    private enum Edge : ushort
    {
        EthernetInput = LinkInput.Edge.EthernetInput,
        BridgeInput = LinkInput.Edge.BridgeInput,
        CrossConnect = LinkInput.Edge.CrossConnect,
        SpanInput = LinkInput.Edge.SpanInput,
        GuardInput = LinkInput.Edge.GuardInput,
        Output,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, NodeInfo.None, Mirror.Count>(
        NodeNames.SpanInput,
        [
            (Edge.EthernetInput, NodeNames.EthernetInput), (Edge.BridgeInput, NodeNames.BridgeInput), (Edge.CrossConnect, NodeNames.CrossConnect),
            (Edge.SpanInput, NodeNames.SpanInput), (Edge.GuardInput, NodeNames.GuardInput), (Edge.Output, NodeNames.InterfaceOutput),
        ],
        [],
        Mirror.Counts);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var entry = interfaces[frame.Meta(index)->RxInterface];
            var flags = entry->Flags;
            if ((flags & InterfaceFlags.SpanIn) != 0 && entry->SpanTo != 0) Mirror.Copy(ref frame, index, entry, Edge.Output);
            frame.Enqueue((flags & InterfaceFlags.GuardIn) != 0 ? LinkInput.Edge.GuardInput : LinkInput.Next(flags), index);
        }
    }
}
