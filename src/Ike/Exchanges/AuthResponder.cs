using Gateway.Ike.Eap;
using Gateway.Ike.Extensions;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>The responder's side of IKE_AUTH: judges one request after the other until both sides have gone through all their rounds.</summary>
internal static class AuthResponder
{
    // Each costs the work of judging a proof.
    private const int MaxOthers = 7;

    /// <summary>Takes a request.</summary>
    public static IkeSaState OnRequest(Scope scope, IkeSaState.Connecting.InitAnswered state, Reception.Request request, IkeInput.Datagram datagram)
    {
        // The peer repeats a request whose judgement waits for an answer.
        if (state.Login.IsHeld)
        {
            scope.Drop(IkeDrop.Retransmission);
            return state with { Channel = request.Channel };
        }

        // RFC 7296 §2.23: the initiator may have moved to port 4500 in between.
        state = state with { Peering = state.Peering with { Local = datagram.Local, Remote = datagram.Remote, Natt = datagram.Natt }, Channel = request.Channel };
        return Take(scope, state, request.Payloads);
    }

    /// <summary>The answer to a question is here, or is not to be waited for any more.</summary>
    public static IkeSaState Resume(Scope scope, IkeSaState.Connecting.InitAnswered state)
    {
        var held = state.Login.Held;
        return Take(scope, state with { Login = Questions.Settle(scope, state.Login) }, held);
    }

    private static IkeSaState Take(Scope scope, IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads)
    {
        var answer = new List<Payload>();
        var auth = payloads.Find<AuthenticationPayload>();
        if (payloads.Find<IdInitiatorPayload>() is { } idi && Identify(scope, ref state, payloads, Identity.Of(idi), auth) is { } stranger) return Reject(scope, state, stranger);
        if (state.Login.TheirId.IsAny) return Reject(scope, state, "The peer sent no identity.", NotifyType.InvalidSyntax);
        if (payloads.Find<EapPayload>() is { } packet)
        {
            if (state.Login.Eap is not { } talk || state.Login.AwaitsEapProof) return Reject(scope, state, "the peer sends EAP at the wrong time");
            if (OnEap(scope, ref state, payloads, answer, c => EapServer.Take(c, talk, packet)) is { } other) return other;
        }
        else if (auth is not null)
        {
            switch (state.Login.AwaitsEapProof ? VerifyEap(scope, ref state, payloads, auth, answer) : VerifyFitting(scope, ref state, payloads, auth, answer))
            {
                case AuthenticationStep.Failed failed: return Reject(scope, state, failed.Detail);
                case AuthenticationStep.Asks asks: return state with { Login = Questions.Ask(scope, state.Peering, state.Login, payloads, asks.Lookup, asks.Chain) };
            }
        }
        else if (payloads.Find<IdInitiatorPayload>() is not null)
        {
            if (Round(state) is not { Method: AuthenticationMethod.Eap }) return Reject(scope, state, "the peer sent no AUTH payload, and EAP is not configured for it");
            if (OnEap(scope, ref state, payloads, answer, EapServer.Begin) is { } other) return other;
        }
        else if (state.Login.TheyGoOn)
        {
            return Reject(scope, state, "the peer does not prove itself");
        }

        return Answer(scope, state, answer);
    }

    // Our own part of the response, and the end when both sides are through.
    private static IkeSaState Answer(Scope scope, IkeSaState.Connecting.InitAnswered state, List<Payload> answer)
    {
        if (ProveOwn(scope, ref state, answer) is { } fault) return Reject(scope, state, fault);
        var (peering, login) = (state.Peering, state.Login);
        if (!login.TheyGoOn && login.TheirRounds < peering.Connection.Remote.Count) return Reject(scope, state, "the peer has fewer authentication rounds than are configured");
        if (login.TheyGoOn && login.Eap is null && login.TheirRounds >= peering.Connection.Remote.Count) return Reject(scope, state, "the peer has more authentication rounds than are configured");
        if (login.TheyGoOn || login.OwnRounds < peering.Connection.Local.Count)
            return state with { Channel = Requests.Respond(scope, peering, state.Channel, ExchangeType.IkeAuth, answer.ToValueList()) };
        if (peering.Connection.Spec.Childless == ChildlessPolicy.Never && login.First.Find<SecurityAssociationPayload>() is null)
            return Reject(scope, state, "The peer asks for an IKE SA without a child, which the connection does not take.", NotifyType.InvalidSyntax);
        if (peering.Connection.Spec.Unique == UniquePolicy.Keep && scope.Directory.HasOther(peering.LocalId, peering.RemoteId, peering.Id))
            return Reject(scope, state, $"An IKE SA with {peering.RemoteId} is up and is kept.");
        return IkeAuth.Establish(scope, state, answer);
    }

    // Who the peer is in a round; the first time also which connection it is.
    private static string? Identify(Scope scope, ref IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, Identity theirs, AuthenticationPayload? auth)
    {
        var login = state.Login;
        if (login.Eap is not null || !login.TheyGoOn) return "the peer tells an identity at the wrong time";
        if (login.TheirRounds == 0)
        {
            var peering = state.Peering with { RemoteId = theirs };
            state = state with { Peering = peering };
            var asked = Asked(payloads);
            if (Fitting(scope, peering, theirs, asked, auth).FirstOrDefault() is not { } connection) return $"No connection takes the peer as {theirs}{(asked.IsAny ? "" : $" and us as {asked}")}.";
            var wanted = CertificatePayloads.Asked(payloads);
            peering = As(scope, peering, connection) with { MultipleAuth = payloads.Has(NotifyType.MultipleAuthSupported) };
            login = login with
            {
                CertificateAsked = wanted.Asked,
                Authorities = wanted.Authorities,
                EapOnly = payloads.Has(NotifyType.EapOnlyAuthentication),
                First = payloads.Where(p => p is SecurityAssociationPayload or TrafficSelectorPayload or ConfigurationPayload or NotifyPayload).ToValueList(),
            };
            state = state with { Peering = peering };
        }

        var rounds = state.Peering.Connection.Remote;
        if (login.TheirRounds >= rounds.Count) return "the peer has more authentication rounds than are configured";
        if (rounds[login.TheirRounds].Id.Match(theirs) == 0) return $"the peer is {theirs}, expected is {rounds[login.TheirRounds].Id}";
        state = state with { Login = login with { TheirId = theirs } };
        return null;
    }

    // What a connection demands beside the identity, such as an authority, shows with the proof only: then another one that fits counts, as in strongSwan.
    private static AuthenticationStep VerifyFitting(
        Scope scope, ref IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, AuthenticationPayload auth, List<Payload> answer)
    {
        var first = state;
        var step = Verify(scope, ref state, payloads, auth, answer);
        if (step is not AuthenticationStep.Failed || first.Login.TheirRounds > 0 || payloads.Find<IdInitiatorPayload>() is null) return step;
        foreach (var other in Fitting(scope, first.Peering, first.Login.TheirId, Asked(payloads), auth).Where(c => c != first.Peering.Connection).Take(MaxOthers))
        {
            var retry = first with { Peering = As(scope, first.Peering, other) };
            answer.Clear();
            if (other.Remote[0].Method != first.Peering.Connection.Remote[0].Method || Verify(scope, ref retry, payloads, auth, answer) is not { } better || better is AuthenticationStep.Failed) continue;
            state = retry;
            return better;
        }

        answer.Clear();
        return step;
    }

    private static AuthenticationStep Verify(
        Scope scope, ref IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, AuthenticationPayload auth, List<Payload> answer)
    {
        var (peering, login) = (state.Peering, state.Login);
        var round = Round(state);
        if (round is null || payloads.Find<IdInitiatorPayload>() is null) return new AuthenticationStep.Failed("the peer proves itself at the wrong time");
        if (round.Method == AuthenticationMethod.Eap) return new AuthenticationStep.Failed("the peer must prove itself by EAP");
        if (MixPpk(scope, state, payloads, ref auth, answer, out var mixed, out var ppkId) is { } fault) return new AuthenticationStep.Failed(fault);
        var proof = new Proof(scope, peering, mixed ?? state.Channel.Keys, state.Init, true, login.TheirId, peering.LocalId, round) { Asked = login.Asked };
        var step = Authenticators.For(round.Method).Verify(proof, payloads, auth);
        if (step is not AuthenticationStep.Done done)
        {
            mixed?.Dispose();
            return step;
        }

        if (mixed is not null) state = TakeMixed(state, mixed, ppkId);
        peering = state.Peering;
        state = state with
        {
            Peering = peering with { Authentication = peering.Authentication with { Certificate = done.Peer ?? peering.Authentication.Certificate } },
            Login = RoundOver(login, done.Method, payloads),
        };
        return step;
    }

    // RFC 7296 §2.16: after EAP both sides prove with what it left.
    private static AuthenticationStep VerifyEap(
        Scope scope, ref IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, AuthenticationPayload auth, List<Payload> answer)
    {
        var (peering, login) = (state.Peering, state.Login);
        var talk = login.Eap!;
        var key = ((EapStage.Succeeded)talk.Stage).Key;
        if (MixPpk(scope, state, payloads, ref auth, answer, out var mixed, out var ppkId) is { } fault) return new AuthenticationStep.Failed(fault);
        if (mixed is not null) state = TakeMixed(state, mixed, ppkId);
        var keys = state.Channel.Keys;
        var round = Round(state)!;
        var theirs = new Proof(scope, peering, keys, state.Init, true, login.TheirId, peering.LocalId, round);
        using var shared = KeyedProof.OfEap(theirs, key);
        if (!KeyedProof.IsRight(theirs, shared, auth)) return new AuthenticationStep.Failed("the peer's proof after EAP is wrong");
        var ours = new Proof(scope, peering, keys, state.Init, false, peering.LocalId, login.TheirId, round);
        using var own = KeyedProof.OfEap(ours, key);
        answer.Add(KeyedProof.Make(ours, own));
        var method = EapMethods.Word(talk.Method);
        talk.Release();
        var next = RoundOver(login with { Eap = null, AwaitsEapProof = false }, method, payloads);
        // RFC 5998: where EAP is all that we prove ourselves with, this was it.
        if (login.OwnRounds == 0 && peering.Connection.Local[0].Method == AuthenticationMethod.Eap)
            next = next with { OwnRounds = 1, OwnMethods = [method] };
        state = state with { Login = next, Peering = state.Peering with { Authentication = state.Peering.Authentication with { EapId = talk.Identity?.ToString() } } };
        return new AuthenticationStep.Done(method);
    }

    private static Login RoundOver(Login login, string method, ValueList<Payload> payloads) => login with
    {
        TheirRounds = login.TheirRounds + 1,
        TheirMethods = login.TheirMethods.Append(method).ToValueList(),
        // RFC 4739 §3.1: the peer says when it is not through.
        TheyGoOn = payloads.Has(NotifyType.AnotherAuthFollows),
        Asked = default,
    };

    // The state to return when the conversation is not simply gone on with.
    private static IkeSaState? OnEap(Scope scope, ref IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, List<Payload> answer, Func<EapContext, EapOutcome> take)
    {
        var (peering, login) = (state.Peering, state.Login);
        switch (take(new EapContext(scope, Round(state)!, peering.LocalId, login.TheirId, peering.Connection.Local[0].Certs, login.Asked)))
        {
            case EapOutcome.Going going:
                answer.Add(going.Packet);
                state = state with { Login = login with { Eap = going.Talk, Asked = default } };
                return null;
            case EapOutcome.Success success:
                answer.Add(success.Packet!);
                state = state with { Login = login with { Eap = success.Talk, AwaitsEapProof = true, Asked = default } };
                return null;
            case EapOutcome.Asks asks:
                return state with { Login = Questions.Ask(scope, peering, login with { Eap = asks.Talk }, payloads, asks.Lookup, asks.Chain) };
            case var outcome:
                // RFC 7296 §2.16: the peer gets the EAP failure, and the IKE SA is over.
                var failure = (EapOutcome.Failure)outcome;
                state = state with { Login = login with { Eap = null } };
                var channel = Requests.Respond(scope, peering, state.Channel, ExchangeType.IkeAuth, failure.Packet is { } last ? [last] : [new NotifyPayload(NotifyType.AuthenticationFailed)]);
                return Ending.Fail(scope, peering, "authentication-failed", failure.Reason, channel);
        }
    }

    // Our identity goes with the first response, our proof too unless EAP is to do it; further rounds follow one by one.
    private static string? ProveOwn(Scope scope, ref IkeSaState.Connecting.InitAnswered state, List<Payload> answer)
    {
        var (peering, login) = (state.Peering, state.Login);
        var rounds = peering.Connection.Local;
        var isFirst = login.OwnId.IsAny;
        if (login.OwnRounds >= rounds.Count) return null;
        var round = rounds[login.OwnRounds];
        if (round.Method == AuthenticationMethod.Eap)
        {
            if (login.OwnRounds > 0) return "a responder proves itself by EAP in its first round only";
            // RFC 5998 §3: only where the initiator takes it.
            if (!login.EapOnly || Round(state)?.Method != AuthenticationMethod.Eap) return "the peer does not let us prove ourselves by EAP alone";
            if (isFirst) answer.Insert(0, peering.LocalId.ToResponderPayload());
            state = state with { Login = login with { OwnId = peering.LocalId } };
            return null;
        }

        if (login.OwnRounds > 0 && !peering.MultipleAuth) return "the peer does not take several authentication rounds";
        var own = OwnCredential.IdentityOf(scope, round, peering.Local.Address);
        var proof = new Proof(scope, peering, state.Channel.Keys, state.Init, false, own, login.TheirId, round) { CertificateRequest = (login.CertificateAsked, login.Authorities) };
        if (Authenticators.For(round.Method).Prove(proof) is not AuthenticationStep.Done done) return ((AuthenticationStep.Failed)Authenticators.For(round.Method).Prove(proof)).Detail;
        List<Payload> ours = [own.ToResponderPayload(), .. done.Certificates, done.Auth!];
        if (login.OwnRounds + 1 < rounds.Count) ours.Add(new NotifyPayload(NotifyType.AnotherAuthFollows));
        answer.InsertRange(0, ours);
        state = state with { Login = login with { OwnId = own, OwnRounds = login.OwnRounds + 1, OwnMethods = login.OwnMethods.Append(done.Method).ToValueList() } };
        return null;
    }

    // RFC 8784 §3: a pre-shared key that the initiator names and we have goes into the keys; else its other AUTH counts, where both may do without.
    private static string? MixPpk(
        Scope scope, IkeSaState.Connecting.InitAnswered state, ValueList<Payload> payloads, ref AuthenticationPayload auth, List<Payload> answer, out IkeKeys? mixed, out string? id)
    {
        var peering = state.Peering;
        (mixed, id) = (null, peering.Authentication.PpkId);
        if (id is not null) return null;
        if (peering.PpkSupported) id = PpkExchange.Read(payloads.All<NotifyPayload>().FirstOrDefault(n => n.Notify == NotifyType.PpkIdentity));
        using var ppk = id is null ? null : scope.Directory.Ppk(id);
        if (ppk is not null)
        {
            mixed = PpkExchange.Mix(state.Channel.Keys, ppk);
            answer.Add(new NotifyPayload(NotifyType.PpkIdentity));
            return null;
        }

        if (peering.Connection.Spec.PpkRequired) return id is null ? "the peer names no post-quantum pre-shared key, and the connection requires one" : $"there is no post-quantum pre-shared key {id}";
        if (id is null) return null;
        if (payloads.All<NotifyPayload>().FirstOrDefault(n => n.Notify == NotifyType.NoPpkAuth) is not { } without) return $"there is no post-quantum pre-shared key {id}, and the peer requires it";
        auth = auth with { Data = without.Data };
        return null;
    }

    private static IkeSaState.Connecting.InitAnswered TakeMixed(IkeSaState.Connecting.InitAnswered state, IkeKeys mixed, string? id)
    {
        state.Channel.Keys.Dispose();
        return state with
        {
            Channel = state.Channel with { Keys = mixed },
            Peering = state.Peering with { Authentication = state.Peering.Authentication with { PpkId = id } },
        };
    }

    private static Round? Round(IkeSaState.Connecting.InitAnswered state) =>
        state.Login.TheirRounds < state.Peering.Connection.Remote.Count ? state.Peering.Connection.Remote[state.Login.TheirRounds] : null;

    // RFC 7296 §2.21.2: the peer learns that it failed, not why.
    private static IkeSaState.Gone Reject(Scope scope, IkeSaState.Connecting.InitAnswered state, string detail, NotifyType notify = NotifyType.AuthenticationFailed)
    {
        state.Login.Release();
        var channel = Requests.Respond(scope, state.Peering, state.Channel, ExchangeType.IkeAuth, notify);
        return Ending.Fail(scope, state.Peering, Ending.Word(notify), detail, channel);
    }

    private static Identity Asked(ValueList<Payload> payloads) => payloads.Find<IdResponderPayload>() is { } idr ? Identity.Of(idr) : Identity.Any;

    private static Peering As(Scope scope, Peering peering, Connection connection) =>
        peering with { Connection = connection, LocalId = OwnCredential.IdentityOf(scope, connection.Local[0], peering.Local.Address) };

    // The connections that may be meant, the best first. By who the peer says it is and whom it wants to reach, then by the addresses. How the peer proves itself must fit, if it fits anywhere.
    private static IEnumerable<Connection> Fitting(Scope scope, Peering peering, Identity theirs, Identity asked, AuthenticationPayload? auth)
    {
        AuthenticationMethod method = auth?.Method switch { null => AuthenticationMethod.Eap, AuthMethod.SharedKey => AuthenticationMethod.Psk, _ => AuthenticationMethod.Pubkey };
        var scored = new List<(Connection Connection, int Score)>();
        foreach (var candidate in scope.Directory.Between(peering.Local.Address, peering.Remote.Address))
        {
            if (ProposalSelector.Choose(candidate.Proposals, [peering.Proposal!]) is null) continue;
            var remote = candidate.Remote[0].Id.Match(theirs);
            var local = asked.IsAny ? 1 : OwnCredential.IdentityOf(scope, candidate.Local[0], peering.Local.Address).Match(asked);
            var fits = candidate.Remote[0].Method == method ? 10_000 : 0;
            if (remote > 0 && local > 0) scored.Add((candidate, fits + (remote * 100) + local));
        }

        // A stable order: among equals that of the addresses, and then that of the configuration.
        return scored.OrderByDescending(c => c.Score).Select(c => c.Connection);
    }
}
