using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>EAP codes (RFC 3748 §4).</summary>
public enum EapCode : byte
{
    Request = 1,
    Response = 2,
    Success = 3,
    Failure = 4,
}

/// <summary>EAP: one packet of the Extensible Authentication Protocol.</summary>
/// <remarks>
/// RFC 7296 §3.16, with the packet of RFC 3748 §4:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Code      | Identifier    |           Length              |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |     Type      | Type_Data...
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-
/// </code>
/// </remarks>
/// <param name="Code">Request, response, success or failure.</param>
/// <param name="Identifier">Matches a response to its request.</param>
/// <param name="Data">Type and type data; empty in success and failure.</param>
public sealed record EapPayload(EapCode Code, byte Identifier, Octets Data) : Payload
{
    public override PayloadType Type => PayloadType.Eap;

    /// <summary>The EAP method or notification, 0 where there is none.</summary>
    public byte EapType => Data.IsEmpty ? (byte)0 : Data.Span[0];

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        payload = null!;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var code) || !reader.TryReadByte(out var identifier) || !reader.TryReadUInt16(out var length)) return false;
        // RFC 7296 §3.16: the EAP length is four less than that of the payload.
        if (length != content.Length) return false;
        var data = reader.ReadRest();
        var valid = (EapCode)code switch
        {
            // RFC 3748 §4.1: a request or response has a type.
            EapCode.Request or EapCode.Response => !data.IsEmpty,
            // RFC 3748 §4.2: success and failure have no data.
            EapCode.Success or EapCode.Failure => data.IsEmpty,
            _ => false,
        };
        if (!valid) return false;
        payload = new EapPayload((EapCode)code, identifier, new Octets(data));
        return true;
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Code);
        writer.WriteByte(Identifier);
        writer.WriteUInt16(checked((ushort)(4 + Data.Length)));
        writer.WriteBytes(Data.Span);
    }
}
