using System.Runtime.CompilerServices;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Nodes;

/// <summary>Sends a packet of a new flow to an outside address on to the inside host that the NAT rules name. What it was sent to stays in Opaque0 until its flow begins.</summary>
internal readonly unsafe struct Ip4NatTarget : INode
{
    private enum Edge : ushort
    {
        Lookup,
        IcmpError,
    }

    private enum Reason : ushort
    {
        TtlExpired,
    }

    private enum Count : ushort
    {
        Translated,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Count>(
        NodeNames.Ip4NatTarget,
        [(Edge.Lookup, NodeNames.Ip4Lookup), (Edge.IcmpError, NodeNames.Icmp4Error)],
        [(Reason.TtlExpired, "The packet's time to live ended here.")],
        [(Count.Translated, "Packets of new flows whose destination was translated.")]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var nat = frame.Tables.Flows.Current.Nat;
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            if (FlowPacket.Read(meta, frame.Chunk(index), out var key, out _) != FlowPacketKind.Flow || !nat.TryTarget(key, out var rule, out var vrf, out var address, out var port))
            {
                frame.Enqueue(Edge.Lookup, index);
                continue;
            }
            var ip = frame.Data(index);
            // Before the translation, so that the error quotes what its receiver sent.
            if (ip[8] <= 1)
            {
                frame.AddDrop(Reason.TtlExpired);
                meta->Opaque0 = IcmpError.TtlExceeded4;
                frame.Enqueue(Edge.IcmpError, index);
                continue;
            }
            var hasPorts = key.Protocol is 6 or 17 && port != 0;
            meta->Opaque0 = NatOrigin.Pack(rule, key.DestinationPort, key.Destination);
            FlowPacket.Translate(ip, frame.Chunk(index) + meta->L4, meta->Offset + meta->Length - meta->L4, key, key.WithDestination(address, hasPorts ? port : key.DestinationPort));
            // The host may be in another VRF than the outside address.
            meta->Vrf = vrf;
            frame.Add(Count.Translated);
            frame.Enqueue(Edge.Lookup, index);
        }
    }
}
