using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Payloads;

/// <summary>D: SAs that the sender has removed.</summary>
/// <remarks>
/// RFC 7296 §3.11:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Protocol ID   |   SPI Size    |          Num of SPIs          |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~               Security Parameter Index(es) (SPI)              ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
/// <param name="Protocol">IKE (then there are no SPIs: the SA itself goes), AH or ESP.</param>
/// <param name="Spis">SPIs as the sender expects them on packets to itself.</param>
public sealed record DeletePayload(SaProtocol Protocol, ValueList<Spi> Spis) : Payload
{
    public override PayloadType Type => PayloadType.Delete;

    /// <summary>Delete of the IKE SA that carries the message.</summary>
    public static DeletePayload IkeSa { get; } = new(SaProtocol.Ike, []);

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var protocol) || !reader.TryReadByte(out var size) || !reader.TryReadUInt16(out var count)) return false;
        var kind = (SaProtocol)protocol;
        switch (kind)
        {
            // RFC 7296 §3.11: the SPI size is zero for IKE and four for AH and ESP.
            case SaProtocol.Ike when size != 0 || count != 0 || !reader.AtEnd:
            case SaProtocol.Ah or SaProtocol.Esp when size != 4 || reader.Remaining != 4 * count:
                return false;
            case SaProtocol.Ike or SaProtocol.Ah or SaProtocol.Esp:
                break;
            default:
                return false;
        }

        var spis = new Spi[count];
        for (var i = 0; i < count; i++)
        {
            if (!reader.TryReadUInt32(out var spi)) return false;
            spis[i] = new Spi(spi);
        }

        payload = new DeletePayload(kind, spis.ToValueList());
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Protocol);
        writer.WriteByte(Protocol == SaProtocol.Ike ? (byte)0 : (byte)4);
        writer.WriteUInt16(checked((ushort)Spis.Count));
        foreach (var spi in Spis.AsSpan()) writer.WriteUInt32(spi.Value);
    }
}
