using System.Runtime.CompilerServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Sorts IPv6 packets for the gateway itself: neighbor discovery, IKE, ESP, and the rest, to which the security policy applies.</summary>
internal readonly unsafe struct Ip6Local : INode
{
    private enum Edge : ushort
    {
        NeighborDiscovery,
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
        FragmentedDiscovery,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        NodeNames.Ip6Local,
        [
            (Edge.NeighborDiscovery, NodeNames.NdInput),
            (Edge.IkePunt, NodeNames.IkePunt),
            (Edge.EspDecrypt, NodeNames.Esp6Decrypt),
            (Edge.Reassembly, NodeNames.Ip6Reassembly),
            (Edge.SpdInput, NodeNames.Spd6Input),
            (Edge.Deliver, NodeNames.Ip6Deliver),
        ],
        [
            (Reason.OwnSource, "The packet came from outside with one of the gateway's own addresses as source."),
            (Reason.ShortUdp, "A UDP header runs past the packet."),
            (Reason.FragmentedDiscovery, "A neighbor discovery message came in fragments, which is forbidden."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var tables = frame.Tables;
        var spd = Volatile.Read(ref tables.SpdActive);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var ip = frame.Data(index);
            if ((meta->Flags & PacketFlags.Own) == 0 && IsOwn(tables, meta, Wire.U64(ip + 8), Wire.U64(ip + 16)))
            {
                frame.Drop(Reason.OwnSource, index);
                continue;
            }
            if (meta->Protocol == 58 && (meta->Flags & PacketFlags.LaterFragment) == 0)
            {
                var type = meta->L4 < meta->Offset + meta->Length ? frame.Chunk(index)[meta->L4] : 0;
                if (type is >= 133 and <= 137)
                {
                    // RFC 6980 §5.
                    if ((meta->Flags & PacketFlags.Fragment) != 0) frame.Drop(Reason.FragmentedDiscovery, index);
                    else frame.Enqueue(Edge.NeighborDiscovery, index);
                    continue;
                }
            }
            if ((meta->Flags & PacketFlags.Fragment) != 0 && frame.Tables.IpTunnels.Active && meta->Protocol is IpTunnelMaker.Gre or IpTunnelMaker.Ip4InIp or IpTunnelMaker.Ip6InIp)
            {
                meta->Scratch = Reassembly.ForLocal;
                frame.Enqueue(Edge.Reassembly, index);
                continue;
            }
            if (meta->Protocol is 50 or 17)
            {
                if ((meta->Flags & PacketFlags.Fragment) != 0)
                {
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
            // The policy speaks of addresses that are routed; link-local and multicast ones are not.
            var routed = meta->NextHop == AdjacencyTable.Local && Wire.U16(ip + 24) >> 6 != 0xFE80 >> 6;
            if (spd && meta->Vrf == 0 && routed && (meta->Flags & (PacketFlags.Own | PacketFlags.Decrypted)) == 0) frame.Enqueue(Edge.SpdInput, index);
            else frame.Enqueue(Edge.Deliver, index);
        }
    }

    private static bool IsOwn(DataplaneTables tables, PacketMeta* meta, ulong high, ulong low) =>
        high >> 54 == 0xFE80 >> 6
            ? tables.Local.Has6(meta->RxInterface, high, low)
            : tables.Fib6.Lookup(meta->Vrf, high, low) == AdjacencyTable.Local;
}
