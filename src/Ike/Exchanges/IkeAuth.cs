using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>IKE_AUTH: both sides prove who they are and make the first CHILD SA (RFC 7296 §1.2, §2.15).</summary>
internal static class IkeAuth
{
    /// <summary>The initiator's request.</summary>
    public static IkeSaState Send(Scope scope, Peering peering, Channel channel, InitTranscript init, ValueList<ChildName> wanted)
    {
        var connection = peering.Connection;
        var expected = connection.Remote[0].Id;
        // With a pattern for the peer's identity, the key is looked up by its address.
        var other = expected.IsPattern ? Identity.Of(peering.Remote.Address) : expected;
        var step = Authenticators.For(connection.Local[0].Method).Prove(new Proof(scope, channel.Keys, init, true, peering.LocalId, other));
        if (step is not AuthenticationStep.Done done)
            return Ending.Fail(scope, peering, "authentication-failed", ((AuthenticationStep.Failed)step).Detail, channel);

        var payloads = new List<Payload> { peering.LocalId.ToInitiatorPayload() };
        // RFC 7296 §2.4: the only IKE SA between these identities; the peer may forget others.
        if (connection.Spec.Unique != UniquePolicy.Never && !scope.Directory.HasOther(peering.LocalId, expected, peering.Id))
            payloads.Add(new NotifyPayload(NotifyType.InitialContact));
        if (!expected.IsPattern) payloads.Add(expected.ToResponderPayload());
        payloads.AddRange(done.Payloads);

        var first = wanted.Count > 0 ? connection.Child(wanted[0]) : null;
        var offer = first is null ? null : ChildNegotiation.Offer(scope, peering, first, init.InitiatorNonce, inAuth: true);
        payloads.AddRange(Mobility.Announce(peering));
        if (offer is not null) payloads.AddRange(Configuration.Request(peering));
        if (offer is not null) payloads.AddRange(ChildNegotiation.Payloads(peering, offer, inAuth: true));

        return new IkeSaState.Connecting.AuthSent
        {
            Peering = peering,
            Channel = Requests.Send(scope, peering, channel, ExchangeType.IkeAuth, payloads.ToValueList()),
            Init = init,
            Offer = offer,
            Wanted = wanted.Skip(1).ToValueList(),
        };
    }

    /// <summary>The responder's part.</summary>
    public static IkeSaState Respond(Scope scope, IkeSaState.Connecting.InitAnswered state, Reception.Request request, IkeInput.Datagram datagram)
    {
        var payloads = request.Payloads;
        // RFC 7296 §2.23: the initiator may have moved to port 4500 in between.
        var peering = state.Peering with { Local = datagram.Local, Remote = datagram.Remote, Natt = datagram.Natt };
        state = state with { Peering = peering, Channel = request.Channel };
        if (payloads.Find<IdInitiatorPayload>() is not { } idi) return Reject(scope, state, NotifyType.InvalidSyntax, "The peer sent no identity.");
        var theirs = Identity.Of(idi);
        var asked = payloads.Find<IdResponderPayload>() is { } idr ? Identity.Of(idr) : Identity.Any;
        peering = peering with { RemoteId = theirs };
        if (ChooseConnection(scope, peering, theirs, asked) is not { } connection)
            return Reject(scope, state with { Peering = peering }, NotifyType.AuthenticationFailed, $"No connection takes the peer as {theirs}{(asked.IsAny ? "" : $" and us as {asked}")}.");

        peering = peering with { Connection = connection, LocalId = IkeSaInit.OwnId(connection, peering.Local.Address) };
        state = state with { Peering = peering };
        var verified = Authenticators.For(connection.Remote[0].Method)
            .Verify(new Proof(scope, request.Channel.Keys, state.Init, true, theirs, peering.LocalId), payloads);
        if (verified is AuthenticationStep.Failed no) return Reject(scope, state, NotifyType.AuthenticationFailed, no.Detail);
        if (connection.Spec.Unique == UniquePolicy.Keep && scope.Directory.HasOther(peering.LocalId, theirs, peering.Id))
            return Reject(scope, state, NotifyType.AuthenticationFailed, $"An IKE SA with {theirs} is up and is kept.");
        var proved = Authenticators.For(connection.Local[0].Method).Prove(new Proof(scope, request.Channel.Keys, state.Init, false, peering.LocalId, theirs));
        if (proved is not AuthenticationStep.Done done)
            return Reject(scope, state, NotifyType.AuthenticationFailed, ((AuthenticationStep.Failed)proved).Detail);

        return Establish(scope, state, request, done.Payloads);
    }

    private static IkeSaState.Established Establish(Scope scope, IkeSaState.Connecting.InitAnswered state, Reception.Request request, ValueList<Payload> proof)
    {
        var peering = state.Peering;
        scope.Cancel(TimerKind.HalfOpen);
        Lifecycle.Begin(scope, peering);
        Uniqueness(scope, peering, request.Payloads.Has(NotifyType.InitialContact));

        var answer = new List<Payload> { peering.LocalId.ToResponderPayload() };
        answer.AddRange(proof);
        ValueList<ChildSa> children = [];
        // RFC 7296 §2.19: without the address that it must have the peer gets no CHILD SA.
        var configured = Configuration.Respond(scope, peering, request.Payloads, answer);
        peering = Mobility.Learn(configured ?? peering, request.Payloads);
        if (peering.Mobike) answer.AddRange(Mobility.Announce(peering));
        answer.AddRange(Lifecycle.AuthLifetime(peering.Connection));
        // RFC 6023: without SA and selectors the IKE SA comes up alone.
        if (configured is not null && request.Payloads.Find<SecurityAssociationPayload>() is not null)
        {
            var result = ChildNegotiation.Respond(
                scope, peering, request.Channel.Keys, request.Payloads, state.Init.InitiatorNonce, state.Init.ResponderNonce, inAuth: true);
            switch (result)
            {
                case ChildNegotiation.Result.Agreed agreed:
                    var child = ChildNegotiation.Install(scope, agreed);
                    ChildNegotiation.StartLife(scope, peering.Connection.Child(child.Name)!, child);
                    children = [child];
                    answer.AddRange(agreed.Payloads);
                    break;
                case ChildNegotiation.Result.Refused refused:
                    // RFC 7296 §1.2: a child that fails leaves the IKE SA standing.
                    answer.Add(new NotifyPayload(refused.Notify, refused.Data));
                    scope.Fact(new ChildSaFailed(peering.Id, peering.Connection.Name, refused.Child, Ending.Word(refused.Notify), refused.Detail));
                    break;
                default:
                    throw new System.Diagnostics.UnreachableException();
            }
        }

        return new IkeSaState.Established
        {
            Peering = peering,
            Channel = Requests.Respond(scope, peering, request.Channel, ExchangeType.IkeAuth, answer.ToValueList()),
            Children = children,
        };
    }

    /// <summary>The initiator takes the response.</summary>
    public static IkeSaState OnResponse(Scope scope, IkeSaState.Connecting.AuthSent state, Reception.Response response)
    {
        var peering = state.Peering;
        var payloads = response.Payloads;
        state = state with { Channel = response.Channel };
        if (payloads.Find<IdResponderPayload>() is not { } idr || payloads.Find<AuthenticationPayload>() is null)
        {
            var error = payloads.All<NotifyPayload>().FirstOrDefault(n => n.IsError)?.Notify;
            state.Offer?.Exchange?.Dispose();
            return Ending.Fail(scope, peering, error is { } e ? Ending.Word(e) : "invalid-answer", $"The peer answered IKE_AUTH with {error?.ToString() ?? "no identity or proof"}.", state.Channel);
        }

        var theirs = Identity.Of(idr);
        peering = peering with { RemoteId = theirs };
        if (peering.Connection.Remote[0].Id.Match(theirs) == 0) return GiveUp(scope, state, peering, $"the peer is {theirs}, expected is {peering.Connection.Remote[0].Id}");
        var verified = Authenticators.For(peering.Connection.Remote[0].Method).Verify(new Proof(scope, state.Channel.Keys, state.Init, false, theirs, peering.LocalId), payloads);
        if (verified is AuthenticationStep.Failed failed) return GiveUp(scope, state, peering, failed.Detail);

        Lifecycle.Begin(scope, peering);
        Uniqueness(scope, peering, initialContact: false);
        peering = Configuration.Conclude(scope, Mobility.Learn(peering, payloads), payloads);
        Lifecycle.OnAuthLifetime(scope, payloads);
        Reauthentication.Made(scope, peering);
        var established = new IkeSaState.Established { Peering = peering, Channel = state.Channel };
        if (state.Offer is { } offer)
        {
            var result = ChildNegotiation.Conclude(scope, peering, state.Channel.Keys, offer, payloads, state.Init.InitiatorNonce, state.Init.ResponderNonce);
            established = CreateChildSa.Concluded(scope, established, offer, result);
        }

        return state.Wanted.Aggregate(established, (s, name) => Agenda.Want(s, new Wish.CreateChild(name)));
    }

    // RFC 7296 §2.21.2: the responder believes that all is well, and must be told that it is not.
    private static IkeSaState.Deleting GiveUp(Scope scope, IkeSaState.Connecting.AuthSent state, Peering peering, string detail)
    {
        state.Offer?.Exchange?.Dispose();
        Ending.ReportFailure(scope, peering.Connection.Name, true, peering.Remote.Address, peering.RemoteId.ToString(), "authentication-failed", detail);
        return new IkeSaState.Deleting
        {
            Peering = peering,
            Channel = Requests.Send(scope, peering, state.Channel, ExchangeType.Informational, [new NotifyPayload(NotifyType.AuthenticationFailed)]),
            Reason = null,
        };
    }

    // RFC 7296 §2.21.2: the peer learns that it failed, not why.
    private static IkeSaState.Gone Reject(Scope scope, IkeSaState.Connecting.InitAnswered state, NotifyType notify, string detail)
    {
        var channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.IkeAuth, notify);
        return Ending.Fail(scope, state.Peering, Ending.Word(notify), detail, channel);
    }

    // By the addresses first, then by who the peer says it is and whom it wants to reach; the identities weigh most.
    private static Connection? ChooseConnection(Scope scope, Peering peering, Identity theirs, Identity asked)
    {
        Connection? best = null;
        var bestScore = 0;
        foreach (var candidate in scope.Directory.Between(peering.Local.Address, peering.Remote.Address))
        {
            if (ProposalSelector.Choose(candidate.Proposals, [peering.Proposal!]) is null) continue;
            var remote = candidate.Remote[0].Id.Match(theirs);
            var local = asked.IsAny ? 1 : IkeSaInit.OwnId(candidate, peering.Local.Address).Match(asked);
            var score = remote == 0 || local == 0 ? 0 : (remote * 100) + local;
            if (score > bestScore) (best, bestScore) = (candidate, score);
        }

        return best;
    }

    private static void Uniqueness(Scope scope, Peering peering, bool initialContact)
    {
        // RFC 7296 §2.4: INITIAL_CONTACT says that the peer has no other IKE SA with us.
        var unique = peering.Connection.Spec.Unique;
        if (initialContact && unique != UniquePolicy.Never) scope.Add(new IkeOutput.Supersede(peering.Id, peering.LocalId, peering.RemoteId, Silently: true));
        else if (unique == UniquePolicy.Replace) scope.Add(new IkeOutput.Supersede(peering.Id, peering.LocalId, peering.RemoteId, Silently: false));
    }
}
