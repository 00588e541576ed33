using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>The last step of an IPv6 packet at L3: it must fit the interface, and gets the Ethernet header of its next hop.</summary>
internal readonly unsafe struct Ip6Rewrite : INode
{
    private enum Edge : ushort
    {
        Output,
        Resolve,
        IcmpError,
        Tunnel,
        IpTunnel,
        Fragment,
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
        NodeNames.Ip6Rewrite,
        [
            (Edge.Output, NodeNames.InterfaceOutput),
            (Edge.Resolve, NodeNames.NeighborResolve),
            (Edge.IcmpError, NodeNames.Icmp6Error),
            (Edge.Tunnel, NodeNames.Ipsec6Output),
            (Edge.IpTunnel, NodeNames.IpTunnelEncap),
            (Edge.Fragment, NodeNames.Ip6Fragment),
        ],
        [
            (Reason.TooBig, "The packet is bigger than the interface takes."),
            (Reason.RouteGone, "The route was removed while the packet was on its way."),
        ],
        [(Count.MssClamped, "TCP SYNs whose segment size was lowered to the interface.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var adjacencies = frame.Tables.Adjacencies;
        var interfaces = frame.Tables.Interfaces;
        var seconds = (uint)(frame.Now / 1_000_000_000);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var adjacency = adjacencies[meta->NextHop];
            if ((meta->TotalLength > adjacency->Mtu || meta->FragmentSize != 0) && !Fits(ref frame, meta, index, adjacency->Mtu)) continue;
            if (meta->Protocol == 6
                && (meta->Flags & (PacketFlags.LaterFragment | PacketFlags.BypassSpd)) == 0
                && (interfaces[adjacency->Interface]->Flags & InterfaceFlags.ClampMss) != 0
                && MssClamp.Apply(frame.Chunk(index) + meta->L4, meta->Offset + meta->Length - meta->L4, (int)adjacency->Mtu - 60))
                frame.Add(Count.MssClamped);
            if (AdjacencyTable.KindOf(adjacency) != AdjacencyKind.Neighbor)
            {
                meta->TxInterface = adjacency->Interface;
                if (adjacency->Kind == AdjacencyKind.Tunnel) frame.Enqueue(Edge.Tunnel, index);
                else if (adjacency->Kind == AdjacencyKind.IpTunnel) frame.Enqueue(Edge.IpTunnel, index);
                else if (adjacency->Kind >= AdjacencyKind.Glean) frame.Enqueue(Edge.Resolve, index);
                else frame.Drop(Reason.RouteGone, index);
                continue;
            }
            if (adjacency->LastUsed != seconds) adjacency->LastUsed = seconds;
            PacketTrim.Prepend(meta, EthernetInput.HeaderLength);
            EthernetHeader.Write(frame.Data(index), adjacency);
            meta->TxInterface = adjacency->Interface;
            frame.Enqueue(Edge.Output, index);
        }
    }

    /// <summary>RFC 8200 §5: only the sender fragments. What it had split, and was put together here, is split again as it was. False: the packet went another way.</summary>
    private static bool Fits(ref Frame frame, PacketMeta* meta, uint index, uint mtu)
    {
        var size = meta->FragmentSize;
        meta->FragmentSize = 0;
        if (meta->TotalLength <= mtu && (size == 0 || meta->TotalLength <= size)) return true;
        if (size != 0 && size <= mtu)
        {
            meta->Opaque0 = size;
            meta->Opaque1 = 0;
            frame.Enqueue(Edge.Fragment, index);
            return false;
        }
        frame.AddDrop(Reason.TooBig);
        meta->Opaque0 = IcmpError.PacketTooBig6(mtu);
        frame.Enqueue(Edge.IcmpError, index);
        return false;
    }
}
