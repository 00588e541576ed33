using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>The last step of an IPv4 packet at L3: it must fit the interface, and gets the Ethernet header of its next hop.</summary>
internal readonly unsafe struct Ip4Rewrite : INode
{
    private enum Edge : ushort
    {
        Output,
        Resolve,
        Fragment,
        IcmpError,
        Tunnel,
        IpTunnel,
    }

    private enum Reason : ushort
    {
        TooBig,
        RouteGone,
    }

    private enum Count : ushort
    {
        MssClamped,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4Rewrite,
        [
            (Edge.Output, NodeNames.InterfaceOutput),
            (Edge.Resolve, NodeNames.NeighborResolve),
            (Edge.Fragment, NodeNames.Ip4Fragment),
            (Edge.IcmpError, NodeNames.Icmp4Error),
            (Edge.Tunnel, NodeNames.Ipsec4Output),
            (Edge.IpTunnel, NodeNames.IpTunnelEncap),
        ],
        [
            (Reason.TooBig, "The packet is bigger than the interface takes and must not be fragmented."),
            (Reason.RouteGone, "The route was removed while the packet was on its way."),
        ],
        [(Count.MssClamped, "TCP SYNs whose segment size was lowered to the interface.")]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var edges = stackalloc Edge[Frame.Size];
        var indices = frame.Indices;
        var count = frame.Count;
        var adjacencies = frame.Tables.Adjacencies;
        var interfaces = frame.Tables.Interfaces;
        var seconds = (uint)(frame.Now / 1_000_000_000);
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            var adjacency = adjacencies[meta->NextHop];
            if (meta->TotalLength > adjacency->Mtu)
            {
                // RFC 1191 §4: the DF bit asks for an error that names the MTU.
                if ((ip[6] & 0x40) == 0 && adjacency->Mtu >= 68)
                {
                    meta->Opaque0 = adjacency->Mtu;
                    meta->Opaque1 = 0;
                    edges[i] = Edge.Fragment;
                    continue;
                }
                frame.AddDrop(Reason.TooBig);
                meta->Opaque0 = IcmpError.FragmentationNeeded4(adjacency->Mtu);
                edges[i] = Edge.IcmpError;
                continue;
            }
            if (ip[9] == 6
                && (meta->Flags & (PacketFlags.LaterFragment | PacketFlags.BypassSpd)) == 0
                && (interfaces[adjacency->Interface]->Flags & InterfaceFlags.ClampMss) != 0)
            {
                var header = (ip[0] & 15) * 4;
                if (MssClamp.Apply(ip + header, meta->Length - header, (int)adjacency->Mtu - 40)) frame.Add(Count.MssClamped);
            }
            if (AdjacencyTable.KindOf(adjacency) != AdjacencyKind.Neighbor)
            {
                meta->TxInterface = adjacency->Interface;
                edges[i] = adjacency->Kind switch
                {
                    AdjacencyKind.Tunnel => Edge.Tunnel,
                    AdjacencyKind.IpTunnel => Edge.IpTunnel,
                    >= AdjacencyKind.Glean => Edge.Resolve,
                    _ => Frame.Gone<Edge>(),
                };
                if (adjacency->Kind < AdjacencyKind.Glean) frame.Drop(Reason.RouteGone, index);
                continue;
            }
            if (adjacency->LastUsed != seconds) adjacency->LastUsed = seconds;
            PacketTrim.Prepend(meta, EthernetInput.HeaderLength);
            EthernetHeader.Write(frame.Data(index), adjacency);
            meta->TxInterface = adjacency->Interface;
            edges[i] = Edge.Output;
        }
        frame.Dispatch(edges);
    }
}
