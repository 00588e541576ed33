using System.Buffers.Binary;
using System.Text;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Eap;

/// <summary>Builds and reads the packets of EAP and of its simple methods.</summary>
internal static class EapPackets
{
    public const byte MsChapChallenge = 1;
    public const byte MsChapResponse = 2;
    public const byte MsChapSuccess = 3;
    public const byte MsChapFailure = 4;

    public static EapPayload Request(byte identifier, EapMethod method, ReadOnlySpan<byte> data) => new(EapCode.Request, identifier, new Octets([(byte)method, .. data]));

    public static EapPayload Response(byte identifier, EapMethod method, ReadOnlySpan<byte> data) => new(EapCode.Response, identifier, new Octets([(byte)method, .. data]));

    public static EapPayload Success(byte identifier) => new(EapCode.Success, identifier, default);

    public static EapPayload Failure(byte identifier) => new(EapCode.Failure, identifier, default);

    /// <summary>The identity as EAP tells it: its octets, without a type (RFC 3748 §5.1).</summary>
    public static byte[] Encode(Identity identity) => identity.Kind switch
    {
        IdType.Ipv4Address or IdType.Ipv6Address or IdType.DerAsn1Dn => Encoding.UTF8.GetBytes(identity.ToString()),
        _ => identity.Data.Span.ToArray(),
    };

    /// <summary>An identity out of EAP, read as one from the configuration is.</summary>
    public static Identity? Decode(ReadOnlySpan<byte> octets)
    {
        if (octets.IsEmpty || octets.Length > 512 || octets.ContainsAnyInRange((byte)0, (byte)0x1f)) return null;
        return Identity.TryParse(Encoding.UTF8.GetString(octets), out var identity) && !identity.IsAny ? identity : new Identity(IdType.KeyId, new Octets(octets));
    }

    /// <summary>The value and the rest of a packet whose value stands behind its length (RFC 1994 §4.1).</summary>
    public static bool TryValue(ReadOnlySpan<byte> data, int length, out ReadOnlySpan<byte> value, out ReadOnlySpan<byte> rest)
    {
        value = rest = default;
        if (data.Length < 1 + length || data[0] != length) return false;
        value = data.Slice(1, length);
        rest = data[(1 + length)..];
        return true;
    }

    /// <summary>A packet of MSCHAPv2: code, identifier, length, content (draft-kamath-pppext-eap-mschapv2 §2).</summary>
    public static byte[] MsChap(byte code, byte identifier, ReadOnlySpan<byte> content)
    {
        Span<byte> header = stackalloc byte[4];
        header[0] = code;
        header[1] = identifier;
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], checked((ushort)(4 + content.Length)));
        return [.. header, .. content];
    }

    /// <summary>Reads code and content; the codes of acknowledgements stand alone.</summary>
    public static bool TryMsChap(Octets data, out byte code, out byte identifier, out ReadOnlySpan<byte> content)
    {
        var octets = data.Span[1..];
        (code, identifier) = (0, 0);
        content = default;
        if (octets.IsEmpty) return false;
        code = octets[0];
        if (octets.Length == 1) return code is MsChapSuccess or MsChapFailure;
        if (octets.Length < 4 || BinaryPrimitives.ReadUInt16BigEndian(octets[2..]) != octets.Length) return false;
        identifier = octets[1];
        content = octets[4..];
        return true;
    }
}
