using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Payloads;

/// <summary>Kinds of identities (RFC 7296 §3.5).</summary>
public enum IdType : byte
{
    Ipv4Address = 1,
    Fqdn = 2,
    Rfc822Address = 3,
    Ipv6Address = 5,
    DerAsn1Dn = 9,
    DerAsn1Gn = 10,
    KeyId = 11,

    /// <summary>RFC 7619: a peer that does not authenticate itself.</summary>
    Null = 13,
}

/// <summary>IDi and IDr: who one side says it is.</summary>
/// <remarks>
/// RFC 7296 §3.5:
/// <code>
///                      1                   2                   3
///  0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// | Next Payload  |C|  RESERVED   |         Payload Length        |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |   ID Type     |                 RESERVED                      |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// |                                                               |
/// ~                   Identification Data                         ~
/// |                                                               |
/// +-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+-+
/// </code>
/// </remarks>
public abstract record IdentificationPayload : Payload
{
    private protected IdentificationPayload(IdType kind, Octets data) => (Kind, Data) = (kind, data);

    public IdType Kind { get; init; }

    public Octets Data { get; init; }

    /// <summary>The octets behind the generic header: what prf(SK_p, ID') is taken over (RFC 7296 §2.15).</summary>
    public byte[] Body()
    {
        var body = new byte[4 + Data.Length];
        body[0] = (byte)Kind;
        Data.Span.CopyTo(body.AsSpan(4));
        return body;
    }

    private protected static bool TryParse(ReadOnlySpan<byte> content, out IdType kind, out Octets data)
    {
        kind = default;
        data = default;
        var reader = new IkeReader(content);
        if (!reader.TryReadByte(out var type) || !reader.TrySkip(3)) return false;
        kind = (IdType)type;
        data = new Octets(reader.ReadRest());
        return kind switch
        {
            // RFC 7296 §3.5: addresses have the length of their family.
            IdType.Ipv4Address => data.Length == 4,
            IdType.Ipv6Address => data.Length == 16,
            // RFC 7619 §2.2: the data of ID_NULL is empty.
            IdType.Null => true,
            _ => !data.IsEmpty,
        };
    }

    internal override void WriteBody(ref IkeWriter writer)
    {
        writer.WriteByte((byte)Kind);
        writer.WriteZeros(3);
        writer.WriteBytes(Data.Span);
    }
}

/// <summary>IDi: the initiator's identity.</summary>
public sealed record IdInitiatorPayload(IdType Kind, Octets Data) : IdentificationPayload(Kind, Data)
{
    public override PayloadType Type => PayloadType.IdInitiator;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        var ok = TryParse(content, out var kind, out var data);
        payload = ok ? new IdInitiatorPayload(kind, data) : null!;
        return ok;
    }
}

/// <summary>IDr: the responder's identity.</summary>
public sealed record IdResponderPayload(IdType Kind, Octets Data) : IdentificationPayload(Kind, Data)
{
    public override PayloadType Type => PayloadType.IdResponder;

    internal static bool TryParse(ReadOnlySpan<byte> content, out Payload payload)
    {
        var ok = TryParse(content, out var kind, out var data);
        payload = ok ? new IdResponderPayload(kind, data) : null!;
        return ok;
    }
}
