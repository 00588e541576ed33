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

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var spd = Volatile.Read(ref frame.Tables.SpdActive);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if ((meta->Flags & PacketFlags.Own) == 0
                && frame.Tables.Fib4.Lookup(meta->Vrf, Wire.U32(frame.Data(index) + 12)) == Tables.AdjacencyTable.Local)
            {
                frame.Drop(Reason.OwnSource, index);
                continue;
            }
            if ((meta->Flags & PacketFlags.Fragment) != 0 && frame.Tables.IpTunnels.Active && meta->Protocol is IpTunnelMaker.Gre or IpTunnelMaker.Ip4InIp or IpTunnelMaker.Ip6InIp)
            {
                meta->Scratch = Reassembly.ForLocal;
                frame.Enqueue(Edge.Reassembly, index);
                continue;
            }
            if (meta->Protocol is 50 or 17)
            {
                // The later fragments do not show their ports, so all fragments of what IKE or ESP may own are put together first.
                if ((meta->Flags & PacketFlags.Fragment) != 0)
                {
                    meta->Scratch = Reassembly.ForLocal;
                    frame.Enqueue(Edge.Reassembly, index);
                    continue;
                }
                if (meta->Protocol == 50)
                {
                    frame.Enqueue(Edge.EspDecrypt, index);
                    continue;
                }
                switch (UdpForUs.Sort(meta, frame.Chunk(index), frame.Context.IkePorts))
                {
                    case UdpForUs.Kind.Short:
                        frame.Drop(Reason.ShortUdp, index);
                        continue;
                    case UdpForUs.Kind.Ike:
                        frame.Enqueue(Edge.IkePunt, index);
                        continue;
                    case UdpForUs.Kind.Esp:
                        frame.Enqueue(Edge.EspDecrypt, index);
                        continue;
                }
            }
            if (spd && meta->Vrf == 0 && (meta->Flags & (PacketFlags.Own | PacketFlags.Decrypted)) == 0) frame.Enqueue(Edge.SpdInput, index);
            else frame.Enqueue(Edge.Deliver, index);
        }
    }
}
