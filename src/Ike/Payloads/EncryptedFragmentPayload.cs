using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>SKF: a protected part of the plaintext of an encrypted payload.</summary>
/// <remarks>
/// RFC 7383 §2.5:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |        Fragment Number        |        Total Fragments        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Initialization Vector                     |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                      Encrypted content                        ~
/// +               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               |             Padding (0-255 octets)            |
/// +-+-+-+-+-+-+-+-+                               +-+-+-+-+-+-+-+-+
/// |                                               |  Pad Length   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                    Integrity Checksum Data                    ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
/// <param name="FirstInner">Type of the first payload inside, in fragment 1; 0 in the others.</param>
/// <param name="Number">This fragment's number, from 1.</param>
/// <param name="Total">How many there are.</param>
/// <param name="Sealed">Initialization vector, ciphertext and checksum.</param>
public sealed record EncryptedFragmentPayload(PayloadType FirstInner, ushort Number, ushort Total, Octets Sealed) : Payload
{
    public override PayloadType Type => PayloadType.EncryptedFragment;

    internal static bool TryParse(PayloadType firstInner, ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadUInt16(out var number) || !reader.TryReadUInt16(out var total)) return false;
        // RFC 7383 §2.5: numbers run from 1 to the total, which is not zero.
        if (number == 0 || number > total) return false;
        // RFC 7383 §2.5: only the first fragment names a payload.
        if (number > 1 && firstInner != PayloadType.None) return false;
        payload = new EncryptedFragmentPayload(firstInner, number, total, new Octets(reader.ReadRest()));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteUInt16(Number);
        writer.WriteUInt16(Total);
        writer.WriteBytes(Sealed.Span);
    }
}
