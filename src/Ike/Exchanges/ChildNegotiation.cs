using System.Buffers.Binary;
using Gateway.Crypto;
using Gateway.Crypto.KeyExchange;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Proposals;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Exchanges;

/// <summary>Agreeing on a CHILD SA, as IKE_AUTH and CREATE_CHILD_SA both do (RFC 7296 §1.2, §1.3.1, §2.9, §2.17).</summary>
internal static class ChildNegotiation
{
    /// <summary>What a negotiation came to: a closed family.</summary>
    internal abstract record Result
    {
        /// <param name="Keys">Belong to the taker; <see cref="Install"/> hands them on.</param>
        /// <param name="Payloads">The responder's answer.</param>
        public sealed record Agreed(ChildSa Child, ChildKeys Keys, bool WeBegan, ValueList<Payload> Payloads) : Result;

        /// <param name="Notify">What the peer is told.</param>
        public sealed record Refused(NotifyType Notify, string Detail, Octets Data = default, ChildName? Child = null) : Result;
    }

    /// <summary>Draws what we offer for a child.</summary>
    /// <param name="inAuth">RFC 7296 §1.2: the first CHILD SA has no key exchange of its own.</param>
    /// <param name="method">The method that the peer asked for; null for the one we like best.</param>
    public static ChildOffer Offer(Scope scope, Peering peering, ChildConfig config, Octets nonce, bool inAuth, KeyExchangeMethod? method = null, int retries = 0)
    {
        var proposals = inAuth ? ProposalSelector.WithoutKeyExchange(config.Proposals) : config.Proposals;
        var wanted = inAuth ? KeyExchangeMethod.None : method ?? IkeSaInit.FirstMethod(proposals);
        var spi = scope.NewSpi();
        return new ChildOffer(
            config.Name,
            spi,
            nonce,
            wanted == KeyExchangeMethod.None ? null : KeyExchanges.Create(wanted, scope.Context.Entropy),
            proposals.Select(p => p with { Spi = SpiOctets(spi) }).ToValueList(),
            config.LocalSelectors(Configuration.OwnDynamic(peering)),
            config.RemoteSelectors(Configuration.PeerDynamic(peering)),
            retries);
    }

    /// <summary>What asks for transport mode, SA, Ni, KEi, TSi, TSr; IKE_AUTH has nonce and key exchange elsewhere.</summary>
    public static IEnumerable<Payload> Payloads(Peering peering, ChildOffer offer, bool inAuth)
    {
        // RFC 7296 §1.3.1: transport mode is asked for; a peer that does not answer in kind makes it tunnel mode.
        if (peering.Connection.Child(offer.Child)?.Spec.Mode == SaMode.Transport) yield return new NotifyPayload(NotifyType.UseTransportMode);
        yield return new SecurityAssociationPayload(offer.Proposals);
        if (!inAuth) yield return new NoncePayload(offer.Nonce);
        if (offer.Exchange is { } exchange) yield return new KeyExchangePayload((ushort)exchange.Method, new Octets(exchange.PublicValue.Span));
        yield return new TrafficSelectorInitiatorPayload(offer.Local);
        yield return new TrafficSelectorResponderPayload(offer.Remote);
    }

    /// <summary>The responder's part.</summary>
    /// <param name="rekeyed">The CHILD SA that the new one shall replace.</param>
    public static Result Respond(
        Scope scope, Peering peering, IkeKeys keys, ValueList<Payload> request, Octets initiatorNonce, Octets responderNonce, bool inAuth, ChildSa? rekeyed = null)
    {
        if (request.Find<SecurityAssociationPayload>() is not { } sa
            || request.Find<TrafficSelectorInitiatorPayload>() is not { } initiators
            || request.Find<TrafficSelectorResponderPayload>() is not { } responders)
            return new Result.Refused(NotifyType.InvalidSyntax, "The request lacks SA, TSi or TSr.");
        if (FindChild(peering, initiators.Selectors, responders.Selectors, rekeyed) is not { } match)
            return new Result.Refused(NotifyType.TsUnacceptable,
                $"No child takes {string.Join(", ", responders.Selectors)} here and {string.Join(", ", initiators.Selectors)} there.");

        var (config, local, remote) = match;
        var configured = inAuth ? ProposalSelector.WithoutKeyExchange(config.Proposals) : config.Proposals;
        if (ProposalSelector.Choose(configured, sa.Proposals) is not { } chosen || !EspSuite.TryFrom(chosen, out var transforms) || SpiOf(chosen) is not { IsReserved: false } outbound)
            return new Result.Refused(NotifyType.NoProposalChosen, $"The peer offered {string.Join(", ", sa.Proposals)}; configured is {string.Join(", ", configured)}.", Child: config.Name);

        var payloads = new List<Payload>();
        Secret? shared = null;
        KeyExchangePayload? answer = null;
        if (chosen.First(TransformType.KeyExchange) is { Id: not 0 } wanted)
        {
            var method = (KeyExchangeMethod)wanted.Id;
            if (request.Find<KeyExchangePayload>() is not { } theirs || theirs.Method != wanted.Id)
                return new Result.Refused(NotifyType.InvalidKePayload, $"The peer guessed another key exchange method than {method}.", IkeSaInit.MethodOctets(method), config.Name);
            if (!KeyExchanges.TryRespond(method, theirs.PublicValue.Span, scope.Context.Entropy, out var ours, out shared))
                return new Result.Refused(NotifyType.InvalidSyntax, "The peer's key exchange value is not valid.", Child: config.Name);
            answer = new KeyExchangePayload(wanted.Id, new Octets(ours.Span));
        }

        using (shared)
        {
            var inbound = scope.NewSpi();
            var mode = ModeOf(config, request);
            if (mode == SaMode.Transport) payloads.Add(new NotifyPayload(NotifyType.UseTransportMode));
            payloads.Add(new SecurityAssociationPayload([chosen with { Spi = SpiOctets(inbound) }]));
            if (!inAuth) payloads.Add(new NoncePayload(responderNonce));
            if (answer is not null) payloads.Add(answer);
            payloads.Add(new TrafficSelectorInitiatorPayload(remote));
            payloads.Add(new TrafficSelectorResponderPayload(local));
            var child = Make(scope, peering, config, mode, chosen, transforms, inbound, outbound, local, remote, rekeyed);
            var keymat = ChildKeys.Derive(keys.Suite.Prf, keys.D, transforms, initiatorNonce.Span, responderNonce.Span, shared);
            return new Result.Agreed(child, keymat, false, payloads.ToValueList());
        }
    }

    /// <summary>The initiator judges the answer to its offer, which it has then used up.</summary>
    public static Result Conclude(
        Scope scope, Peering peering, IkeKeys keys, ChildOffer offer, ValueList<Payload> answer, Octets initiatorNonce, Octets responderNonce, ChildSa? rekeyed = null)
    {
        using var exchange = offer.Exchange;
        foreach (var notify in answer.All<NotifyPayload>())
            if (notify.IsError) return new Result.Refused(notify.Notify, $"The peer answered with {notify.Notify}.", notify.Data, offer.Child);
        if (peering.Connection.Child(offer.Child) is not { } config) return Invalid("The child is not configured any more.");
        if (answer.Find<SecurityAssociationPayload>() is not { } sa
            || answer.Find<TrafficSelectorInitiatorPayload>() is not { } initiators
            || answer.Find<TrafficSelectorResponderPayload>() is not { } responders)
            return Invalid("The peer's answer lacks SA, TSi or TSr.");
        if (ProposalSelector.Accept(offer.Proposals, sa.Proposals) is not { } chosen || !EspSuite.TryFrom(chosen, out var transforms) || SpiOf(chosen) is not { IsReserved: false } outbound)
            return Invalid($"The peer chose {string.Join(", ", sa.Proposals)}, which was not offered.");
        // RFC 7296 §2.9: the responder may narrow what was offered, never widen it.
        if (!Narrowing.IsWithin(initiators.Selectors, offer.Local) || !Narrowing.IsWithin(responders.Selectors, offer.Remote))
            return Invalid("The peer widened the traffic selectors.");

        Secret? shared = null;
        if (chosen.First(TransformType.KeyExchange) is { Id: not 0 } method
            && (exchange is null || (ushort)exchange.Method != method.Id || answer.Find<KeyExchangePayload>() is not { } theirs
                || theirs.Method != method.Id || !exchange.TryDerive(theirs.PublicValue.Span, out shared)))
            return Invalid("The peer's key exchange is not valid.");

        using (shared)
        {
            var child = Make(scope, peering, config, ModeOf(config, answer), chosen, transforms, offer.InboundSpi, outbound, initiators.Selectors, responders.Selectors, rekeyed);
            return new Result.Agreed(child, ChildKeys.Derive(keys.Suite.Prf, keys.D, transforms, initiatorNonce.Span, responderNonce.Span, shared), true, default);
        }

        Result.Refused Invalid(string detail) => new(NotifyType.NoProposalChosen, detail, Child: offer.Child);
    }

    /// <summary>Stores the keys, tells the journal and hands the CHILD SA to the dataplane.</summary>
    public static ChildSa Install(Scope scope, Result.Agreed agreed)
    {
        var child = agreed.Child;
        var parameters = child.Parameters;
        // RFC 7296 §2.17: the first half of KEYMAT is for what the exchange's initiator sends.
        var (inbound, outbound) = agreed.WeBegan ? (agreed.Keys.FromResponder, agreed.Keys.FromInitiator) : (agreed.Keys.FromInitiator, agreed.Keys.FromResponder);
        scope.Add(new IkeOutput.Store(parameters.InboundKey, inbound));
        scope.Add(new IkeOutput.Store(parameters.OutboundKey, outbound));
        scope.Fact(new ChildSaInstalled(parameters, child.Proposal, child.Replaces));
        scope.Add(new IkeOutput.Install(parameters, child.OutboundHeld));
        scope.MustStore = true;
        return child;
    }

    /// <summary>Sets the timers of a CHILD SA's life.</summary>
    public static void StartLife(Scope scope, ChildConfig config, ChildSa child)
    {
        if (config.RekeyTime > TimeSpan.Zero)
        {
            var early = config.RandTime < config.RekeyTime ? config.RandTime : config.RekeyTime / 2;
            scope.Set(TimerKind.ChildRekey, config.RekeyTime - scope.Random(early), child.Id.Value);
        }

        if (config.LifeTime > TimeSpan.Zero) scope.Set(TimerKind.ChildExpire, config.LifeTime, child.Id.Value);
        if (config.Inactivity <= TimeSpan.Zero) return;
        // A child that is rekeyed all the time and carries nothing is idle as long as all of them together.
        var idleSince = child.Replaces is { } old && scope.Timers.TryGetValue(new TimerId(TimerKind.ChildIdle, old.Value), out var at) && at > scope.Now ? at - scope.Now : config.Inactivity;
        if (child.Replaces is { } former && scope.Directory.LastCarried(former, scope.Now) is { } carried && carried + config.Inactivity - scope.Now is var left && left > idleSince) idleSince = left;
        scope.Set(TimerKind.ChildIdle, idleSince, child.Id.Value);
    }

    private static ChildSa Make(
        Scope scope, Peering peering, ChildConfig config, SaMode mode, Proposal chosen, EspTransforms transforms, Spi inbound, Spi outbound,
        ValueList<TrafficSelector> local, ValueList<TrafficSelector> remote, ChildSa? rekeyed)
    {
        var spec = config.Spec;
        var parameters = new ChildSaParameters
        {
            Id = scope.Directory.NextChildSa(),
            IkeSa = peering.Id,
            Connection = peering.Connection.Name,
            Child = config.Name,
            InboundSpi = inbound,
            OutboundSpi = outbound,
            LocalAddress = peering.Local.Address,
            RemoteAddress = peering.Remote.Address,
            Encapsulation = Encapsulation(peering),
            Mode = mode,
            Transforms = transforms,
            InboundKey = scope.NewHandle(),
            OutboundKey = scope.NewHandle(),
            LocalSelectors = local,
            RemoteSelectors = remote,
            Esn = EspSuite.HasEsn(chosen),
            ReplayWindow = spec.ReplayWindow,
            Lifetime = Volumes(scope, spec),
            CopyDf = spec.CopyDf,
            CopyEcn = spec.CopyEcn,
            CopyDscpOut = spec.CopyDscp is DscpCopy.Out or DscpCopy.Yes,
            CopyDscpIn = spec.CopyDscp is DscpCopy.In or DscpCopy.Yes,
            IfIdIn = (uint)(spec.IfIdIn ?? peering.Connection.Spec.IfIdIn),
            IfIdOut = (uint)(spec.IfIdOut ?? peering.Connection.Spec.IfIdOut),
        };
        return new ChildSa(parameters, (chosen with { Spi = default }).ToString(), Replaces: rekeyed?.Id);
    }

    // As in strongSwan, a random part of what lies between the two ends is taken off the first, so that not both sides rekey at once.
    private static SaLifetime Volumes(Scope scope, ChildSpec spec)
    {
        var (bytes, packets) = (spec.LifeBytes ?? spec.RekeyBytes + (spec.RekeyBytes / 10), spec.LifePackets ?? spec.RekeyPackets + (spec.RekeyPackets / 10));
        return new SaLifetime(Soft(scope, spec.RekeyBytes, bytes, spec.RandBytes), (ulong)bytes, Soft(scope, spec.RekeyPackets, packets, spec.RandPackets), (ulong)packets);
    }

    private static ulong Soft(Scope scope, long soft, long hard, long? random)
    {
        var range = Math.Min(random ?? Math.Max(hard - soft, 0), soft);
        return soft == 0 || range == 0 ? (ulong)soft : Math.Max((ulong)soft - scope.Random((ulong)range), 1);
    }

    // Transport mode is what both sides want; all else is tunnel mode.
    private static SaMode ModeOf(ChildConfig config, ValueList<Payload> peers) =>
        config.Spec.Mode == SaMode.Transport && peers.All<NotifyPayload>().Any(n => n.Notify == NotifyType.UseTransportMode) ? SaMode.Transport : SaMode.Tunnel;

    public static UdpEncapsulation? Encapsulation(Peering peering) =>
        peering.Encapsulate ? new UdpEncapsulation((ushort)peering.Local.Port, (ushort)peering.Remote.Port) : null;

    // The child whose selectors take the whole offer, else the first that has something in common with it.
    private static (ChildConfig Config, ValueList<TrafficSelector> Local, ValueList<TrafficSelector> Remote)? FindChild(
        Peering peering, ValueList<TrafficSelector> initiators, ValueList<TrafficSelector> responders, ChildSa? rekeyed)
    {
        (ChildConfig, ValueList<TrafficSelector>, ValueList<TrafficSelector>)? best = null;
        var bestScore = 0;
        foreach (var config in peering.Connection.Children.AsSpan())
        {
            var ours = config.LocalSelectors(Configuration.OwnDynamic(peering));
            var theirs = config.RemoteSelectors(Configuration.PeerDynamic(peering));
            var local = Narrowing.Narrow(ours, responders);
            var remote = Narrowing.Narrow(theirs, initiators);
            if (local.Count == 0 || remote.Count == 0) continue;
            // RFC 7296 §2.9.2: a rekeyed CHILD SA stays the child that it was.
            var score = 1 + (rekeyed?.Name == config.Name ? 4 : 0) + (Narrowing.IsWithin(responders, ours) && Narrowing.IsWithin(initiators, theirs) ? 2 : 0);
            if (score <= bestScore) continue;
            (best, bestScore) = ((config, local, remote), score);
        }

        return best;
    }

    private static Octets SpiOctets(Spi spi)
    {
        Span<byte> bytes = stackalloc byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, spi.Value);
        return new Octets(bytes);
    }

    private static Spi? SpiOf(Proposal proposal) => proposal.Spi.Length == 4 ? new Spi(BinaryPrimitives.ReadUInt32BigEndian(proposal.Spi.Span)) : null;
}
