using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>KE: a public value of a key exchange method.</summary>
/// <remarks>
/// RFC 7296 §3.4:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   Diffie-Hellman Group Num    |           RESERVED            |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                       Key Exchange Data                       ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
/// <param name="Method">Transform Type 4 number (IANA "Key Exchange Method Transform IDs").</param>
/// <param name="PublicValue">The value in the form of its RFC; its length is the key exchange's affair.</param>
public sealed record KeyExchangePayload(ushort Method, Octets PublicValue) : Payload
{
    public override PayloadType Type => PayloadType.KeyExchange;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadUInt16(out var method) || !reader.TrySkip(2) || reader.AtEnd) return false;
        payload = new KeyExchangePayload(method, new Octets(reader.ReadRest()));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteUInt16(Method);
        writer.WriteUInt16(0);
        writer.WriteBytes(PublicValue.Span);
    }
}
