using Gateway.Ike.Payloads;
using Gateway.Policy;

namespace Gateway.Ike.Wire;

/// <summary>A fault of a received message and, where there is one, the octet that names it (a version or a payload type).</summary>
public readonly record struct WireError(WireFault Fault, byte Detail = 0)
{
    public static WireError None => default;

    public static implicit operator WireError(WireFault fault) => new(fault);

    /// <summary>The notify an authenticated peer is answered with; null where the message is dropped in silence.</summary>
    public NotifyType? Notify => _table[(int)Fault].Notify;

    /// <summary>Data of that notify.</summary>
    public Octets NotifyData => Fault switch
    {
        // RFC 7296 §2.5: the data is the one-octet payload type.
        WireFault.UnsupportedCriticalPayload => new Octets([Detail]),
        // RFC 7296 §2.5: the data is not specified; the header's version says what we speak.
        _ => Octets.Empty,
    };

    /// <summary>One sentence for people.</summary>
    public string Sentence => Detail == 0 ? _table[(int)Fault].Sentence : $"{_table[(int)Fault].Sentence} ({Detail})";

    public override string ToString() => Sentence;

    // RFC 7296 §2.21.1-2.21.3: INVALID_SYNTAX answers only what was authenticated; the caller knows whether it was.
    private static readonly (NotifyType? Notify, string Sentence)[] _table = Build();

    private static (NotifyType?, string)[] Build()
    {
        (WireFault Fault, NotifyType? Notify, string Sentence)[] rows =
        [
            (WireFault.None, null, "The message is well formed."),
            (WireFault.TooShort, null, "The datagram is shorter than an IKE header."),
            (WireFault.InvalidMajorVersion, NotifyType.InvalidMajorVersion, "The message has a major version above 2."),
            (WireFault.OldVersion, null, "The message is not of IKE version 2."),
            (WireFault.WrongMessageLength, null, "The length in the header is not the length of the datagram."),
            (WireFault.ZeroInitiatorSpi, null, "The initiator's SPI is zero."),
            (WireFault.TruncatedPayload, NotifyType.InvalidSyntax, "A payload runs past the end of the message."),
            (WireFault.TrailingOctets, NotifyType.InvalidSyntax, "Octets follow the last payload."),
            (WireFault.TooManyPayloads, NotifyType.InvalidSyntax, "The message has more payloads than any exchange needs."),
            (WireFault.UnsupportedCriticalPayload, NotifyType.UnsupportedCriticalPayload, "A critical payload is of an unknown type."),
            (WireFault.MalformedSecurityAssociation, NotifyType.InvalidSyntax, "The SA payload is malformed."),
            (WireFault.MalformedKeyExchange, NotifyType.InvalidSyntax, "The KE payload is malformed."),
            (WireFault.MalformedNonce, NotifyType.InvalidSyntax, "The nonce is not of 16 to 256 octets."),
            (WireFault.MalformedIdentification, NotifyType.InvalidSyntax, "The identification payload is malformed."),
            (WireFault.MalformedCertificate, NotifyType.InvalidSyntax, "The certificate payload is malformed."),
            (WireFault.MalformedCertificateRequest, NotifyType.InvalidSyntax, "The certificate request payload is malformed."),
            (WireFault.MalformedAuthentication, NotifyType.InvalidSyntax, "The authentication payload is malformed."),
            (WireFault.MalformedNotify, NotifyType.InvalidSyntax, "A notify payload is malformed."),
            (WireFault.MalformedDelete, NotifyType.InvalidSyntax, "A delete payload is malformed."),
            (WireFault.MalformedTrafficSelectors, NotifyType.InvalidSyntax, "A traffic selector payload is malformed."),
            (WireFault.MalformedConfiguration, NotifyType.InvalidSyntax, "The configuration payload is malformed."),
            (WireFault.MalformedEap, NotifyType.InvalidSyntax, "The EAP payload is malformed."),
            (WireFault.MalformedEncrypted, null, "The encrypted payload is malformed."),
            (WireFault.MalformedFragment, null, "The encrypted fragment payload is malformed."),
            (WireFault.UnknownExchange, NotifyType.InvalidSyntax, "The exchange type is unknown."),
            (WireFault.PayloadNotAllowed, NotifyType.InvalidSyntax, "A payload may not appear in this exchange."),
            (WireFault.PayloadRepeated, NotifyType.InvalidSyntax, "A payload appears more often than this exchange allows."),
            (WireFault.PayloadMissing, NotifyType.InvalidSyntax, "A payload that this exchange needs is missing."),
            (WireFault.NotProtected, null, "The message should be protected and is not."),
            (WireFault.IntegrityFailed, null, "The message failed its integrity check."),
            (WireFault.MalformedPadding, null, "The padding of the encrypted payload is malformed."),
            (WireFault.TooManyFragments, null, "The message has more fragments than are accepted."),
            (WireFault.UnexpectedFragment, null, "The fragment does not belong to the message being gathered."),
        ];
        var table = new (NotifyType?, string)[rows.Length];
        foreach (var (fault, notify, sentence) in rows) table[(int)fault] = (notify, sentence);
        return table;
    }
}
