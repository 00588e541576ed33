using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>INFORMATIONAL: deletes, liveness, notifies (RFC 7296 §1.4).</summary>
internal static class Informational
{
    private const int MaxDoomed = 16; // a peer with no more to delete than it made needs one or two

    /// <summary>Asks the peer to delete a CHILD SA, by the SPI of packets to us (RFC 7296 §1.4.1).</summary>
    public static IkeSaState.Established DeleteChild(Scope scope, IkeSaState.Established state, ChildSa child, string reason)
    {
        state = Agenda.Replace(state, child with { Stage = ChildStage.Closing });
        return Agenda.Send(scope, state, new OwnTask.ClosingChildren([child.Id], reason), ExchangeType.Informational,
            [new DeletePayload(SaProtocol.Esp, [child.Parameters.InboundSpi])]);
    }

    public static IkeSaState.Established OnChildrenClosed(Scope scope, IkeSaState.Established state, OwnTask.ClosingChildren task)
    {
        state = state with { Task = null };
        foreach (var id in task.Children.AsSpan())
            if (Agenda.Find(state, id) is { } child) state = Agenda.Remove(scope, state, child, task.Reason);
        return state;
    }

    /// <summary>Ends the IKE SA: its children are gone at once, itself when the peer has answered.</summary>
    public static IkeSaState.Deleting DeleteIke(Scope scope, IkeSaState.Established state, string reason)
    {
        Ending.CloseChildren(scope, state, state.Children, reason);
        Ending.Discard(state.Task);
        return SendDeleteIke(scope, state.Peering, state.Channel, reason);
    }

    public static IkeSaState.Deleting SendDeleteIke(Scope scope, Peering peering, Channel channel, string? reason)
    {
        scope.CancelAll();
        return new IkeSaState.Deleting
        {
            Peering = peering,
            Channel = Requests.Send(scope, peering, channel, ExchangeType.Informational, [DeletePayload.IkeSa]),
            Reason = reason,
        };
    }

    public static IkeSaState Respond(Scope scope, IkeSaState.Established state, ValueList<Payload> request, IkeInput.Datagram datagram)
    {
        var home = state.Peering;
        state = state with { Peering = Mobility.AnswerTo(home, datagram) };
        if (DeletesIke(request)) return OnIkeDeleted(scope, state);
        // RFC 7296 §2.21.2: the initiator could not authenticate us after all.
        if (request.Has(NotifyType.AuthenticationFailed))
        {
            state = Answer(scope, state, []);
            Ending.ReportFailure(scope, state.Peering.Connection.Name, state.Peering.IsInitiator, state.Peering.Remote.Address, state.Peering.RemoteId.ToString(),
                "authentication-failed", "The peer rejected our authentication.");
            return Ending.Close(scope, state, "authentication-failed");
        }

        var ours = new List<Spi>();
        foreach (var delete in request.All<DeletePayload>().Where(d => d.Protocol == SaProtocol.Esp))
            foreach (var spi in delete.Spis.AsSpan()) state = OnChildDeleted(scope, state, spi, ours);

        // RFC 7296 §1.4.1: the answer deletes the other direction. Unknown notifies are ignored (RFC 7296 §3.10.1); an empty request is a question for life.
        List<Payload> answer = ours.Count == 0 ? [] : [new DeletePayload(SaProtocol.Esp, ours.ToValueList())];
        var next = Mobility.Take(scope, home, request, datagram, answer);
        state = Answer(scope, state, answer.ToValueList()) with { Peering = next };
        return next.Local.Equals(home.Local) && next.Remote.Equals(home.Remote) && next.Natt == home.Natt ? state : Lifecycle.MoveTo(scope, state, next);
    }

    public static bool DeletesIke(ValueList<Payload> request) => request.All<DeletePayload>().Any(d => d.Protocol == SaProtocol.Ike);

    private static IkeSaState OnIkeDeleted(Scope scope, IkeSaState.Established state)
    {
        state = Answer(scope, state, []);
        // RFC 7296 §2.25.2: the peer saw our rekeying too late, or has forgotten it; its own replacement stands.
        if (state.Task is OwnTask.RekeyingIke { Rival: { } rival } rekeying)
        {
            Ending.Discard(rekeying);
            var replaced = RekeyIkeSa.YieldTo(scope, state with { Task = null }, rival);
            return Ending.Close(scope, replaced.Peering, replaced.Channel, "rekeyed");
        }

        Ending.SetTraps(scope, state, state.Children, c => c.CloseAction);
        var again = Ending.ToRestart(state.Peering.Connection, state.Children, c => c.CloseAction);
        if (again.Count > 0) scope.Add(new IkeOutput.Restart(state.Peering.Connection.Name, again));
        return Ending.Close(scope, state, "deleted-by-peer");
    }

    private static IkeSaState.Established OnChildDeleted(Scope scope, IkeSaState.Established state, Spi theirs, List<Spi> ours)
    {
        if (state.Children.FirstOrDefault(c => c.Parameters.OutboundSpi == theirs) is not { } child)
            return state.AwaitsEstate ? state with { Doomed = Add(state.Doomed, theirs) } : state with { Task = Doom(state.Task, theirs) };
        // RFC 7296 §1.4.1: when deletes of the same SA cross, the answer does not name it again.
        if (child.Stage != ChildStage.Closing) ours.Add(child.Parameters.InboundSpi);
        var again = child.Stage == ChildStage.Active && state.Peering.Connection.Child(child.Name)?.Spec.CloseAction == LossAction.Start;
        if (child.Stage == ChildStage.Active) Ending.SetTraps(scope, state, [child], c => c.CloseAction);
        state = Agenda.Remove(scope, state, child, child.Stage == ChildStage.Replaced ? "rekeyed" : "deleted-by-peer");
        return again ? Agenda.Want(state, new Wish.CreateChild(child.Name)) : state;
    }

    // The peer may have made a CHILD SA and deleted it before its answer to our request arrived.
    private static OwnTask? Doom(OwnTask? task, Spi theirs) => task switch
    {
        OwnTask.CreatingChild t => t with { Offer = t.Offer with { Doomed = Add(t.Offer.Doomed, theirs) } },
        OwnTask.RekeyingChild t => t with { Offer = t.Offer with { Doomed = Add(t.Offer.Doomed, theirs) } },
        _ => task,
    };

    private static ValueList<Spi> Add(ValueList<Spi> spis, Spi spi) => spis.Count < MaxDoomed ? spis.Append(spi).ToValueList() : spis;

    private static IkeSaState.Established Answer(Scope scope, IkeSaState.Established state, ValueList<Payload> payloads) =>
        state with { Channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.Informational, payloads) };
}
