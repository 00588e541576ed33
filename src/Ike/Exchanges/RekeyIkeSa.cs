using System.Buffers.Binary;
using System.Collections.Immutable;
using Gateway.Crypto.KeyExchange;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>CREATE_CHILD_SA that replaces the IKE SA itself (RFC 7296 §1.3.2, §2.8, §2.18).</summary>
internal static class RekeyIkeSa
{
    /// <summary>How long a replaced IKE SA waits for the peer to delete it.</summary>
    private static readonly TimeSpan _linger = TimeSpan.FromSeconds(60);

    /// <summary>What the initiator needs at most, as a rule, to have the new IKE SA after we have it.</summary>
    private static readonly TimeSpan _headStart = TimeSpan.FromSeconds(1);

    public static IkeSaState.Established Send(Scope scope, IkeSaState.Established state)
    {
        var exchange = KeyExchanges.Create(state.Peering.Proposal!.First(TransformType.KeyExchange) is { } same && IkeSaInit.Offers(state.Peering.Connection.Proposals, (KeyExchangeMethod)same.Id)
            ? (KeyExchangeMethod)same.Id
            : IkeSaInit.FirstMethod(state.Peering.Connection.Proposals), scope.Context.Entropy);
        return SendOffer(scope, state, exchange, 0);
    }

    private static IkeSaState.Established SendOffer(Scope scope, IkeSaState.Established state, IKeyExchange exchange, int retries)
    {
        var spi = scope.NewIkeSpi();
        var proposals = state.Peering.Connection.Proposals.Select(p => p with { Spi = SpiOctets(spi) }).ToValueList();
        var offer = new IkeOffer(spi, scope.Nonce(), exchange, proposals, retries);
        return Agenda.Send(scope, state, new OwnTask.RekeyingIke(offer), ExchangeType.CreateChildSa,
            [new SecurityAssociationPayload(proposals), new NoncePayload(offer.Nonce), new KeyExchangePayload((ushort)exchange.Method, new Octets(exchange.PublicValue.Span))]);
    }

    public static IkeSaState Respond(Scope scope, IkeSaState.Established state, ValueList<Payload> request)
    {
        // RFC 7296 §2.25.2: not while an exchange of ours about a child is under way, nor twice.
        if (state.Task is OwnTask.CreatingChild or OwnTask.RekeyingChild or OwnTask.ClosingChildren or OwnTask.RekeyingIke { Rival: not null })
            return CreateChildSa.Refuse(scope, state, NotifyType.TemporaryFailure);

        var offered = request.Find<SecurityAssociationPayload>()!.Proposals;
        if (ProposalSelector.Choose(state.Peering.Connection.Proposals, offered) is not { } chosen || !IkeSuite.TryFrom(chosen, out var suite) || SpiOf(chosen) is not { IsNone: false } theirSpi)
            return CreateChildSa.Refuse(scope, state, NotifyType.NoProposalChosen);
        if (request.Find<KeyExchangePayload>() is not { } theirs || theirs.Method != (ushort)suite.KeyExchange)
            return CreateChildSa.Refuse(scope, state, NotifyType.InvalidKePayload, IkeSaInit.MethodOctets(suite.KeyExchange));
        if (!KeyExchanges.TryRespond(suite.KeyExchange, theirs.PublicValue.Span, scope.Context.Entropy, out var ours, out var shared))
            return CreateChildSa.Refuse(scope, state, NotifyType.InvalidSyntax);

        using (shared)
        {
            var (theirNonce, nonce) = (request.Find<NoncePayload>()!.Nonce, scope.Nonce());
            var spis = new IkeSpiPair(theirSpi, scope.NewIkeSpi());
            var successor = Make(scope, state, spis, isInitiator: false, chosen, state.Channel.Keys.Rekey(suite, theirNonce.Span, nonce.Span, shared, spis));
            ValueList<Payload> answer =
            [
                new SecurityAssociationPayload([chosen with { Spi = SpiOctets(spis.Responder) }]),
                new NoncePayload(nonce),
                new KeyExchangePayload((ushort)suite.KeyExchange, new Octets(ours.Span)),
            ];
            var channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.CreateChildSa, answer);

            // RFC 7296 §2.8.2: our own request crosses the peer's; who inherits is known when the answer to ours is here.
            if (state.Task is OwnTask.RekeyingIke task)
            {
                Launch(scope, state, successor with { AwaitsEstate = true });
                return state with { Channel = channel, Task = task with { Rival = new IkeRival(successor.Peering.Id, Nonces.Lower(theirNonce, nonce)) } };
            }

            Launch(scope, state, Inherit(successor, Bequeath(scope, state, successor.Peering.Id)));
            return Replaced(scope, state.Peering, channel);
        }
    }

    public static IkeSaState OnResponse(Scope scope, IkeSaState.Established state, OwnTask.RekeyingIke task, ValueList<Payload> answer)
    {
        state = state with { Task = null };
        using var exchange = task.Offer.Exchange;
        if (answer.Notify(NotifyType.InvalidKePayload) is { } wanted && task.Rival is null)
        {
            var method = IkeSaInit.MethodOf(wanted.Data);
            if (task.Offer.Retries < scope.Settings.MaxKeyExchangeRetries && method != exchange.Method && IkeSaInit.Offers(task.Offer.Proposals, method))
                return SendOffer(scope, state, KeyExchanges.Create(method, scope.Context.Entropy), task.Offer.Retries + 1);
        }

        foreach (var notify in answer.All<NotifyPayload>())
            if (notify.IsError) return Refused(scope, state, task, Ending.Word(notify.Notify), $"The peer refused to rekey the IKE SA with {notify.Notify}.");
        if (answer.Find<SecurityAssociationPayload>() is not { } sa || answer.Find<KeyExchangePayload>() is not { } theirs || answer.Find<NoncePayload>()?.Nonce is not { } nonce
            || ProposalSelector.Accept(task.Offer.Proposals, sa.Proposals) is not { } chosen || !IkeSuite.TryFrom(chosen, out var suite) || suite.KeyExchange != exchange.Method
            || SpiOf(chosen) is not { IsNone: false } theirSpi || theirs.Method != (ushort)exchange.Method || !exchange.TryDerive(theirs.PublicValue.Span, out var shared))
            return Refused(scope, state, task, "invalid-answer", "The peer's answer to the rekeying of the IKE SA is not valid.");

        using (shared)
        {
            var spis = new IkeSpiPair(task.Offer.Spi, theirSpi);
            var successor = Make(scope, state, spis, isInitiator: true, chosen, state.Channel.Keys.Rekey(suite, task.Offer.Nonce.Span, nonce.Span, shared, spis));
            // RFC 7296 §2.8.2: whoever made the IKE SA with the lowest nonce closes it, and the other one inherits the children.
            if (task.Rival is { } rival && Nonces.Compare(Nonces.Lower(task.Offer.Nonce, nonce), rival.LowestNonce) < 0)
            {
                CloseRedundant(scope, successor);
                return YieldTo(scope, state, rival);
            }

            Launch(scope, state, Inherit(successor, Bequeath(scope, state, successor.Peering.Id)));
            if (task.Rival is { } loser) scope.Add(new IkeOutput.Handover(loser.IkeSa, new IkeInput.Inherit(scope.Now, state.Peering.Id, Inheritance.None, IsPassedOver: true)));
            // RFC 7296 §2.8: whoever made the new SA deletes the old one.
            scope.Cancel(TimerKind.Liveness);
            return Informational.SendDeleteIke(scope, state.Peering, state.Channel, "rekeyed");
        }
    }

    /// <summary>The IKE SA that the peer's crossing request made takes the children; the peer deletes this one.</summary>
    public static IkeSaState.Replaced YieldTo(Scope scope, IkeSaState.Established state, IkeRival rival)
    {
        scope.Add(new IkeOutput.Handover(rival.IkeSa, new IkeInput.Inherit(scope.Now, state.Peering.Id, Bequeath(scope, state, rival.IkeSa))));
        scope.Fact(new ChildSasInherited(state.Peering.Id, rival.IkeSa));
        return Replaced(scope, state.Peering, state.Channel);
    }

    /// <summary>
    /// The peer's crossing request made this IKE SA in vain. RFC 7296 §2.8.2: the peer deletes it; but where our answer was lost it does not know of it and never will,
    /// so after a while we do.
    /// </summary>
    public static IkeSaState.Established PassOver(Scope scope, IkeSaState.Established state)
    {
        scope.MustStore = true;
        scope.Set(TimerKind.Linger, _linger);
        return state;
    }

    /// <summary>Takes over what a replaced IKE SA left.</summary>
    public static IkeSaState.Established Inherit(IkeSaState.Established state, Inheritance estate) => state with
    {
        Children = state.Children.Concat(estate.Children.Select(c => c with { Parameters = c.Parameters with { IkeSa = state.Peering.Id } })).ToValueList(),
        Queue = state.Queue.Concat(estate.Queue).Distinct().ToValueList(),
        AwaitsEstate = false,
        Doomed = default,
        Timers = state.Timers.SetItems(estate.Timers),
    };

    // What goes on: the children with their timers, and what was to be done with them.
    private static Inheritance Bequeath(Scope scope, IkeSaState.Established state, IkeSaId to)
    {
        var timers = scope.Timers.Where(t => t.Key.Kind is TimerKind.ChildRekey or TimerKind.ChildExpire or TimerKind.ChildIdle).ToImmutableDictionary();
        foreach (var id in timers.Keys) scope.Cancel(id.Kind, id.Number);
        var queue = state.Queue.Concat(state.Deferred).Where(w => w is not (Wish.RekeyIke or Wish.Reauthenticate or Wish.CheckLiveness)).ToValueList();
        return new Inheritance(state.Children, queue, timers);
    }

    private static IkeSaState.Established Make(Scope scope, IkeSaState.Established old, IkeSpiPair spis, bool isInitiator, Proposal chosen, IkeKeys keys)
    {
        var peering = old.Peering with
        {
            Id = scope.Directory.NextIkeSa(),
            Slot = scope.NewHandle(),
            Spis = spis,
            IsInitiator = isInitiator,
            Proposal = chosen with { Spi = default },
            Try = 1,
            Replaces = old.Peering.Id,
        };
        return new IkeSaState.Established
        {
            Peering = peering,
            // RFC 7296 §2.18: message ids begin at zero again.
            Channel = new Channel { Keys = keys, LastHeard = scope.Now },
            Timers = Lifecycle.Timers(scope, peering, scope.Timers.TryGetValue(new TimerId(TimerKind.IkeReauth), out var at) ? at : null).ToImmutableDictionary(t => new TimerId(t.Kind), t => scope.Now + t.After),
        };
    }

    private static void Launch(Scope scope, IkeSaState.Established old, IkeSaState.Established successor)
    {
        // What is still to be done begins by a timer, since nothing else may happen to the new SA for long; the peer may have to make it first.
        if (successor.Queue.Count > 0)
            successor = successor with { Timers = successor.Timers.SetItem(new TimerId(TimerKind.Retry), scope.Now + (successor.Peering.IsInitiator ? TimeSpan.Zero : _headStart)) };
        scope.Add(new IkeOutput.Store(successor.Peering.Slot, IkeSaSnapshot.Encode(successor)));
        scope.Fact(Lifecycle.Established(successor.Peering));
        if (successor.Children.Count > 0) scope.Fact(new ChildSasInherited(old.Peering.Id, successor.Peering.Id));
        scope.Add(new IkeOutput.Successor(successor));
    }

    private static void CloseRedundant(Scope scope, IkeSaState.Established redundant)
    {
        // It never served: no fact tells of it, and it has no timer but that of its delete, which begins with it.
        var own = new Scope(scope.Context, scope.Now, [], ImmutableDictionary<TimerId, Timestamp>.Empty);
        var channel = Requests.Send(own, redundant.Peering, redundant.Channel, ExchangeType.Informational, [DeletePayload.IkeSa]);
        var deleting = new IkeSaState.Deleting { Peering = redundant.Peering, Channel = channel, Reason = null, Timers = own.Timers };
        scope.Add(new IkeOutput.Store(redundant.Peering.Slot, IkeSaSnapshot.Encode(deleting)));
        foreach (var send in own.Outputs.OfType<IkeOutput.Send>()) scope.Add(send);
        scope.Add(new IkeOutput.Successor(deleting));
    }

    private static IkeSaState.Replaced Replaced(Scope scope, Peering peering, Channel channel)
    {
        scope.Cancel(TimerKind.IkeRekey);
        scope.Cancel(TimerKind.IkeReauth);
        scope.Cancel(TimerKind.IkeExpire);
        scope.Cancel(TimerKind.Liveness);
        scope.Cancel(TimerKind.Keepalive);
        scope.Cancel(TimerKind.Retry);
        scope.Set(TimerKind.Linger, _linger);
        scope.MustStore = true;
        return new IkeSaState.Replaced { Peering = peering, Channel = channel };
    }

    private static IkeSaState Refused(Scope scope, IkeSaState.Established state, OwnTask.RekeyingIke task, string reason, string detail)
    {
        // Our request came too late: the peer's own exchange has replaced this IKE SA.
        if (task.Rival is { } rival) return YieldTo(scope, state, rival);
        if (reason != "temporary-failure")
            Ending.ReportFailure(scope, state.Peering.Connection.Name, true, state.Peering.Remote.Address, state.Peering.RemoteId.ToString(), "rekey-" + reason, detail);
        return Agenda.Defer(scope, state, new Wish.RekeyIke());
    }

    private static Octets SpiOctets(IkeSpi spi)
    {
        Span<byte> bytes = stackalloc byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, spi.Value);
        return new Octets(bytes);
    }

    private static IkeSpi? SpiOf(Proposal proposal) => proposal.Spi.Length == 8 ? new IkeSpi(BinaryPrimitives.ReadUInt64BigEndian(proposal.Spi.Span)) : null;
}
