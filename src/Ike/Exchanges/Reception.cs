using Gateway.Crypto.Ciphers;
using Gateway.Ike.Extensions;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>What a datagram on a protected channel turned out to be: a closed family.</summary>
internal abstract record Reception(Channel Channel)
{
    /// <summary>Dropped, a part of a message that is not whole, or a retransmission that is dealt with.</summary>
    public sealed record Nothing(Channel Channel) : Reception(Channel);

    /// <summary>A new, authenticated request.</summary>
    public sealed record Request(Channel Channel, ExchangeType Exchange, ValueList<Payload> Payloads) : Reception(Channel);

    /// <summary>The authenticated response to our outstanding request.</summary>
    public sealed record Response(Channel Channel, ValueList<Payload> Payloads) : Reception(Channel);

    /// <summary>A new request that was authenticated and makes no sense.</summary>
    public sealed record BadRequest(Channel Channel, ExchangeType Exchange, WireError Error) : Reception(Channel);

    /// <summary>A response that was authenticated and makes no sense.</summary>
    public sealed record BadResponse(Channel Channel, WireError Error) : Reception(Channel);

    public static Reception Take(Scope scope, Peering peering, Channel channel, IkeInput.Datagram datagram)
    {
        if (!MessageCodec.TryParse(datagram.Message.Span, out var message, out _)) return Dropped(IkeDrop.Malformed);
        var header = message.Header;
        if (header.Spis != peering.Spis || header.FromInitiator == peering.IsInitiator) return Dropped(IkeDrop.WrongSpis);
        if (!message.IsProtected) return Dropped(IkeDrop.NotProtected);
        if (!PayloadRules.TryCheckOuter(message, out _)) return Dropped(IkeDrop.MalformedPayloads);

        // RFC 7296 §2.2, §2.3: a response must be to the outstanding request; a request the next one, or the last one again.
        var isRepeated = header.IsRequest && channel.Answer is { } last && header.MessageId == last.Id && header.Exchange == last.Exchange;
        if (header.IsResponse)
        {
            if (channel.Request is not { } outstanding || outstanding.Id != header.MessageId) return Dropped(IkeDrop.UnexpectedMessageId);
            if (outstanding.Exchange != header.Exchange) return Dropped(IkeDrop.UnexpectedExchange);
        }
        else if (header.MessageId != channel.NextExpected && !isRepeated)
        {
            return Dropped(header.MessageId < channel.NextExpected ? IkeDrop.OldMessageId : IkeDrop.UnexpectedMessageId);
        }

        // RFC 7383 §2.6.1: of a fragmented request only the first fragment makes us send the response again.
        if (isRepeated && message.Payloads[^1] is EncryptedFragmentPayload { Number: not 1 }) return Dropped(IkeDrop.OldMessageId);
        using var cipher = channel.Keys.CreateCipher(fromInitiator: !peering.IsInitiator);
        if (isRepeated) return Repeat(scope, peering, channel, message, datagram, cipher);
        if (message.Payloads[^1] is EncryptedPayload)
        {
            var ok = SkProtection.TryOpen(datagram.Message.Span, message, cipher, out var payloads, out var error);
            return ok || IsAuthentic(error) ? Whole(payloads, error) : Dropped(ReasonOf(error));
        }

        var outcome = channel.Gathering.Add(datagram.Message.Span, message, cipher, out var gathering, out var all, out var fault);
        switch (outcome)
        {
            case FragmentOutcome.Complete:
                TraceFragment(isComplete: true);
                channel = channel with { Gathering = FragmentReassembly.Empty };
                return Whole(all, fault);
            case FragmentOutcome.Kept:
                TraceFragment(isComplete: false);
                return new Nothing(channel with { Gathering = gathering, LastHeard = scope.Now });
            case FragmentOutcome.Rejected when IsAuthentic(fault):
                channel = channel with { Gathering = FragmentReassembly.Empty };
                return Whole(all, fault);
            default:
                return Dropped(fault.Fault == WireFault.IntegrityFailed ? IkeDrop.IntegrityFailed : IkeDrop.Fragment);
        }

        Reception Whole(ValueList<Payload> payloads, WireError error)
        {
            channel = channel with { LastHeard = scope.Now };
            if (error != WireError.None) scope.Drop(IkeDrop.MalformedPayloads);
            else scope.Trace(peering, () => new MessageTrace.Whole(Received: true, header.Exchange, header.IsRequest, header.MessageId, payloads));
            if (header.IsResponse) channel = Requests.Complete(scope, channel);
            return (header.IsRequest, error == WireError.None) switch
            {
                (true, true) => new Request(channel, header.Exchange, payloads),
                (true, false) => new BadRequest(channel, header.Exchange, error),
                (false, true) => new Response(channel, payloads),
                (false, false) => new BadResponse(channel, error),
            };
        }

        void TraceFragment(bool isComplete)
        {
            if (message.Payloads[^1] is EncryptedFragmentPayload part) scope.Trace(peering, () => new MessageTrace.Fragment(part.Number, part.Total, isComplete));
        }

        Nothing Dropped(IkeDrop reason)
        {
            scope.Drop(reason);
            return new Nothing(channel);
        }
    }

    // RFC 7296 §2.1: a repeated request gets the same octets as an answer, if it is the peer's and not a stranger's.
    private static Nothing Repeat(Scope scope, Peering peering, Channel channel, Message message, IkeInput.Datagram datagram, IIkeCipher cipher)
    {
        var isAuthentic = message.Payloads[^1] is EncryptedPayload
            ? SkProtection.TryOpen(datagram.Message.Span, message, cipher, out _, out var error) || IsAuthentic(error)
            : FragmentReassembly.Empty.Add(datagram.Message.Span, message, cipher, out _, out _, out error) != FragmentOutcome.Rejected || IsAuthentic(error);
        scope.Drop(isAuthentic ? IkeDrop.Retransmission : IkeDrop.IntegrityFailed);
        if (!isAuthentic) return new Nothing(channel);
        scope.Trace(peering, () => new MessageTrace.AnsweredAgain(message.Header.MessageId));
        // RFC 7296 §2.11: to where it was asked from.
        var asker = Mobility.AnswerTo(peering, datagram);
        foreach (var again in channel.Answer!.Datagrams.AsSpan()) scope.Send(asker, again.Span);
        return new Nothing(channel);
    }

    // What the protection itself could not make sense of may come from anybody; everything behind it is the peer's.
    private static bool IsAuthentic(WireError error) =>
        error.Fault is not (WireFault.NotProtected or WireFault.IntegrityFailed or WireFault.MalformedEncrypted or WireFault.MalformedPadding
            or WireFault.MalformedFragment or WireFault.TooManyFragments or WireFault.UnexpectedFragment);

    private static IkeDrop ReasonOf(WireError error) => error.Fault == WireFault.IntegrityFailed ? IkeDrop.IntegrityFailed : IkeDrop.Malformed;
}
