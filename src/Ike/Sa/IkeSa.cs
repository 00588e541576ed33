using System.Diagnostics;
using Gateway.Ike.Exchanges;
using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>
/// The life of an IKE SA as a function: from a state and an input to the next state and a list of outputs. It reads no clock, opens no socket and
/// draws its randomness from the context, so the same inputs give the same outputs.
/// </summary>
public sealed class IkeSa(IkeContext context)
{
    /// <summary>Begins an IKE SA as initiator.</summary>
    /// <param name="wanted">The children to set up; none for an IKE SA alone (RFC 6023).</param>
    /// <param name="try">Which try it is (<c>keyingtries</c>).</param>
    /// <param name="replacing">The IKE SA that shall be closed when the new one stands.</param>
    public IkeSaState Initiate(Connection connection, ValueList<ChildName> wanted, int @try, Timestamp now, OutputList outputs, Peering? replacing = null)
    {
        var start = outputs.Count;
        var scope = new Scope(context, now, outputs, Timers(null));
        return Finish(scope, start, IkeSaInit.Initiate(scope, connection, wanted, @try, replacing));
    }

    /// <summary>Answers an IKE_SA_INIT request; null when no state comes of it.</summary>
    public IkeSaState? Accept(IkeInput.Datagram request, OutputList outputs)
    {
        var start = outputs.Count;
        var scope = new Scope(context, request.Now, outputs, Timers(null));
        var state = IkeSaInit.Respond(scope, request);
        return state is null ? null : Finish(scope, start, state);
    }

    /// <summary>Takes one input. The given state is used up: its secrets belong to the returned one.</summary>
    public IkeSaState Step(IkeSaState state, IkeInput input, OutputList outputs)
    {
        var start = outputs.Count;
        var scope = new Scope(context, input.Now, outputs, Timers(state));
        if (input is IkeInput.Timer timer)
        {
            // A timer that was cancelled or moved while it was on its way.
            if (!state.Timers.TryGetValue(timer.Id, out var at) || at > input.Now) return state;
            scope.Elapsed(timer.Id);
        }

        var next = state switch
        {
            IkeSaState.Connecting.Resolving s => Step(scope, s, input),
            IkeSaState.Connecting.InitSent s => Step(scope, s, input),
            IkeSaState.Connecting.AuthSent s => Step(scope, s, input),
            IkeSaState.Connecting.InitAnswered s => Step(scope, s, input),
            IkeSaState.Established s => Step(scope, s, input),
            IkeSaState.Replaced s => Step(scope, s, input),
            IkeSaState.Deleting s => Step(scope, s, input),
            IkeSaState.Gone => state,
            _ => throw new UnreachableException(),
        };
        return Finish(scope, start, next);
    }

    private static IkeSaState Finish(Scope scope, int start, IkeSaState next)
    {
        if (next is IkeSaState.Established established) next = Agenda.Proceed(scope, established);
        if (!ReferenceEquals(next.Timers, scope.Timers)) next = next with { Timers = scope.Timers };
        if (scope.MustStore && next is not IkeSaState.Gone) scope.Add(new IkeOutput.Store(next.Peering.Slot, IkeSaSnapshot.Encode(next)));
        scope.Outputs.Order(start);
        return next;
    }

    private static System.Collections.Immutable.ImmutableDictionary<TimerId, Timestamp> Timers(IkeSaState? state) =>
        state?.Timers ?? System.Collections.Immutable.ImmutableDictionary<TimerId, Timestamp>.Empty;

    private static IkeSaState Step(Scope scope, IkeSaState.Connecting.Resolving state, IkeInput input) => input switch
    {
        IkeInput.Answer.Addresses answer => IkeSaInit.OnAddresses(scope, state, answer.Found),
        IkeInput.Command.InitiateChild command => state with { Wanted = Append(state.Wanted, command.Child) },
        IkeInput.Notice.Acquire notice => state with { Wanted = Append(state.Wanted, notice.Child) },
        IkeInput.Command.TerminateIkeSa or IkeInput.Command.Abandon => Ending.Fail(scope, state.Peering, "terminated", "The set-up was called off."),
        _ => state,
    };

    private static IkeSaState Step(Scope scope, IkeSaState.Connecting.InitSent state, IkeInput input)
    {
        switch (input)
        {
            case IkeInput.Datagram datagram:
                return IkeSaInit.OnResponse(scope, state, datagram);
            case IkeInput.Timer { Id.Kind: TimerKind.Retransmit }:
                if (Requests.SendAgain(scope, state.Peering, state.Request) is { } again) return state with { Request = again };
                state.Exchange.Dispose();
                return TimedOut(scope, state.Peering, null, state.Wanted);
            case IkeInput.Command.InitiateChild command:
                return state with { Wanted = Append(state.Wanted, command.Child) };
            case IkeInput.Notice.Acquire notice:
                return state with { Wanted = Append(state.Wanted, notice.Child) };
            case IkeInput.Command.TerminateIkeSa or IkeInput.Command.Abandon:
                state.Exchange.Dispose();
                return Ending.Fail(scope, state.Peering, "terminated", "The set-up was called off.");
            default:
                return state;
        }
    }

    private static IkeSaState Step(Scope scope, IkeSaState.Connecting.AuthSent state, IkeInput input)
    {
        switch (input)
        {
            case IkeInput.Datagram datagram:
                return Reception.Take(scope, state.Peering, state.Channel, datagram) switch
                {
                    Reception.Response response => AuthInitiator.OnResponse(scope, state with { Channel = response.Channel }, response.Payloads),
                    Reception.BadResponse bad => Ending.Fail(scope, state.Peering, "invalid-answer", bad.Error.Sentence, bad.Channel),
                    Reception.Nothing nothing => state with { Channel = nothing.Channel },
                    // The peer may speak first only when both sides are authenticated.
                    _ => Unexpected(scope, state),
                };
            case IkeInput.Answer.Fetched answer when Questions.Learn(scope, state.Login, answer):
                return AuthInitiator.Resume(scope, state);
            case IkeInput.Timer { Id.Kind: TimerKind.Patience } when state.Login.IsHeld:
                return AuthInitiator.Resume(scope, state);
            case IkeInput.Timer { Id.Kind: TimerKind.Retransmit }:
                return Requests.SendAgain(scope, state.Peering, state.Channel.Request!) is { } again
                    ? state with { Channel = state.Channel with { Request = again } }
                    : TimedOut(scope, state.Peering, state.Channel, Names(state));
            case IkeInput.Command.InitiateChild command:
                return Names(state).Contains(command.Child) ? state : state with { Wanted = Append(state.Wanted, command.Child) };
            case IkeInput.Notice.Acquire notice:
                return Names(state).Contains(notice.Child) ? state : state with { Wanted = Append(state.Wanted, notice.Child) };
            case IkeInput.Command.TerminateIkeSa or IkeInput.Command.Abandon:
                return Ending.Fail(scope, state.Peering, "terminated", "The set-up was called off.", state.Channel);
            default:
                return state;
        }
    }

    private static IkeSaState Step(Scope scope, IkeSaState.Connecting.InitAnswered state, IkeInput input)
    {
        switch (input)
        {
            case IkeInput.Datagram datagram when IkeHeader.TryParse(datagram.Message.Span, out var header, out _) && header.Exchange == ExchangeType.IkeSaInit:
                IkeSaInit.OnRepeated(scope, state, datagram);
                return state;
            case IkeInput.Datagram datagram:
                return Reception.Take(scope, state.Peering, state.Channel, datagram) switch
                {
                    Reception.Request { Exchange: ExchangeType.IkeAuth } request => AuthResponder.OnRequest(scope, state, request, datagram),
                    Reception.BadRequest bad => Ending.Fail(scope, state.Peering, "invalid-request", bad.Error.Sentence, Complain(scope, state.Peering, bad)),
                    Reception.Nothing nothing => state with { Channel = nothing.Channel },
                    _ => Unexpected(scope, state),
                };
            case IkeInput.Answer.Fetched answer when Questions.Learn(scope, state.Login, answer):
                return AuthResponder.Resume(scope, state);
            case IkeInput.Timer { Id.Kind: TimerKind.Patience } when state.Login.IsHeld:
                return AuthResponder.Resume(scope, state);
            case IkeInput.Timer { Id.Kind: TimerKind.HalfOpen }:
                return Ending.Fail(scope, state.Peering, "timeout", "The peer did not go on to IKE_AUTH.", state.Channel);
            case IkeInput.Command.TerminateIkeSa or IkeInput.Command.Abandon:
                return Ending.Fail(scope, state.Peering, "terminated", "The set-up was called off.", state.Channel);
            default:
                return state;
        }
    }

    private static IkeSaState Step(Scope scope, IkeSaState.Established state, IkeInput input) => input switch
    {
        IkeInput.Datagram datagram => OnDatagram(scope, state, datagram),
        IkeInput.Timer timer => OnTimer(scope, state, timer.Id),
        IkeInput.Command command => OnCommand(scope, state, command),
        IkeInput.Notice notice => OnNotice(scope, state, notice),
        IkeInput.Inherit inherit => OnInherit(scope, state, inherit),
        _ => state,
    };

    private static IkeSaState OnDatagram(Scope scope, IkeSaState.Established state, IkeInput.Datagram datagram)
    {
        var reception = Reception.Take(scope, state.Peering, state.Channel, datagram);
        state = state with { Channel = reception.Channel };
        if (reception is not Reception.Nothing) state = Lifecycle.Follow(scope, state, datagram.Remote);
        switch (reception)
        {
            case Reception.Nothing:
                return state;
            case Reception.Request { Exchange: ExchangeType.CreateChildSa } request:
                return CreateChildSa.Respond(scope, state, request.Payloads);
            case Reception.Request { Exchange: ExchangeType.Informational } request:
                return Informational.Respond(scope, state, request.Payloads, datagram);
            case Reception.Request request:
                // RFC 7296 §2.21.3: an exchange that does not belong here is answered, so that the window moves on.
                scope.Drop(IkeDrop.UnexpectedExchange);
                return state with { Channel = Requests.Respond(scope, state.Peering, state.Channel, request.Exchange, NotifyType.InvalidSyntax) };
            case Reception.BadRequest bad:
                state = state with { Channel = Complain(scope, state.Peering, bad) };
                // RFC 7296 §2.21.3: INVALID_SYNTAX about an authenticated message ends the IKE SA on both sides.
                return bad.Error.Notify == NotifyType.InvalidSyntax ? Ending.Close(scope, state, "invalid-syntax") : state;
            case Reception.BadResponse:
                return Ending.Close(scope, state, "invalid-syntax");
            case Reception.Response response:
                return OnResponse(scope, Mobility.Heard(scope, state, datagram), response.Payloads, datagram);
            default:
                throw new UnreachableException();
        }
    }

    private static IkeSaState OnResponse(Scope scope, IkeSaState.Established state, ValueList<Payload> payloads, IkeInput.Datagram datagram) => state.Task switch
    {
        OwnTask.CreatingChild task => CreateChildSa.OnResponse(scope, state, task, payloads),
        OwnTask.RekeyingChild task => RekeyChildSa.OnResponse(scope, state, task, payloads),
        OwnTask.RekeyingIke task => RekeyIkeSa.OnResponse(scope, state, task, payloads),
        OwnTask.ClosingChildren task => Informational.OnChildrenClosed(scope, state, task),
        OwnTask.CheckingLiveness => state with { Task = null },
        OwnTask.UpdatingAddresses task => Mobility.OnResponse(scope, state, task, payloads, datagram),
        null => state,
        _ => throw new UnreachableException(),
    };

    private static IkeSaState OnTimer(Scope scope, IkeSaState.Established state, TimerId timer)
    {
        switch (timer.Kind)
        {
            case TimerKind.Retransmit when state.Channel.Request is { } request:
                if (Requests.SendAgain(scope, state.Peering, request) is not { } again) return PeerIsDead(scope, state);
                Mobility.Probe(scope, state, again);
                return state with { Channel = state.Channel with { Request = again } };
            case TimerKind.IkeRekey:
                return Agenda.Want(state, new Wish.RekeyIke());
            case TimerKind.IkeReauth:
                return Reauthentication.Due(scope, state);
            case TimerKind.IkeExpire:
                return Agenda.WantFirst(state, new Wish.CloseIke("expired"));
            case TimerKind.Liveness:
                return Lifecycle.Liveness(scope, state);
            case TimerKind.Keepalive:
                Lifecycle.Keepalive(scope, state.Peering);
                return state;
            case TimerKind.Retry:
                return Agenda.Retry(state);
            case TimerKind.ChildRekey:
                return Agenda.Want(state, new Wish.RekeyChild(new ChildSaId(timer.Number)));
            case TimerKind.ChildExpire:
                return Agenda.WantFirst(state, new Wish.CloseChild(new ChildSaId(timer.Number), "expired"));
            case TimerKind.Linger when state.AwaitsEstate:
                return Agenda.WantFirst(state, new Wish.CloseIke("redundant"));
            case TimerKind.ChildIdle:
                return Agenda.Find(state, new ChildSaId(timer.Number)) is { Stage: ChildStage.Active } idle && !Lifecycle.WasBusy(scope, state, idle)
                    ? Agenda.Want(state, new Wish.CloseChild(idle.Id, "inactivity"))
                    : state;
            default:
                return state;
        }
    }

    // RFC 7296 §2.4: nobody answers, so the IKE SA and all its children are gone.
    private static IkeSaState.Gone PeerIsDead(Scope scope, IkeSaState.Established state)
    {
        if (state.Task is OwnTask.RekeyingIke { Rival: { } rival } task)
        {
            Ending.Discard(task);
            var replaced = RekeyIkeSa.YieldTo(scope, state with { Task = null }, rival);
            return Ending.Close(scope, replaced.Peering, replaced.Channel, "rekeyed");
        }

        Ending.SetTraps(scope, state, state.Children, c => c.DpdAction);
        var again = Ending.ToRestart(state.Peering.Connection, state.Children, c => c.DpdAction);
        if (again.Count > 0) scope.Add(new IkeOutput.Restart(state.Peering.Connection.Name, again));
        return Ending.Close(scope, state, "dpd-timeout");
    }

    private static IkeSaState OnCommand(Scope scope, IkeSaState.Established state, IkeInput.Command command)
    {
        switch (command)
        {
            case IkeInput.Command.InitiateChild initiate:
                return Agenda.HasOrMakes(state, initiate.Child) ? state : Agenda.Want(state, new Wish.CreateChild(initiate.Child));
            case IkeInput.Command.RekeyIkeSa:
                return state.Task is OwnTask.RekeyingIke ? state : Agenda.Want(state, new Wish.RekeyIke());
            case IkeInput.Command.Reauthenticate:
                return Reauthentication.Due(scope, state);
            case IkeInput.Command.RekeyChild rekey:
                return Named(state, rekey.Child, rekey.Only).Aggregate(state, (s, c) => Agenda.Want(s, new Wish.RekeyChild(c.Id)));
            case IkeInput.Command.TerminateChild terminate:
                if (terminate.Only is null) state = state with { Queue = state.Queue.Where(w => w != new Wish.CreateChild(terminate.Child)).ToValueList() };
                return Named(state, terminate.Child, terminate.Only).Aggregate(state, (s, c) => Agenda.Want(s, new Wish.CloseChild(c.Id, terminate.Reason)));
            case IkeInput.Command.TerminateIkeSa terminate:
                return Agenda.WantFirst(state, new Wish.CloseIke(terminate.Reason));
            case IkeInput.Command.Abandon abandon:
                return Ending.Close(scope, state, abandon.Reason);
            default:
                throw new UnreachableException();
        }
    }

    private static IkeSaState OnNotice(Scope scope, IkeSaState.Established state, IkeInput.Notice notice)
    {
        switch (notice)
        {
            case IkeInput.Notice.Acquire acquire:
                return Agenda.HasOrMakes(state, acquire.Child) ? state : Agenda.Want(state, new Wish.CreateChild(acquire.Child));
            case IkeInput.Notice.Lifetime { Hard: true } end:
                return Agenda.WantFirst(state, new Wish.CloseChild(end.Child, "expired"));
            case IkeInput.Notice.Lifetime near:
                return Agenda.Want(state, new Wish.RekeyChild(near.Child));
            case IkeInput.Notice.LastUsed used:
                return used.At > state.Channel.LastHeard ? state with { Channel = state.Channel with { LastHeard = used.At } } : state;
            case IkeInput.Notice.Carried carried:
                Lifecycle.Carried(scope, state, carried.Child, carried.At);
                return state;
            case IkeInput.Notice.WaysChanged:
                return Mobility.Reconsider(scope, state);
            case IkeInput.Notice.NewAddress moved:
                return Lifecycle.Follow(scope, state, moved.Remote);
            default:
                throw new UnreachableException();
        }
    }

    private static IkeSaState.Established OnInherit(Scope scope, IkeSaState.Established state, IkeInput.Inherit inherit)
    {
        if (inherit.IsPassedOver) return RekeyIkeSa.PassOver(scope, state);
        scope.MustStore = true;
        foreach (var (id, at) in inherit.Estate.Timers) scope.Set(id.Kind, at - scope.Now, id.Number);
        var doomed = state.Doomed;
        state = RekeyIkeSa.Inherit(state, inherit.Estate);
        return state.Children.Where(c => doomed.Contains(c.Parameters.OutboundSpi)).ToList()
            .Aggregate(state, (s, c) => Agenda.Remove(scope, s, c, "deleted-by-peer"));
    }

    private static IkeSaState Step(Scope scope, IkeSaState.Replaced state, IkeInput input)
    {
        switch (input)
        {
            case IkeInput.Datagram datagram:
                switch (Reception.Take(scope, state.Peering, state.Channel, datagram))
                {
                    case Reception.Request { Exchange: ExchangeType.Informational } request:
                        var answered = Requests.Respond(scope, state.Peering, request.Channel, ExchangeType.Informational, []);
                        return Informational.DeletesIke(request.Payloads) ? Ending.Close(scope, state.Peering, answered, "rekeyed") : state with { Channel = answered };
                    // RFC 7296 §2.25.2: what is asked of a replaced IKE SA must be asked of its successor.
                    case Reception.Request request:
                        return state with { Channel = Requests.Respond(scope, state.Peering, request.Channel, request.Exchange, NotifyType.TemporaryFailure) };
                    case Reception.BadRequest bad:
                        return Ending.Close(scope, state.Peering, Complain(scope, state.Peering, bad), "rekeyed");
                    case var other:
                        return state with { Channel = other.Channel };
                }

            case IkeInput.Timer { Id.Kind: TimerKind.Retransmit } when state.Channel.Request is { } request:
                return Requests.SendAgain(scope, state.Peering, request) is { } again
                    ? state with { Channel = state.Channel with { Request = again } }
                    : Ending.Close(scope, state.Peering, state.Channel, "rekeyed");
            // The peer should have deleted it; it is only in the way now.
            case IkeInput.Timer { Id.Kind: TimerKind.Linger }:
                return state.Channel.Request is null
                    ? Informational.SendDeleteIke(scope, state.Peering, state.Channel, "rekeyed")
                    : Ending.Close(scope, state.Peering, state.Channel, "rekeyed");
            case IkeInput.Command.Abandon:
                return Ending.Close(scope, state.Peering, state.Channel, "rekeyed");
            default:
                return state;
        }
    }

    private static IkeSaState Step(Scope scope, IkeSaState.Deleting state, IkeInput input)
    {
        switch (input)
        {
            case IkeInput.Datagram datagram:
                switch (Reception.Take(scope, state.Peering, state.Channel, datagram))
                {
                    case Reception.Response or Reception.BadResponse:
                        return Ending.Close(scope, state, state.Channel);
                    case Reception.Request { Exchange: ExchangeType.Informational } request:
                        // RFC 7296 §2.25.2: when both close the IKE SA, each answers as usual and forgets its own request.
                        var answered = Requests.Respond(scope, state.Peering, request.Channel, ExchangeType.Informational, []);
                        return Informational.DeletesIke(request.Payloads) ? Ending.Close(scope, state, answered) : state with { Channel = answered };
                    case Reception.Request request:
                        return state with { Channel = Requests.Respond(scope, state.Peering, request.Channel, request.Exchange, NotifyType.TemporaryFailure) };
                    case Reception.BadRequest bad:
                        return state with { Channel = Complain(scope, state.Peering, bad) };
                    case var other:
                        return state with { Channel = other.Channel };
                }

            case IkeInput.Timer { Id.Kind: TimerKind.Retransmit } when state.Channel.Request is { } request:
                return Requests.SendAgain(scope, state.Peering, request) is { } again
                    ? state with { Channel = state.Channel with { Request = again } }
                    : Ending.Close(scope, state, state.Channel);
            case IkeInput.Command.Abandon:
                return Ending.Close(scope, state, state.Channel);
            default:
                return state;
        }
    }

    private static IkeSaState.Gone TimedOut(Scope scope, Peering peering, Channel? channel, ValueList<ChildName> wanted)
    {
        var tries = peering.Connection.Spec.Keyingtries;
        // swanctl: keyingtries counts whole retransmission sequences, 0 is for ever.
        if (tries == 0 || peering.Try < tries) scope.Add(new IkeOutput.Restart(peering.Connection.Name, [.. wanted], peering.Try + 1));
        return Ending.Fail(scope, peering, "timeout", "The peer does not answer.", channel);
    }

    // Answers what was authenticated and made no sense; null notifies are for what nobody is told.
    private static Channel Complain(Scope scope, Peering peering, Reception.BadRequest bad) =>
        bad.Error.Notify is { } notify ? Requests.Respond(scope, peering, bad.Channel, bad.Exchange, notify, bad.Error.NotifyData) : bad.Channel;

    private static IkeSaState Unexpected(Scope scope, IkeSaState state)
    {
        scope.Drop(IkeDrop.UnexpectedExchange);
        return state;
    }

    private static IEnumerable<ChildSa> Named(IkeSaState.Established state, ChildName name, ChildSaId? only = null) =>
        state.Children.Where(c => c.Name == name && (only is null || c.Id == only) && c is { Installed: true, Stage: ChildStage.Active });

    private static ValueList<ChildName> Names(IkeSaState.Connecting.AuthSent state) =>
        state.Offer is { } offer ? state.Wanted.Prepend(offer.Child).ToValueList() : state.Wanted;

    private static ValueList<ChildName> Append(ValueList<ChildName> names, ChildName name) => names.Contains(name) ? names : names.Append(name).ToValueList();
}
