using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>Vendor ID: names an implementation or a private extension.</summary>
/// <remarks>
/// RFC 7296 §3.12:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                        Vendor ID (VID)                        ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record VendorIdPayload(Octets Id) : Payload
{
    public override PayloadType Type => PayloadType.VendorId;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = new VendorIdPayload(new Octets(content));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer) => writer.WriteBytes(Id.Span);
}
