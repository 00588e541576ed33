using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>A payload of an IKE message: a closed family, one record per type of RFC 7296 §3.2.</summary>
public abstract record Payload
{
    private protected Payload()
    {
    }

    public abstract PayloadType Type { get; }

    /// <summary>RFC 7296 §3.2: must be ignored on the types we know, and we send it clear.</summary>
    public bool Critical { get; init; }

    internal abstract void WriteBody(ref IkeWriter writer);

    internal delegate bool Parser(ReadOnlySpan<byte> content, out Payload payload);

    // One row per payload type we understand: how its content is read, and the fault when it cannot be.
    private static readonly Dictionary<PayloadType, (Parser Parse, WireFault Fault)> _parsers = new()
    {
        [PayloadType.SecurityAssociation] = (SecurityAssociationPayload.TryParse, WireFault.MalformedSecurityAssociation),
        [PayloadType.KeyExchange] = (KeyExchangePayload.TryParse, WireFault.MalformedKeyExchange),
        [PayloadType.IdInitiator] = (IdInitiatorPayload.TryParse, WireFault.MalformedIdentification),
        [PayloadType.IdResponder] = (IdResponderPayload.TryParse, WireFault.MalformedIdentification),
        [PayloadType.Certificate] = (CertificatePayload.TryParse, WireFault.MalformedCertificate),
        [PayloadType.CertificateRequest] = (CertificateRequestPayload.TryParse, WireFault.MalformedCertificateRequest),
        [PayloadType.Authentication] = (AuthenticationPayload.TryParse, WireFault.MalformedAuthentication),
        [PayloadType.Nonce] = (NoncePayload.TryParse, WireFault.MalformedNonce),
        [PayloadType.Notify] = (NotifyPayload.TryParse, WireFault.MalformedNotify),
        [PayloadType.Delete] = (DeletePayload.TryParse, WireFault.MalformedDelete),
        [PayloadType.VendorId] = (VendorIdPayload.TryParse, WireFault.TruncatedPayload),
        [PayloadType.TrafficSelectorInitiator] = (TrafficSelectorInitiatorPayload.TryParse, WireFault.MalformedTrafficSelectors),
        [PayloadType.TrafficSelectorResponder] = (TrafficSelectorResponderPayload.TryParse, WireFault.MalformedTrafficSelectors),
        [PayloadType.Configuration] = (ConfigurationPayload.TryParse, WireFault.MalformedConfiguration),
        [PayloadType.Eap] = (EapPayload.TryParse, WireFault.MalformedEap),
    };

    internal static bool TryParse(PayloadType type, GenericHeader header, ReadOnlySpan<byte> content, out Payload payload, out WireError error)
    {
        error = WireError.None;
        switch (type)
        {
            case PayloadType.Encrypted:
                payload = new EncryptedPayload(header.Next, new Octets(content));
                break;
            case PayloadType.EncryptedFragment:
                if (!EncryptedFragmentPayload.TryParse(header.Next, content, out payload)) { error = WireFault.MalformedFragment; return false; }
                break;
            default:
                if (!_parsers.TryGetValue(type, out var row))
                {
                    // RFC 7296 §2.5: an unknown payload is skipped, unless it is critical: then the message is rejected.
                    payload = new UnknownPayload(type, new Octets(content));
                    if (header.Critical) { error = new WireError(WireFault.UnsupportedCriticalPayload, (byte)type); return false; }
                }
                else if (!row.Parse(content, out payload))
                {
                    error = row.Fault;
                    return false;
                }

                break;
        }

        // RFC 7296 §3.2: the bit has no meaning on a payload we know; it is kept so that what we print is what was sent.
        if (header.Critical) payload = payload with { Critical = true };
        return true;
    }

    /// <summary>RFC 7296 §3.14, RFC 7383 §2.5: an encrypted payload is the last of its message.</summary>
    internal static bool EndsChain(PayloadType type) => type is PayloadType.Encrypted or PayloadType.EncryptedFragment;

    internal static PayloadType FirstType(ValueList<Payload> payloads) => payloads.Count == 0 ? PayloadType.None : payloads[0].Type;
}
