using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Sends a packet for the gateway's own addresses to the host's stack behind the punt interface.</summary>
internal readonly unsafe struct HostPunt : INode
{
    private enum Edge : ushort
    {
        Output,
    }

    private enum Reason : ushort
    {
        NoHost,
        FromHost,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.HostPunt,
        [(Edge.Output, NodeNames.InterfaceOutput)],
        [
            (Reason.NoHost, "The packet is for the host's stack and there is no punt interface."),
            (Reason.FromHost, "The host sent a packet to itself through the gateway."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var punt = Volatile.Read(ref frame.Tables.PuntInterface);
        var entry = frame.Tables.Interfaces[punt];
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (punt == 0)
            {
                frame.Drop(Reason.NoHost, index);
                continue;
            }
            // An ICMP error of the gateway about a packet of the host carries no rx interface and passes.
            if (meta->RxInterface == punt)
            {
                frame.Drop(Reason.FromHost, index);
                continue;
            }
            frame.Context.Interfaces[meta->RxInterface & (InterfaceTable.Capacity - 1)].Punted++;
            var v6 = frame.Data(index)[0] >> 4 == 6;
            PacketTrim.Prepend(meta, EthernetInput.HeaderLength);
            var header = frame.Data(index);
            MacAddress.Write(header, entry->HostMac);
            MacAddress.Write(header + 6, entry->Mac);
            Wire.Put16(header + 12, v6 ? 0x86DD : 0x0800);
            meta->TxInterface = punt;
            frame.Enqueue(Edge.Output, index);
        }
    }
}
