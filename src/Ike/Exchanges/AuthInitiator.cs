using Gateway.Ike.Certificates;
using Gateway.Ike.Eap;
using Gateway.Ike.Extensions;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>The initiator's side of IKE_AUTH: one request after the other until both sides have gone through all their rounds.</summary>
internal static class AuthInitiator
{
    /// <summary>The first request, which also asks for the first child.</summary>
    /// <param name="isChildless">All children are made when the IKE SA stands (RFC 6023).</param>
    public static IkeSaState Begin(Scope scope, Peering peering, Channel channel, InitTranscript init, ValueList<ChildName> wanted, bool isChildless, Login login)
    {
        var connection = peering.Connection;
        var expected = connection.Remote[0].Id;
        var state = new IkeSaState.Connecting.AuthSent { Peering = peering, Channel = channel, Init = init, Wanted = isChildless ? wanted : wanted.Skip(1).ToValueList(), Login = login };
        var payloads = new List<Payload>();
        if (OpenRound(scope, ref state, payloads) is { } fault) return Ending.Fail(scope, peering, "authentication-failed", fault, channel);

        // RFC 7296 §2.4: the only IKE SA between these identities; the peer may forget others.
        if (connection.Spec.Unique != UniquePolicy.Never && !scope.Directory.HasOther(peering.LocalId, expected, peering.Id)) payloads.Add(new NotifyPayload(NotifyType.InitialContact));
        payloads.AddRange(CertificatePayloads.Request(scope, [connection]));
        if (!expected.IsPattern) payloads.Add(expected.ToResponderPayload());
        payloads.Add(new NotifyPayload(NotifyType.MultipleAuthSupported));
        // RFC 5998 §3: only for a responder that is to prove itself by EAP.
        if (connection.Remote[0].Method == AuthenticationMethod.Eap) payloads.Add(new NotifyPayload(NotifyType.EapOnlyAuthentication));

        var first = isChildless ? null : connection.Child(wanted[0]);
        var offer = first is null ? null : ChildNegotiation.Offer(scope, peering, first, init.InitiatorNonce, inAuth: true);
        payloads.AddRange(Mobility.Announce(peering));
        // Children that come later need the addresses too.
        if (wanted.Count > 0) payloads.AddRange(Configuration.Request(peering));
        if (offer is not null) payloads.AddRange(ChildNegotiation.Payloads(peering, offer, inAuth: true));
        return Send(scope, state with { Offer = offer }, payloads);
    }

    /// <summary>Takes a response; also once more when a question about it was answered.</summary>
    public static IkeSaState OnResponse(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads)
    {
        var auth = payloads.Find<AuthenticationPayload>();
        var eap = payloads.Find<EapPayload>();
        if (auth is null && eap is null && payloads.Find<IdResponderPayload>() is null && payloads.All<NotifyPayload>().FirstOrDefault(n => n.IsError) is { } error)
        {
            state.Offer?.Exchange?.Dispose();
            state.Login.Release();
            return Ending.Fail(scope, state.Peering, Ending.Word(error.Notify), $"The peer answered IKE_AUTH with {error.Notify}.", state.Channel);
        }

        if (Identify(ref state, payloads) is { } stranger) return GiveUp(scope, state, stranger);
        if (auth is not null)
        {
            switch (state.Login.AwaitsEapProof ? VerifyEap(scope, ref state, payloads, auth) : Verify(scope, ref state, payloads, auth))
            {
                case AuthenticationStep.Failed failed: return GiveUp(scope, state, failed.Detail);
                case AuthenticationStep.Asks asks: return Hold(scope, state, payloads, asks.Lookup, asks.Chain);
            }
        }

        if (eap is not null) return OnEap(scope, state, payloads, eap);
        return GoOn(scope, state, payloads, saidNothing: auth is null);
    }

    /// <summary>The answer to a question is here, or is not to be waited for any more.</summary>
    public static IkeSaState Resume(Scope scope, IkeSaState.Connecting.AuthSent state)
    {
        var held = state.Login.Held;
        return OnResponse(scope, state with { Login = Questions.Settle(scope, state.Login) }, held);
    }

    // Who the peer is in a round; the first one is who it is altogether.
    private static string? Identify(ref IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads)
    {
        var rounds = state.Peering.Connection.Remote;
        if (payloads.Find<IdResponderPayload>() is not { } idr)
            return state.Login.TheirId.IsAny ? "the peer sent no identity" : null;
        var theirs = Identity.Of(idr);
        var round = rounds[Math.Min(state.Login.TheirRounds, rounds.Count - 1)];
        if (state.Login.TheirRounds == 0) state = state with { Peering = state.Peering with { RemoteId = theirs } };
        if (round.Id.Match(theirs) == 0) return $"the peer is {theirs}, expected is {round.Id}";
        state = state with { Login = state.Login with { TheirId = theirs } };
        return null;
    }

    private static AuthenticationStep Verify(Scope scope, ref IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, AuthenticationPayload auth)
    {
        var (peering, login) = (state.Peering, state.Login);
        if (login.TheirRounds >= peering.Connection.Remote.Count) return new AuthenticationStep.Failed("the peer has more authentication rounds than are configured");
        var round = peering.Connection.Remote[login.TheirRounds];
        if (round.Method == AuthenticationMethod.Eap) return new AuthenticationStep.Failed("the peer did not prove itself by EAP");
        if (MixPpk(scope, state, payloads, out var mixed) is { } fault) return new AuthenticationStep.Failed(fault);
        var proof = new Proof(scope, peering, mixed ?? state.Channel.Keys, state.Init, false, login.TheirId, peering.LocalId, round) { Asked = login.Asked };
        var step = Authenticators.For(round.Method).Verify(proof, payloads, auth);
        if (step is not AuthenticationStep.Done done)
        {
            mixed?.Dispose();
            return step;
        }

        if (mixed is not null) state = TakeMixed(state, mixed);
        peering = state.Peering;
        state = state with
        {
            Peering = peering with { Authentication = peering.Authentication with { Certificate = done.Peer ?? peering.Authentication.Certificate } },
            Login = RoundOver(login, done.Method, payloads.Has(NotifyType.AnotherAuthFollows)),
        };
        return step;
    }

    // RFC 7296 §2.16: after EAP both sides prove with what it left; the responder comes last.
    private static AuthenticationStep VerifyEap(Scope scope, ref IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, AuthenticationPayload auth)
    {
        var login = state.Login;
        var (peering, talk) = (state.Peering, login.Eap!);
        var isOnly = login.TheirRounds < peering.Connection.Remote.Count && peering.Connection.Remote[login.TheirRounds].Method == AuthenticationMethod.Eap;
        var key = ((EapStage.Succeeded)talk.Stage).Key;
        // RFC 5998 §4: alone, EAP must have shown us the server.
        if (isOnly && talk.Method != EapMethod.Tls) return new AuthenticationStep.Failed("the peer proved itself by an EAP method that is not mutual");
        if (MixPpk(scope, state, payloads, out var mixed) is { } fault) return new AuthenticationStep.Failed(fault);
        var proof = new Proof(scope, peering, mixed ?? state.Channel.Keys, state.Init, false, login.TheirId, peering.LocalId, peering.Connection.Remote[0]);
        using (var shared = KeyedProof.OfEap(proof, key))
        {
            if (!KeyedProof.IsRight(proof, shared, auth))
            {
                mixed?.Dispose();
                return new AuthenticationStep.Failed("the peer's proof after EAP is wrong");
            }
        }

        if (mixed is not null) state = TakeMixed(state, mixed);
        var method = EapMethods.Word(talk.Method);
        talk.Release();
        login = login with { Eap = null, AwaitsEapProof = false, OwnRounds = login.OwnRounds + 1, OwnMethods = login.OwnMethods.Append(method).ToValueList() };
        state = state with { Login = isOnly ? RoundOver(login, method, goesOn: false) : login };
        return new AuthenticationStep.Done(method);
    }

    // RFC 8784 §3: a responder that uses the key says so, and proves itself with the keys that it went into. A sentence when that must be and is not.
    private static string? MixPpk(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, out IkeKeys? mixed)
    {
        var peering = state.Peering;
        mixed = null;
        if (peering.Authentication.PpkId is not null) return null;
        if (payloads.Has(NotifyType.PpkIdentity) && peering.PpkSupported)
        {
            using var ppk = scope.Directory.Ppk(peering.Connection.Spec.PpkId!);
            mixed = ppk is null ? null : PpkExchange.Mix(state.Channel.Keys, ppk);
            return ppk is null ? "the post-quantum pre-shared key is gone" : null;
        }

        // Before EAP the responder does not know our key's name yet, and proves itself without it.
        var comesLater = peering.Connection.Local[^1].Method == AuthenticationMethod.Eap && !state.Login.AwaitsEapProof;
        return peering.Connection.Spec.PpkRequired && !comesLater ? "the peer does not use the post-quantum pre-shared key, and the connection requires it" : null;
    }

    private static IkeSaState.Connecting.AuthSent TakeMixed(IkeSaState.Connecting.AuthSent state, IkeKeys mixed)
    {
        state.Channel.Keys.Dispose();
        return state with
        {
            Channel = state.Channel with { Keys = mixed },
            Peering = state.Peering with { Authentication = state.Peering.Authentication with { PpkId = state.Peering.Connection.Spec.PpkId } },
        };
    }

    private static Login RoundOver(Login login, string method, bool goesOn) => login with
    {
        TheirRounds = login.TheirRounds + 1,
        TheirMethods = login.TheirMethods.Append(method).ToValueList(),
        TheyGoOn = goesOn,
        Asked = default,
    };

    private static IkeSaState OnEap(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, EapPayload packet)
    {
        var (peering, login) = (state.Peering, state.Login);
        if (login.Eap is not { } talk || login.AwaitsEapProof) return GiveUp(scope, state, "the peer asks for EAP, which is not configured");
        // RFC 7296 §2.16: the responder proves itself first, unless EAP is to do that (RFC 5998).
        if (login.TheirRounds == 0 && peering.Connection.Remote[0].Method != AuthenticationMethod.Eap) return GiveUp(scope, state, "the peer asks for EAP before it has proved itself");
        var round = peering.Connection.Local[login.OwnRounds];
        switch (EapClient.Take(new EapContext(scope, round, login.OwnId, login.TheirId, round.Certs, login.Asked), talk, packet))
        {
            case EapOutcome.Going going:
                return Send(scope, state with { Login = login with { Eap = going.Talk, Asked = default } }, [going.Packet]);
            case EapOutcome.Success success:
                var proof = new Proof(scope, peering, state.Channel.Keys, state.Init, true, login.OwnId, login.TheirId, round);
                state = state with { Login = login with { Eap = success.Talk, AwaitsEapProof = true, Asked = default } };
                var answer = new List<Payload>();
                if (AddOwnProof(scope, ref state, answer, p =>
                {
                    using var key = KeyedProof.OfEap(p, ((EapStage.Succeeded)success.Talk.Stage).Key);
                    return new AuthenticationStep.Done("eap", KeyedProof.Make(p, key));
                }, proof) is { } fault) return GiveUp(scope, state, fault);
                if (login.OwnRounds + 1 < peering.Connection.Local.Count) answer.Add(new NotifyPayload(NotifyType.AnotherAuthFollows));
                return Send(scope, state, answer);
            case EapOutcome.Asks asks:
                return Hold(scope, state with { Login = login with { Eap = asks.Talk } }, payloads, asks.Lookup, asks.Chain);
            case EapOutcome.Failure failure when packet.Code == EapCode.Failure:
                // RFC 7296 §2.16: a responder that sends a failure has forgotten the IKE SA.
                state.Offer?.Exchange?.Dispose();
                return Ending.Fail(scope, peering, "authentication-failed", failure.Reason, state.Channel);
            case var outcome:
                return GiveUp(scope, state with { Login = login with { Eap = null } }, ((EapOutcome.Failure)outcome).Reason);
        }
    }

    private static IkeSaState GoOn(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, bool saidNothing)
    {
        var (connection, login) = (state.Peering.Connection, state.Login);
        if (login.AwaitsEapProof) return GiveUp(scope, state, "the peer does not prove itself after EAP");
        if (login.Eap is not null) return GiveUp(scope, state, "the peer does not begin EAP");
        var theyAreDone = !login.TheyGoOn;
        if (theyAreDone && login.TheirRounds < connection.Remote.Count) return GiveUp(scope, state, "the peer has fewer authentication rounds than are configured");
        if (login.OwnRounds < connection.Local.Count)
        {
            var next = new List<Payload>();
            return OpenRound(scope, ref state, next) is { } fault ? GiveUp(scope, state, fault) : Send(scope, state, next);
        }

        if (!theyAreDone) return saidNothing ? GiveUp(scope, state, "the peer does not prove itself") : Send(scope, state, []);
        return IkeAuth.Concluded(scope, state, payloads);
    }

    /// <summary>What begins our next round: an identity, then AUTH or nothing where EAP follows. A sentence when it cannot be begun.</summary>
    private static string? OpenRound(Scope scope, ref IkeSaState.Connecting.AuthSent state, List<Payload> payloads)
    {
        var (peering, login) = (state.Peering, state.Login);
        var connection = peering.Connection;
        var round = connection.Local[login.OwnRounds];
        if (login.OwnRounds > 0 && !peering.MultipleAuth) return "the peer does not take several authentication rounds";
        var own = OwnCredential.IdentityOf(scope, round, peering.Local.Address);
        payloads.Add(own.ToInitiatorPayload());
        state = state with { Login = login = login with { OwnId = own } };
        if (round.Method == AuthenticationMethod.Eap)
        {
            state = state with { Login = login with { Eap = EapClient.Begin(round, own) } };
            return null;
        }

        var expected = connection.Remote[0].Id;
        // With a pattern for the peer's identity, a pre-shared key is looked up by its address.
        var other = !login.TheirId.IsAny ? login.TheirId : expected.IsPattern ? Identity.Of(peering.Remote.Address) : expected;
        var proof = new Proof(scope, peering, state.Channel.Keys, state.Init, true, own, other, round) { CertificateRequest = (login.CertificateAsked, login.Authorities) };
        if (AddOwnProof(scope, ref state, payloads, Authenticators.For(round.Method).Prove, proof) is { } fault) return fault;
        login = state.Login;
        if (login.OwnRounds + 1 < connection.Local.Count && peering.MultipleAuth) payloads.Add(new NotifyPayload(NotifyType.AnotherAuthFollows));
        state = state with { Login = login with { OwnRounds = login.OwnRounds + 1 } };
        return null;
    }

    // RFC 8784 §3: AUTH with the pre-shared key mixed in, and one without it for a responder that lacks the key, where the connection may do without.
    private static string? AddOwnProof(Scope scope, ref IkeSaState.Connecting.AuthSent state, List<Payload> payloads, Func<Proof, AuthenticationStep> prove, Proof proof)
    {
        var peering = state.Peering;
        var mixes = peering is { PpkSupported: true, Authentication.PpkId: null };
        using var ppk = mixes ? scope.Directory.Ppk(peering.Connection.Spec.PpkId!) : null;
        if (mixes && ppk is null && peering.Connection.Spec.PpkRequired) return $"there is no post-quantum pre-shared key {peering.Connection.Spec.PpkId}";
        using var mixed = ppk is null ? null : PpkExchange.Mix(proof.Keys, ppk);
        if (prove(mixed is null ? proof : proof with { Keys = mixed }) is not AuthenticationStep.Done done) return ((AuthenticationStep.Failed)prove(proof)).Detail;
        payloads.AddRange(done.Certificates);
        payloads.Add(done.Auth!);
        if (mixed is not null)
        {
            payloads.Add(PpkExchange.Identity(peering.Connection.Spec.PpkId!));
            if (!peering.Connection.Spec.PpkRequired) payloads.Add(new NotifyPayload(NotifyType.NoPpkAuth, ((AuthenticationStep.Done)prove(proof)).Auth!.Data));
        }

        if (done.Method != "eap") state = state with { Login = state.Login with { OwnMethods = state.Login.OwnMethods.Append(done.Method).ToValueList() } };
        return null;
    }

    private static IkeSaState.Connecting.AuthSent Send(Scope scope, IkeSaState.Connecting.AuthSent state, IEnumerable<Payload> payloads) =>
        state with { Channel = Requests.Send(scope, state.Peering, state.Channel, ExchangeType.IkeAuth, payloads.ToValueList()) };

    private static IkeSaState.Connecting.AuthSent Hold(Scope scope, IkeSaState.Connecting.AuthSent state, ValueList<Payload> payloads, Lookup lookup, IReadOnlyList<Certificate> chain) =>
        state with { Login = Questions.Ask(scope, state.Peering, state.Login, payloads, lookup, chain) };

    // RFC 7296 §2.21.2: the responder believes that all is well, and must be told that it is not.
    private static IkeSaState.Deleting GiveUp(Scope scope, IkeSaState.Connecting.AuthSent state, string detail)
    {
        state.Offer?.Exchange?.Dispose();
        state.Login.Release();
        var peering = state.Peering;
        Ending.ReportFailure(scope, peering.Connection.Name, true, peering.Remote.Address, peering.RemoteId.ToString(), "authentication-failed", detail);
        return new IkeSaState.Deleting
        {
            Peering = peering,
            Channel = Requests.Send(scope, peering, state.Channel, ExchangeType.Informational, [new NotifyPayload(NotifyType.AuthenticationFailed)]),
            Reason = null,
        };
    }
}
