using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// Holds forwarded packets to the rules of the interface that their route names (TxInterface), when the security policy has spoken: before encryption, fragmentation and rewrite.
/// NextHop is the adjacency; of a packet that is to be protected (<see cref="PacketFlags.Protected"/>) the number of its SA.
/// </summary>
internal readonly unsafe struct AclOutput<TFamily> : INode
    where TFamily : struct, IFilterFamily
{
    private enum Edge : ushort
    {
        Rewrite,
        Encrypt,
        IcmpError,
        FlowOutput,
        Reset,
    }

    private enum Reason : ushort
    {
        Denied,
        Rejected,
        Policed,
        SourceLimited,
    }

    public static NodeInfo Info { get; } = NodeInfo.Of<Edge, Reason>(
        TFamily.OutputNode,
        [(Edge.Rewrite, TFamily.Rewrite), (Edge.Encrypt, TFamily.Encrypt), (Edge.IcmpError, TFamily.IcmpError), (Edge.FlowOutput, TFamily.FlowOutput), (Edge.Reset, TFamily.Reset)],
        [
            (Reason.Denied, "A rule for what leaves by the interface denies the packet, or none permits it."),
            (Reason.Rejected, "A rule for what leaves by the interface rejects the packet; its sender was told."),
            (Reason.Policed, "More came than the policer of the rule that permits it lets pass."),
            (Reason.SourceLimited, "The packet's source sent more than the rule that permits it lets one source send."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var verdicts = stackalloc FilterVerdict[Frame.Size];
        FilterJudge.Judge<TFamily, FilterJudge.Outbound>(ref frame, verdicts);
        var edges = stackalloc Edge[Frame.Size];
        for (var i = 0; i < frame.Count; i++)
        {
            var index = frame.Indices[i];
            var action = verdicts[i].Action;
            if (action > FilterAction.Reflect)
            {
                edges[i] = Frame.Gone<Edge>();
                if (action == FilterAction.Deny) frame.Drop(Reason.Denied, index);
                else if (action == FilterAction.Exceeded) frame.Drop(Reason.Policed, index);
                else if (action == FilterAction.Limited) frame.Drop(Reason.SourceLimited, index);
                else Reject(ref frame, index);
                continue;
            }
            var flags = frame.Meta(index)->Flags;
            edges[i] = (flags & PacketFlags.FlowNew) != 0 ? Edge.FlowOutput : (flags & PacketFlags.Protected) != 0 ? Edge.Encrypt : Edge.Rewrite;
        }
        frame.Dispatch(edges);
    }

    private static void Reject(ref Frame frame, uint index)
    {
        var meta = frame.Meta(index);
        // The error must not take the number of an SA for that of an adjacency.
        if ((meta->Flags & PacketFlags.Protected) != 0) meta->NextHop = AdjacencyTable.NoRoute;
        frame.AddDrop(Reason.Rejected);
        meta->Opaque0 = TFamily.Prohibited;
        frame.Enqueue(meta->Protocol == 6 ? Edge.Reset : Edge.IcmpError, index);
    }
}
