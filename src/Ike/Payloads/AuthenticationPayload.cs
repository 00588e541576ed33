using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>Authentication methods (RFC 7296 §3.8 and the IANA registry "IKEv2 Authentication Method").</summary>
public enum AuthMethod : byte
{
    RsaSignature = 1,
    SharedKey = 2,
    DssSignature = 3,

    /// <summary>RFC 4754.</summary>
    EcdsaSha256P256 = 9,

    /// <summary>RFC 4754.</summary>
    EcdsaSha384P384 = 10,

    /// <summary>RFC 4754.</summary>
    EcdsaSha512P521 = 11,

    /// <summary>RFC 6467.</summary>
    GenericSecurePassword = 12,

    /// <summary>RFC 7619.</summary>
    Null = 13,

    /// <summary>RFC 7427.</summary>
    DigitalSignature = 14,
}

/// <summary>AUTH: proof that the sender is who its identity says.</summary>
/// <remarks>
/// RFC 7296 §3.8:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Auth Method   |                RESERVED                       |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                      Authentication Data                      ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record AuthenticationPayload(AuthMethod Method, Octets Data) : Payload
{
    public override PayloadType Type => PayloadType.Authentication;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var method) || !reader.TrySkip(3) || reader.AtEnd) return false;
        payload = new AuthenticationPayload((AuthMethod)method, new Octets(reader.ReadRest()));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Method);
        writer.WriteZeros(3);
        writer.WriteBytes(Data.Span);
    }
}
