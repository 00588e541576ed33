using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>CERTREQ: which certificates the sender would like, by authority.</summary>
/// <remarks>
/// RFC 7296 §3.7:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Cert Encoding |                                               |
/// +-+-+-+-+-+-+-+-+                                               |
/// ~                    Certification Authority                    ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
/// <param name="Encoding">The encoding asked for.</param>
/// <param name="Authorities">For X.509: SHA-1 hashes of the authorities' public keys, 20 octets each; may be empty.</param>
public sealed record CertificateRequestPayload(CertificateEncoding Encoding, Octets Authorities) : Payload
{
    public override PayloadType Type => PayloadType.CertificateRequest;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        if (content.IsEmpty) return false;
        var encoding = (CertificateEncoding)content[0];
        // RFC 7296 §3.7: the hashes are concatenated, so their length is a multiple of 20.
        if (encoding is CertificateEncoding.X509Signature && (content.Length - 1) % 20 != 0) return false;
        payload = new CertificateRequestPayload(encoding, new Octets(content[1..]));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Encoding);
        writer.WriteBytes(Authorities.Span);
    }
}
