using System.Buffers.Binary;
using System.Net;
using Gateway.Crypto.KeyExchange;
using Gateway.Ike.Extensions;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>IKE_SA_INIT: algorithms, nonces and the first key exchange (RFC 7296 §1.2). Nothing of it is authenticated yet.</summary>
internal static class IkeSaInit
{
    /// <summary>Begins an IKE SA.</summary>
    public static IkeSaState Initiate(Scope scope, Connection connection, ValueList<ChildName> wanted, int @try, Peering? replacing = null)
    {
        var peering = new Peering
        {
            Id = scope.Directory.NextIkeSa(),
            Slot = scope.NewHandle(),
            Connection = connection,
            Spis = new IkeSpiPair(scope.NewIkeSpi(), IkeSpi.None),
            IsInitiator = true,
            Local = new IPEndPoint(IPAddress.Any, 0),
            Remote = new IPEndPoint(IPAddress.Any, 0),
            Try = @try,
            Reauthenticates = replacing?.Id,
            WantedVips = replacing?.OwnVips ?? default,
        };
        if (First(connection.RemoteAddresses) is { } remote) return Dial(scope, peering, remote, wanted);
        foreach (var pattern in connection.RemoteAddresses.AsSpan())
        {
            if (pattern is not AddressPattern.Name name) continue;
            scope.Add(new IkeOutput.Ask.Resolve(peering.Id, name.Host));
            return new IkeSaState.Connecting.Resolving { Peering = peering, Wanted = wanted };
        }

        return Ending.Fail(scope, peering, "no-address", "The connection has no remote address to dial.");
    }

    public static IkeSaState OnAddresses(Scope scope, IkeSaState.Connecting.Resolving state, ValueList<IPAddress> found) =>
        found.Count == 0
            ? Ending.Fail(scope, state.Peering, "name-not-resolved", "The peer's name has no address.")
            : Dial(scope, state.Peering, found[0], state.Wanted);

    // RFC 7296 §2, RFC 3948 §2: the peer's ports, where nothing else is said of it.
    private const int KnownPort = 500, KnownNattPort = 4500;

    private static IkeSaState Dial(Scope scope, Peering peering, IPAddress remote, ValueList<ChildName> wanted)
    {
        var spec = peering.Connection.Spec;
        var local = peering.Connection.LocalAddresses.Select(a => a.Single).FirstOrDefault(a => a?.AddressFamily == remote.AddressFamily)
            ?? scope.Directory.LocalAddressTowards(remote);
        if (local is null) return Ending.Fail(scope, peering, "no-address", "No own address leads to the peer.");
        // Other ports than 500 speak with the non-ESP marker from the start, as strongSwan does.
        var natt = spec.RemotePort != KnownPort;
        // 500 stands for whatever port the gateway has for IKE.
        var isUsual = spec.LocalPort == KnownPort || spec.LocalPort == scope.Settings.IkePort;
        peering = peering with
        {
            Local = new IPEndPoint(local, !isUsual ? spec.LocalPort : natt ? scope.Settings.NattPort : scope.Settings.IkePort),
            Remote = new IPEndPoint(remote, spec.RemotePort),
            Natt = natt,
            Began = true,
            LocalId = OwnCredential.IdentityOf(scope, peering.Connection.Local[0], local),
        };
        var method = FirstMethod(peering.Connection.Proposals);
        var exchange = KeyExchanges.Create(method, scope.Context.Entropy);
        return Send(scope, peering, wanted, exchange, scope.Nonce(), default, 0);
    }

    private static IkeSaState.Connecting.InitSent Send(
        Scope scope, Peering peering, ValueList<ChildName> wanted, IKeyExchange exchange, Octets nonce, Octets cookie, int retries)
    {
        var payloads = new List<Payload>();
        // RFC 7296 §2.6: the cookie comes first.
        if (!cookie.IsEmpty) payloads.Add(new NotifyPayload(NotifyType.Cookie, cookie));
        payloads.Add(new SecurityAssociationPayload(peering.Connection.Proposals));
        payloads.Add(new KeyExchangePayload((ushort)exchange.Method, new Octets(exchange.PublicValue.Span)));
        payloads.Add(new NoncePayload(nonce));
        payloads.AddRange(NatFinding.Announce(scope, peering));
        if (peering.Connection.Spec.Fragmentation is not FragmentationPolicy.No) payloads.Add(new NotifyPayload(NotifyType.FragmentationSupported));
        if (scope.Settings.SignatureAuthentication) payloads.Add(SignatureHashes.Announce());
        if (PpkExchange.IsWanted(peering.Connection)) payloads.Add(new NotifyPayload(NotifyType.UsePpk));

        var header = new IkeHeader(peering.Spis.Initiator, IkeSpi.None, ExchangeType.IkeSaInit, IkeFlags.Initiator, MessageId.Zero);
        Octets datagram = MessageCodec.Encode(new Message(header, payloads.ToValueList()));
        scope.Send(peering, datagram.Span);
        scope.Set(TimerKind.Retransmit, Requests.Wait(scope.Settings, 1));
        return new IkeSaState.Connecting.InitSent
        {
            Peering = peering,
            Wanted = wanted,
            Exchange = exchange,
            Nonce = nonce,
            Cookie = cookie,
            Retries = retries,
            Request = new Outstanding(MessageId.Zero, ExchangeType.IkeSaInit, [datagram]),
        };
    }

    /// <summary>The responder's part: null when the request is answered and forgotten, or dropped.</summary>
    public static IkeSaState.Connecting.InitAnswered? Respond(Scope scope, IkeInput.Datagram datagram)
    {
        if (!MessageCodec.TryParse(datagram.Message.Span, out var request, out var error))
        {
            scope.Drop(IkeDrop.Malformed);
            // RFC 7296 §2.5: an unknown critical payload is told even before anything is authenticated.
            if (error.Fault == WireFault.UnsupportedCriticalPayload && IkeHeader.TryParse(datagram.Message.Span, out var header, out _))
                Refuse(scope, datagram, header, NotifyType.UnsupportedCriticalPayload, error.NotifyData);
            return null;
        }

        if (!PayloadRules.TryCheckOuter(request, out _))
        {
            scope.Drop(IkeDrop.MalformedPayloads);
            return null;
        }

        var candidates = scope.Directory.Between(datagram.Local.Address, datagram.Remote.Address);
        if (candidates.Count == 0)
        {
            scope.Drop(IkeDrop.NoConnection);
            Refuse(scope, datagram, request.Header, NotifyType.NoProposalChosen);
            return null;
        }

        var offered = request.Find<SecurityAssociationPayload>()!.Proposals;
        foreach (var candidate in candidates)
            if (ProposalSelector.Choose(candidate.Proposals, offered) is { } chosen && IkeSuite.TryFrom(chosen, out var suite))
                return Answer(scope, datagram, request, candidate, chosen, suite);

        Refuse(scope, datagram, request.Header, NotifyType.NoProposalChosen);
        Ending.ReportFailure(scope, candidates[0].Name, false, datagram.Remote.Address, null, "no-proposal-chosen",
            $"The peer offered {string.Join(", ", offered)}; configured is {string.Join(", ", candidates[0].Proposals)}.");
        return null;
    }

    private static IkeSaState.Connecting.InitAnswered? Answer(
        Scope scope, IkeInput.Datagram datagram, Message request, Connection connection, Proposal chosen, IkeSuite suite)
    {
        var method = suite.KeyExchange;
        var theirs = request.Find<KeyExchangePayload>()!;
        if (theirs.Method != (ushort)method)
        {
            // RFC 7296 §1.2: the responder names the method that it wants, in network order.
            Refuse(scope, datagram, request.Header, NotifyType.InvalidKePayload, MethodOctets(method));
            return null;
        }

        if (!KeyExchanges.TryRespond(method, theirs.PublicValue.Span, scope.Context.Entropy, out var ours, out var shared))
        {
            Refuse(scope, datagram, request.Header, NotifyType.InvalidSyntax);
            return null;
        }

        using (shared)
        {
            var spis = new IkeSpiPair(request.Header.InitiatorSpi, scope.NewIkeSpi());
            var nat = NatFinding.Judge(request.Payloads, request.Header.Spis, datagram.Local, datagram.Remote);
            var peering = new Peering
            {
                Id = scope.Directory.NextIkeSa(),
                Slot = scope.NewHandle(),
                Connection = connection,
                Spis = spis,
                IsInitiator = false,
                Local = datagram.Local,
                Remote = datagram.Remote,
                Natt = datagram.Natt,
                NatLocal = nat.Local,
                NatRemote = nat.Remote,
                Proposal = chosen with { Spi = default },
                Fragmentation = connection.Spec.Fragmentation is not FragmentationPolicy.No && request.Payloads.Has(NotifyType.FragmentationSupported),
                PeerHashes = scope.Settings.SignatureAuthentication ? SignatureHashes.Read(request.Payloads) : (byte)0,
                PpkSupported = request.Payloads.Has(NotifyType.UsePpk) && (connection.Spec.PpkRequired || scope.Directory.Credentials.Ppks.Count > 0),
            };
            var nonce = scope.Nonce();
            var payloads = new List<Payload>
            {
                new SecurityAssociationPayload([chosen]),
                new KeyExchangePayload((ushort)method, new Octets(ours.Span)),
                new NoncePayload(nonce),
            };
            if (nat.Supported) payloads.AddRange(NatFinding.Announce(scope, peering));
            if (peering.Fragmentation) payloads.Add(new NotifyPayload(NotifyType.FragmentationSupported));
            if (connection.Spec.Childless != ChildlessPolicy.Never) payloads.Add(new NotifyPayload(NotifyType.ChildlessIkev2Supported));
            // RFC 7427 §4, RFC 8784 §3: an answer to who announced it too.
            if (peering.PeerHashes != 0) payloads.Add(SignatureHashes.Announce());
            if (peering.PpkSupported) payloads.Add(new NotifyPayload(NotifyType.UsePpk));
            payloads.Add(new NotifyPayload(NotifyType.MultipleAuthSupported));
            payloads.AddRange(CertificatePayloads.Request(scope, scope.Directory.Between(peering.Local.Address, peering.Remote.Address)));

            var header = new IkeHeader(spis.Initiator, spis.Responder, ExchangeType.IkeSaInit, IkeFlags.Response, MessageId.Zero);
            Octets response = MessageCodec.Encode(new Message(header, payloads.ToValueList()));
            scope.Send(peering, response.Span);
            scope.Set(TimerKind.HalfOpen, scope.Settings.HalfOpenTimeout);

            var init = new InitTranscript(new Octets(datagram.Message.Span), response, request.Find<NoncePayload>()!.Nonce, nonce);
            return new IkeSaState.Connecting.InitAnswered
            {
                Peering = peering,
                Init = init,
                Channel = new Channel
                {
                    Keys = IkeKeys.Derive(suite, init.InitiatorNonce.Span, nonce.Span, shared, spis),
                    NextExpected = new MessageId(1),
                    LastHeard = scope.Now,
                },
            };
        }
    }

    /// <summary>A request again that made this half-open SA.</summary>
    public static void OnRepeated(Scope scope, IkeSaState.Connecting.InitAnswered state, IkeInput.Datagram datagram)
    {
        // RFC 7296 §2.1: only the very same request; another one with the same SPI is a stranger's.
        if (datagram.Message.Span.SequenceEqual(state.Init.Request.Span))
        {
            scope.Drop(IkeDrop.Retransmission);
            scope.Send(state.Peering, state.Init.Response.Span);
        }
        else
        {
            scope.Drop(IkeDrop.UnexpectedMessageId);
        }
    }

    /// <summary>The initiator takes the response.</summary>
    public static IkeSaState OnResponse(Scope scope, IkeSaState.Connecting.InitSent state, IkeInput.Datagram datagram)
    {
        if (!MessageCodec.TryParse(datagram.Message.Span, out var response, out _)) return Dropped(IkeDrop.Malformed);
        var header = response.Header;
        if (header.InitiatorSpi != state.Peering.Spis.Initiator || header.FromInitiator) return Dropped(IkeDrop.WrongSpis);
        if (header.Exchange != ExchangeType.IkeSaInit || !header.IsResponse) return Dropped(IkeDrop.UnexpectedExchange);
        if (header.MessageId != MessageId.Zero) return Dropped(IkeDrop.UnexpectedMessageId);
        if (!PayloadRules.TryCheckOuter(response, out _)) return Dropped(IkeDrop.MalformedPayloads);

        if (response.Notify(NotifyType.Cookie) is { Data.IsEmpty: false } cookie) return Retry(scope, state, state.Exchange, cookie.Data);
        if (response.Notify(NotifyType.InvalidKePayload) is { } wanted) return OnOtherMethod(scope, state, wanted.Data);
        foreach (var notify in response.Payloads.All<NotifyPayload>())
            if (notify.IsError) return Refused(notify.Notify);
        // RFC 7296 §2.6: a responder that takes the request chooses an SPI.
        // Only a response that refuses may lack the rest; and whatever this is, anybody may have sent it.
        if (header.ResponderSpi.IsNone || response.Find<SecurityAssociationPayload>() is not { } sa || response.Find<KeyExchangePayload>() is not { } theirs || response.Find<NoncePayload>() is not { } nonce)
            return Dropped(IkeDrop.MalformedPayloads);

        var method = state.Exchange.Method;
        if (ProposalSelector.Accept(state.Peering.Connection.Proposals, sa.Proposals) is not { } chosen
            || !IkeSuite.TryFrom(chosen, out var suite) || suite.KeyExchange != method
            || theirs.Method != (ushort)method)
            return Failed("invalid-answer", "The peer chose algorithms that were not offered.");
        if (!state.Exchange.TryDerive(theirs.PublicValue.Span, out var shared))
            return Failed("invalid-answer", "The peer's key exchange value is not valid.");

        using (shared)
        {
            state.Exchange.Dispose();
            scope.Cancel(TimerKind.Retransmit);
            var init = new InitTranscript(state.Request.Datagrams[0], new Octets(datagram.Message.Span), state.Nonce, nonce.Nonce);
            var peering = Settle(scope, state.Peering, response, datagram) with { Proposal = chosen with { Spi = default } };
            if (peering.Connection.Spec.PpkRequired && !peering.PpkSupported)
                return Ending.Fail(scope, peering, "authentication-failed", "The peer does not know post-quantum pre-shared keys, and the connection requires one.");
            var channel = new Channel
            {
                Keys = IkeKeys.Derive(suite, init.InitiatorNonce.Span, init.ResponderNonce.Span, shared, peering.Spis),
                NextRequest = new MessageId(1),
                LastHeard = scope.Now,
            };
            var asked = CertificatePayloads.Asked(response.Payloads);
            // RFC 6023 §3: only where the responder announced it.
            var takesChildless = response.Payloads.Has(NotifyType.ChildlessIkev2Supported);
            var isChildless = state.Wanted.Count == 0 || peering.Connection.Spec.Childless switch
            {
                ChildlessPolicy.Force => true,
                ChildlessPolicy.Prefer => takesChildless,
                _ => false,
            };
            if (isChildless && !takesChildless)
                return Ending.Fail(scope, peering, "childless-refused", "The peer does not take an IKE SA without a child.", channel);
            return AuthInitiator.Begin(scope, peering, channel, init, state.Wanted, isChildless, new Login { CertificateAsked = asked.Asked, Authorities = asked.Authorities });
        }

        IkeSaState.Connecting.InitSent Dropped(IkeDrop reason)
        {
            scope.Drop(reason);
            return state;
        }

        IkeSaState Failed(string reason, string detail)
        {
            state.Exchange.Dispose();
            return Ending.Fail(scope, state.Peering, reason, detail);
        }

        IkeSaState Refused(NotifyType notify) => Failed(Ending.Word(notify), $"The peer answered IKE_SA_INIT with {notify}.");
    }

    private static Peering Settle(Scope scope, Peering peering, Message response, IkeInput.Datagram datagram)
    {
        var nat = NatFinding.Judge(response.Payloads, response.Header.Spis, datagram.Local, datagram.Remote);
        var settled = peering with
        {
            Spis = response.Header.Spis,
            Local = datagram.Local,
            NatLocal = nat.Local,
            NatRemote = nat.Remote,
            Fragmentation = peering.Connection.Spec.Fragmentation is not FragmentationPolicy.No && response.Payloads.Has(NotifyType.FragmentationSupported),
            PeerHashes = scope.Settings.SignatureAuthentication ? SignatureHashes.Read(response.Payloads) : (byte)0,
            MultipleAuth = response.Payloads.Has(NotifyType.MultipleAuthSupported),
            PpkSupported = PpkExchange.IsWanted(peering.Connection) && response.Payloads.Has(NotifyType.UsePpk),
        };
        // RFC 7296 §2.23: with a NAT between, the initiator moves to port 4500 on both ends.
        // RFC 4555 §3.3: so does who may move later, without a NAT too.
        if (!nat.Supported || settled.Natt || !(nat.Local || nat.Remote || peering.Connection.Spec.Encap || peering.Connection.Spec.Mobike)) return settled;
        return settled with
        {
            Natt = true,
            Local = new IPEndPoint(settled.Local.Address, scope.Settings.NattPort),
            Remote = new IPEndPoint(settled.Remote.Address, KnownNattPort),
        };
    }

    private static IkeSaState OnOtherMethod(Scope scope, IkeSaState.Connecting.InitSent state, Octets wanted)
    {
        // RFC 7296 §1.2: only a method that we offered; to ask again for what was just sent would never end.
        var method = MethodOf(wanted);
        if (method == state.Exchange.Method || !Offers(state.Peering.Connection.Proposals, method))
        {
            state.Exchange.Dispose();
            return Ending.Fail(scope, state.Peering, "invalid-ke", $"The peer asked for key exchange method {method}, which is not offered.");
        }

        state.Exchange.Dispose();
        return Retry(scope, state, KeyExchanges.Create(method, scope.Context.Entropy), state.Cookie);
    }

    private static IkeSaState Retry(Scope scope, IkeSaState.Connecting.InitSent state, IKeyExchange exchange, Octets cookie)
    {
        if (state.Retries < scope.Settings.MaxKeyExchangeRetries)
            return Send(scope, state.Peering, state.Wanted, exchange, state.Nonce, cookie, state.Retries + 1);
        exchange.Dispose();
        return Ending.Fail(scope, state.Peering, "no-agreement", "The peer keeps asking for other cookies or key exchange methods.");
    }

    private static void Refuse(Scope scope, IkeInput.Datagram datagram, IkeHeader request, NotifyType notify, Octets data = default) =>
        Stateless.Answer(scope.Outputs, datagram, request, notify, data);

    internal static KeyExchangeMethod FirstMethod(ValueList<Proposal> proposals)
    {
        foreach (var proposal in proposals.AsSpan())
            if (proposal.First(TransformType.KeyExchange) is { Id: not 0 } transform) return (KeyExchangeMethod)transform.Id;
        return KeyExchangeMethod.None;
    }

    internal static bool Offers(ValueList<Proposal> proposals, KeyExchangeMethod method) =>
        method != KeyExchangeMethod.None && KeyExchanges.IsSupported(method)
        && proposals.Any(p => p.Of(TransformType.KeyExchange).Any(t => t.Id == (ushort)method));

    internal static KeyExchangeMethod MethodOf(Octets data) =>
        data.Length == 2 ? (KeyExchangeMethod)BinaryPrimitives.ReadUInt16BigEndian(data.Span) : KeyExchangeMethod.None;

    internal static Octets MethodOctets(KeyExchangeMethod method)
    {
        Span<byte> bytes = stackalloc byte[2];
        BinaryPrimitives.WriteUInt16BigEndian(bytes, (ushort)method);
        return new Octets(bytes);
    }

    private static IPAddress? First(ValueList<AddressPattern> patterns) => patterns.Select(p => p.Single).FirstOrDefault(a => a is not null);
}
