using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>How a certificate is encoded (RFC 7296 §3.6).</summary>
public enum CertificateEncoding : byte
{
    Pkcs7WrappedX509 = 1,
    PgpCertificate = 2,
    DnsSignedKey = 3,
    X509Signature = 4,
    KerberosToken = 6,
    CertificateRevocationList = 7,
    AuthorityRevocationList = 8,
    SpkiCertificate = 9,
    X509Attribute = 10,
    HashAndUrlOfX509 = 12,
    HashAndUrlOfX509Bundle = 13,

    /// <summary>RFC 4806.</summary>
    OcspContent = 14,

    /// <summary>RFC 7670.</summary>
    RawPublicKey = 15,
}

/// <summary>CERT: a certificate or related data.</summary>
/// <remarks>
/// RFC 7296 §3.6:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Cert Encoding |                                               |
/// +-+-+-+-+-+-+-+-+                                               |
/// ~                       Certificate Data                        ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record CertificatePayload(CertificateEncoding Encoding, Octets Data) : Payload
{
    public override PayloadType Type => PayloadType.Certificate;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        if (content.Length < 2) return false;
        payload = new CertificatePayload((CertificateEncoding)content[0], new Octets(content[1..]));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Encoding);
        writer.WriteBytes(Data.Span);
    }
}
