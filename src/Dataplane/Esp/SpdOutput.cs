using System.Numerics;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Esp;

/// <summary>
/// The outbound security policy (RFC 4301 §5.1): forwarded and own packets are protected, let through or discarded. Protected ones go to esp-encrypt with the SA's number
/// in NextHop, since the inner route means nothing any more.
/// </summary>
internal readonly unsafe struct SpdOutput<TFamily, TAddress> : INode
    where TFamily : struct, IPolicyFamily<TAddress>
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private enum Edge : ushort
    {
        Rewrite,
        Encrypt,
        AclOutput,
        FlowOutput,
    }

    private enum Reason : ushort
    {
        Discarded,
        NoSa = HeldPackets.NoSa,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason, Acquire.Count>(
        TFamily.OutputNode,
        [(Edge.Rewrite, TFamily.Rewrite), (Edge.Encrypt, TFamily.Encrypt), (Edge.AclOutput, TFamily.AclOutput), (Edge.FlowOutput, TFamily.FlowOutput)],
        [
            (Reason.Discarded, "A security policy says that such packets are discarded."),
            (Reason.NoSa, "A security policy protects such packets, and no CHILD SA is up for them."),
        ],
        Acquire.Counts);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        PolicyKey.Prefetch<TFamily, TAddress>(ref frame, inbound: false);
        var edges = stackalloc Edge[Frame.Size];
        var filtered = Volatile.Read(ref frame.Tables.Filters.AnyOut);
        var indices = frame.Indices;
        var count = frame.Count;
        for (var i = 0; i < count; i++)
        {
            var index = indices[i];
            var meta = frame.Meta(index);
            if ((meta->Flags & PacketFlags.BypassSpd) != 0)
            {
                edges[i] = Edge.Rewrite;
                continue;
            }
            var key = PolicyKey.Outbound<TFamily, TAddress>(meta, frame.Chunk(index));
            var rule = TFamily.Find(ref frame, key);
            if (rule == null || rule->Action == SpdAction.Bypass)
            {
                edges[i] = Exit(ref frame, meta, filtered, Edge.Rewrite);
                continue;
            }
            if (rule->Action == SpdAction.Protect && Volatile.Read(ref rule->Sa) is var sa && sa != 0)
            {
                edges[i] = Exit(ref frame, meta, filtered, Edge.Encrypt);
                meta->NextHop = sa;
                meta->Flags |= PacketFlags.Protected;
                continue;
            }
            edges[i] = Frame.Gone<Edge>();
            if (rule->Action == SpdAction.Discard) frame.Drop(Reason.Discarded, index);
            else if (!Acquire.Keep(ref frame, rule, key, index)) frame.Drop(Reason.NoSa, index);
        }
        frame.Dispatch(edges);
    }

    /// <summary>Rules of the interface that the route names come first, then the beginning of a flow. NextHop must still be the adjacency.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Edge Exit(ref Frame frame, PacketMeta* meta, bool filtered, Edge otherwise)
    {
        if (filtered && FilterExit.Leads(frame.Tables, meta, TFamily.AclFlag)) return Edge.AclOutput;
        if ((meta->Flags & PacketFlags.FlowNew) == 0) return otherwise;
        meta->TxInterface = frame.Tables.Adjacencies[meta->NextHop]->Interface;
        return Edge.FlowOutput;
    }
}
