using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>SK: other payloads, encrypted and integrity protected; always the last payload of its message.</summary>
/// <remarks>
/// RFC 7296 §3.14 (RFC 5282 §3 for AEAD ciphers, where the integrity checksum is the cipher's tag):
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                     Initialization Vector                     |
/// |     (length is block size for encryption algorithm)           |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                    Encrypted IKE Payloads                     ~
/// +               +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |               |             Padding (0-255 octets)            |
/// +-+-+-+-+-+-+-+-+                               +-+-+-+-+-+-+-+-+
/// |                                               |  Pad Length   |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// ~                    Integrity Checksum Data                    ~
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
/// <param name="FirstInner">Type of the first payload inside.</param>
/// <param name="Sealed">Initialization vector, ciphertext and checksum.</param>
public sealed record EncryptedPayload(PayloadType FirstInner, Octets Sealed) : Payload
{
    public override PayloadType Type => PayloadType.Encrypted;

    internal override void WriteBody(ref IkeWriter writer) => writer.WriteBytes(Sealed.Span);
}
