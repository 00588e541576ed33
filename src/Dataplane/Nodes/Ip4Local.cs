using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Sorts IPv4 packets for the gateway's own addresses: IKE, ESP, and the rest, to which the security policy applies.</summary>
internal readonly unsafe struct Ip4Local : INode
{
    private enum Edge : ushort
    {
        IkePunt,
        EspDecrypt,
        Reassembly,
        SpdInput,
        Deliver,
    }

    private enum Reason : ushort
    {
        OwnSource,
        ShortUdp,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.Ip4Local,
        [
            (Edge.IkePunt, NodeNames.IkePunt),
            (Edge.EspDecrypt, NodeNames.Esp4Decrypt),
            (Edge.Reassembly, NodeNames.Ip4Reassembly),
            (Edge.SpdInput, NodeNames.Spd4Input),
            (Edge.Deliver, NodeNames.Ip4Deliver),
        ],
        [
            (Reason.OwnSource, "The packet came from outside with one of the gateway's own addresses as source."),
            (Reason.ShortUdp, "A UDP header runs past the packet."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var spd = Volatile.Read(ref frame.Tables.SpdActive);
        var edges = stackalloc Edge[Frame.Size];
        var fib = frame.Tables.Fib4;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var source = Wire.U32(frame.Data(index) + 12);
            if ((meta->Flags & PacketFlags.Own) == 0 && fib.MayBeLocal(source) && fib.Lookup(meta->Vrf, source) == Tables.AdjacencyTable.Local)
            {
                edges[i] = Frame.Gone<Edge>();
                frame.Drop(Reason.OwnSource, index);
                continue;
            }
            edges[i] = spd && meta->Vrf == 0 && (meta->Flags & (PacketFlags.Own | PacketFlags.Decrypted)) == 0 ? Edge.SpdInput : Edge.Deliver;
            var isTunnel = meta->Protocol is IpTunnelMaker.Gre or IpTunnelMaker.Ip4InIp or IpTunnelMaker.Ip6InIp && frame.Tables.IpTunnels.Active;
            if (!isTunnel && meta->Protocol is not (50 or 17)) continue;
            // Later fragments do not show their ports, so all fragments of what IKE, ESP or a tunnel may own are put together first.
            if ((meta->Flags & PacketFlags.Fragment) != 0)
            {
                meta->Scratch = Reassembly.ForLocal;
                edges[i] = Edge.Reassembly;
                continue;
            }
            if (meta->Protocol == 50) edges[i] = Edge.EspDecrypt;
            if (meta->Protocol != 17) continue;
            switch (UdpForUs.Sort(meta, frame.Chunk(index), frame.Context.IkePorts))
            {
                case UdpForUs.Kind.Short:
                    edges[i] = Frame.Gone<Edge>();
                    frame.Drop(Reason.ShortUdp, index);
                    break;
                case UdpForUs.Kind.Ike:
                    edges[i] = Edge.IkePunt;
                    break;
                case UdpForUs.Kind.Esp:
                    edges[i] = Edge.EspDecrypt;
                    break;
            }
        }
        frame.Dispatch(edges);
    }
}
