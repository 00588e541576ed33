using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>Nonce: fresh random octets of one side.</summary>
/// <remarks>
/// RFC 7296 §3.9:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                            Nonce Data                         ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record NoncePayload(Octets Nonce) : Payload
{
    /// <summary>RFC 7296 §3.9: 16 to 256 octets.</summary>
    public const int MinLength = 16;

    /// <inheritdoc cref="MinLength"/>
    public const int MaxLength = 256;

    public override PayloadType Type => PayloadType.Nonce;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        if (content.Length is < MinLength or > MaxLength) return false;
        payload = new NoncePayload(new Octets(content));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer) => writer.WriteBytes(Nonce.Span);
}
