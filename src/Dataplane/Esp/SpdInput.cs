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

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        PolicyKey.Prefetch<TFamily, TAddress>(ref frame, inbound: true);
        var edges = stackalloc Edge[Frame.Size];
        var adjacencies = frame.Tables.Adjacencies;
        var indices = frame.Indices;
        var count = frame.Count;
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            edges[i] = adjacencies[meta->NextHop]->Kind == AdjacencyKind.Local ? Edge.Deliver : Edge.Output;
            if ((meta->Flags & (PacketFlags.Decrypted | PacketFlags.BypassSpd)) != 0) continue;
            var rule = TFamily.Find(ref frame, PolicyKey.Inbound<TFamily, TAddress>(meta, frame.Chunk(index)));
            if (rule == null || rule->Action is not (SpdAction.Protect or SpdAction.Discard)) continue;
            frame.Drop(rule->Action == SpdAction.Protect ? Reason.ClearButProtected : Reason.Discarded, index);
            edges[i] = Frame.Gone<Edge>();
        }
        frame.Dispatch(edges);
    }
}
