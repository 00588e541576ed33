using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>N: an error or a status, perhaps about one SA.</summary>
/// <remarks>
/// RFC 7296 §3.10:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |  Protocol ID  |   SPI Size    |      Notify Message Type      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                Security Parameter Index (SPI)                 ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                       Notification Data                       ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public sealed record NotifyPayload(NotifyType Notify, Octets Data = default, SaProtocol Protocol = SaProtocol.None, Octets Spi = default) : Payload
{
    public override PayloadType Type => PayloadType.Notify;

    /// <summary>Whether the notify reports an error.</summary>
    public bool IsError => Notify.IsError();

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var protocol) || !reader.TryReadByte(out var size) || !reader.TryReadUInt16(out var type)) return false;
        if (!reader.TryReadOctets(size, out var spi)) return false;
        // RFC 7296 §3.10: only the SPIs of AH and ESP appear here, of 4 octets; for the IKE SA itself the size is zero.
        if ((SaProtocol)protocol is SaProtocol.Ah or SaProtocol.Esp && size is not (0 or 4)) return false;
        payload = new NotifyPayload((NotifyType)type, new Octets(reader.ReadRest()), (SaProtocol)protocol, spi);
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Protocol);
        writer.WriteByte(checked((byte)Spi.Length));
        writer.WriteUInt16((ushort)Notify);
        writer.WriteBytes(Spi.Span);
        writer.WriteBytes(Data.Span);
    }
}
