using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Sends every frame of an interface out by the other end of its cross-connect, whatever it holds.</summary>
internal readonly unsafe struct CrossConnect : INode
{
    private enum Edge : ushort
    {
        Output,
    }

    private enum Reason : ushort
    {
        NotConnected,
        TooBig,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.CrossConnect,
        [(Edge.Output, NodeNames.InterfaceOutput)],
        [
            (Reason.NotConnected, "The interface's cross-connect was removed, or its other end is not there."),
            (Reason.TooBig, "The frame is bigger than the other end takes."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var interfaces = frame.Tables.Interfaces;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var entry = interfaces[meta->RxInterface];
            var peer = entry->Peer;
            if ((entry->Flags & InterfaceFlags.Connected) == 0 || peer == 0)
            {
                frame.Drop(Reason.NotConnected, index);
                continue;
            }
            if (meta->TotalLength > interfaces[peer]->Mtu + EthernetInput.HeaderLength + BridgeTable.TagAllowance)
            {
                frame.Drop(Reason.TooBig, index);
                continue;
            }
            meta->TxInterface = peer;
            meta->NextHop = 0;
            frame.Enqueue(Edge.Output, index);
        }
    }
}
