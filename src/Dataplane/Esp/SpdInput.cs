using System.Numerics;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The inbound security policy for packets that arrived in the clear (RFC 4301 §5.2): one that a policy protects must not have done so.
/// IKE and ESP for the gateway itself left before this node; decrypted packets were checked against their SA's selectors by esp-decrypt.
/// </summary>
internal readonly unsafe struct SpdInput<TFamily, TAddress> : INode
    where TFamily : struct, IPolicyFamily<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private enum Edge : ushort
    {
        Output,
        Deliver,
    }

    private enum Reason : ushort
    {
        ClearButProtected,
        Discarded,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of(
        TFamily.InputNode,
        [(Edge.Output, TFamily.OutputNode), (Edge.Deliver, TFamily.Deliver)],
        [
            (Reason.ClearButProtected, "The packet arrived in the clear although a security policy protects such packets."),
            (Reason.Discarded, "A security policy says that such packets are discarded."),
        ]);

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        PolicyKey.Prefetch<TFamily, TAddress>(ref frame, inbound: true);
        var rules = TFamily.Rules(frame.Tables);
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var meta = frame.Meta(index);
            var chunk = frame.Chunk(index);
            var ip = chunk + meta->L3;
            SpdKey<TAddress> key;
            // Inbound: what is local lies in the destination.
            key.Local = TFamily.Destination(ip);
            key.Remote = TFamily.Source(ip);
            key.Protocol = meta->Protocol;
            key.HasPorts = PolicyPorts.TryRead(meta, chunk, out key.RemotePort, out key.LocalPort);
            var rule = (meta->Flags & (PacketFlags.Decrypted | PacketFlags.BypassSpd)) != 0 ? null : rules.Find(key);
            if (rule != null && rule->Action == SpdAction.Protect) frame.Drop(Reason.ClearButProtected, index);
            else if (rule != null && rule->Action == SpdAction.Discard) frame.Drop(Reason.Discarded, index);
            else if (frame.Tables.Adjacencies[meta->NextHop]->Kind == AdjacencyKind.Local) frame.Enqueue(Edge.Deliver, index);
            else frame.Enqueue(Edge.Output, index);
        }
    }
}
