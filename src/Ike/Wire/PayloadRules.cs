using Gateway.Ike.Payloads;
using Gateway.Policy;
using static Gateway.Ike.Wire.PayloadType;

namespace Gateway.Ike.Wire;

/// <summary>Which payloads an exchange may and must carry, as one table (RFC 7296 §1.2-1.4, Appendix C).</summary>
/// <remarks>RFC 7296 §2.5: order is not judged. Unknown payloads and vendor ids may stand anywhere.</remarks>
public static class PayloadRules
{
    private const int Many = int.MaxValue;

    /// <summary>What one direction of an exchange may hold, and the sets of which one must be there in full.</summary>
    private sealed record Row(ExchangeType Exchange, bool Response, (PayloadType Type, int Max)[] May, PayloadType[][] MustOneOf, string Source);

    // The error notifies that stand for the whole answer are the sets { Notify }.
    private static readonly Row[] _rows =
    [
        new(ExchangeType.IkeSaInit, false, [(SecurityAssociation, 1), (KeyExchange, 1), (Nonce, 1)],
            [[SecurityAssociation, KeyExchange, Nonce]], "RFC 7296 C.1"),
        new(ExchangeType.IkeSaInit, true, [(SecurityAssociation, 1), (KeyExchange, 1), (Nonce, 1), (CertificateRequest, Many)],
            [[SecurityAssociation, KeyExchange, Nonce], [Notify]], "RFC 7296 C.1"),

        // With EAP and several rounds (RFC 4739) a message may hold nothing but EAP or AUTH, or nothing at all when only the other side goes on; the state knows what must come when.
        new(ExchangeType.IkeAuth, false,
            [
                (IdInitiator, 1), (IdResponder, 1), (Certificate, Many), (CertificateRequest, Many), (Authentication, 1), (PayloadType.Eap, 1), (Configuration, 1),
                (SecurityAssociation, 1), (TrafficSelectorInitiator, 1), (TrafficSelectorResponder, 1),
            ],
            [[]], "RFC 7296 C.2-C.3"),
        new(ExchangeType.IkeAuth, true,
            [
                (IdResponder, 1), (Certificate, Many), (Authentication, 1), (PayloadType.Eap, 1), (Configuration, 1),
                (SecurityAssociation, 1), (TrafficSelectorInitiator, 1), (TrafficSelectorResponder, 1),
            ],
            [[]], "RFC 7296 C.2-C.3"),

        new(ExchangeType.CreateChildSa, false,
            [(SecurityAssociation, 1), (Nonce, 1), (KeyExchange, 1), (TrafficSelectorInitiator, 1), (TrafficSelectorResponder, 1), (Configuration, 1)],
            [[SecurityAssociation, Nonce, TrafficSelectorInitiator, TrafficSelectorResponder], [SecurityAssociation, Nonce, KeyExchange]], "RFC 7296 C.4-C.5"),
        new(ExchangeType.CreateChildSa, true,
            [(SecurityAssociation, 1), (Nonce, 1), (KeyExchange, 1), (TrafficSelectorInitiator, 1), (TrafficSelectorResponder, 1), (Configuration, 1)],
            [[SecurityAssociation, Nonce, TrafficSelectorInitiator, TrafficSelectorResponder], [SecurityAssociation, Nonce, KeyExchange], [Notify]], "RFC 7296 C.4-C.5"),

        new(ExchangeType.Informational, false, [(Delete, Many), (Configuration, 1)], [[]], "RFC 7296 C.6"),
        new(ExchangeType.Informational, true, [(Delete, Many), (Configuration, 1)], [[]], "RFC 7296 C.6"),

        new(ExchangeType.IkeIntermediate, false, [(KeyExchange, 1)], [[]], "RFC 9242 §3.3"),
        new(ExchangeType.IkeIntermediate, true, [(KeyExchange, 1)], [[]], "RFC 9242 §3.3"),
        new(ExchangeType.IkeFollowupKe, false, [(KeyExchange, 1)], [[KeyExchange]], "RFC 9370 §2.2.4"),
        new(ExchangeType.IkeFollowupKe, true, [(KeyExchange, 1)], [[KeyExchange], [Notify]], "RFC 9370 §2.2.4"),
    ];

    /// <summary>Judges a message as it stands in the datagram: what must be protected is, and what is not protected is complete.</summary>
    public static bool TryCheckOuter(Message message, out WireError error)
    {
        var exchange = message.Header.Exchange;
        if (message.IsProtected)
        {
            // RFC 7296 §1.2: the first exchange is not protected. RFC 7296 §3.14: nothing but the encrypted payload stands outside it.
            error = exchange == ExchangeType.IkeSaInit || message.Payloads.Count > 1 ? WireFault.PayloadNotAllowed : WireError.None;
            return error == WireError.None;
        }

        foreach (var payload in message.Payloads.AsSpan())
            if (Payload.EndsChain(payload.Type)) { error = WireFault.PayloadNotAllowed; return false; }
        if (exchange == ExchangeType.IkeSaInit) return TryCheck(message.Header, message.Payloads, out error);

        // RFC 7296 §1.5: outside an SA there are only notifies about an unknown SPI or version.
        var isStray = exchange == ExchangeType.Informational && message.Payloads.All(p => p is NotifyPayload or VendorIdPayload or UnknownPayload);
        error = isStray ? WireError.None : WireFault.NotProtected;
        return isStray;
    }

    /// <summary>Judges the payloads of an exchange: those of an unprotected message or of an opened encrypted payload.</summary>
    public static bool TryCheck(IkeHeader header, ValueList<Payload> payloads, out WireError error)
    {
        var row = Array.Find(_rows, r => r.Exchange == header.Exchange && r.Response == header.IsResponse);
        if (row is null) { error = new WireError(WireFault.UnknownExchange, (byte)header.Exchange); return false; }

        Span<int> counts = stackalloc int[256];
        counts.Clear();
        foreach (var payload in payloads.AsSpan())
        {
            if (payload is not UnknownPayload) counts[(int)payload.Type]++;
            if (payload is UnknownPayload or NotifyPayload or VendorIdPayload) continue;
            var max = Array.Find(row.May, m => m.Type == payload.Type).Max;
            if (max == 0) { error = new WireError(WireFault.PayloadNotAllowed, (byte)payload.Type); return false; }
            if (counts[(int)payload.Type] > max) { error = new WireError(WireFault.PayloadRepeated, (byte)payload.Type); return false; }
        }

        foreach (var set in row.MustOneOf)
        {
            var whole = true;
            foreach (var type in set) whole &= counts[(int)type] != 0;
            if (whole) { error = WireError.None; return true; }
        }

        error = WireFault.PayloadMissing;
        return false;
    }
}
