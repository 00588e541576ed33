using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// Holds packets to the rules of the interface that they came in by (RxInterface), before they are looked up: those for the gateway itself too, IKE, ESP and neighbor discovery among them.
/// Decrypted packets meet those of the interface that their SA gives them to.
/// </summary>
internal readonly unsafe struct AclInput<TFamily> : INode
    where TFamily : struct, IFilterFamily
{
    private enum Edge : ushort
    {
        Lookup,
        Local,
        IcmpError,
        Target,
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
        TFamily.InputNode,
        [(Edge.Lookup, TFamily.Lookup), (Edge.Local, TFamily.Local), (Edge.IcmpError, TFamily.IcmpError), (Edge.Target, TFamily.Target), (Edge.Reset, TFamily.Reset)],
        [
            (Reason.Denied, "A rule for what comes in by the interface denies the packet, or none permits it."),
            (Reason.Rejected, "A rule for what comes in by the interface rejects the packet; its sender was told."),
            (Reason.Policed, "More came than the policer of the rule that permits it lets pass."),
            (Reason.SourceLimited, "The packet's source sent more than the rule that permits it lets one source send."),
        ]);

    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Process(ref Frame frame)
    {
        var verdicts = stackalloc FilterVerdict[Frame.Size];
        var targets = frame.Tables.Flows.Current.Nat.HasTargets;
        FilterJudge.Judge<TFamily, FilterJudge.Inbound>(ref frame, verdicts);
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
            edges[i] = TFamily.IsForLocal(frame.Data(index)) ? Edge.Local : targets && (frame.Meta(index)->Flags & PacketFlags.FlowNew) != 0 ? Edge.Target : Edge.Lookup;
        }
        frame.Dispatch(edges);
    }

    private static void Reject(ref Frame frame, uint index)
    {
        var meta = frame.Meta(index);
        meta->NextHop = TFamily.Route(frame.Tables, meta, frame.Data(index));
        frame.AddDrop(Reason.Rejected);
        meta->Opaque0 = TFamily.Prohibited;
        frame.Enqueue(meta->Protocol == 6 ? Edge.Reset : Edge.IcmpError, index);
    }
}
