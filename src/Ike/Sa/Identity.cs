using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Sa;

/// <summary>An IKE identity (RFC 7296 §3.5), written and matched as strongSwan does.</summary>
public sealed record Identity(IdType Kind, Octets Data)
{
    /// <summary>Stands for every identity; never sent.</summary>
    public static Identity Any { get; } = new(IdType.Null, Octets.Empty);

    public bool IsAny => Kind == IdType.Null;

    /// <summary>Whether it may stand for several identities: <c>%any</c>, a name that begins with <c>*</c>, a distinguished name with <c>*</c> for a value.</summary>
    public bool IsPattern => IsAny || (Kind is IdType.Fqdn or IdType.Rfc822Address && Data.Span.Contains((byte)'*')) || (Kind == IdType.DerAsn1Dn && DistinguishedName.Wildcards(Data.Span) > 0);

    public static Identity Of(IPAddress address) =>
        new(address.AddressFamily == AddressFamily.InterNetwork ? IdType.Ipv4Address : IdType.Ipv6Address, address.GetAddressBytes());

    public static Identity Of(IdentificationPayload payload) => new(payload.Kind, payload.Data);

    /// <summary>
    /// <c>%any</c>, an address, <c>user@domain</c>, a domain name (also <c>@name</c>), a distinguished name such as <c>C=CH, O=Lab, CN=gw</c>, <c>@#hex</c> for a key id, or one of these after its type:
    /// <c>fqdn:</c>, <c>email:</c>, <c>keyid:</c>, <c>ipv4:</c>, <c>ipv6:</c>, <c>asn1dn:</c> (after <c>#</c> in hexadecimal).
    /// </summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out Identity? identity)
    {
        identity = null;
        text = text?.Trim();
        if (string.IsNullOrEmpty(text)) return false;
        if (text is "%any" or "%any6" or "*" or "0.0.0.0" or "::") identity = Any;
        else if (TrySplitType(text, out var type, out var rest)) return TryParseTyped(type, rest, out identity);
        else if (text.StartsWith("@#", StringComparison.Ordinal)) return TryKeyId(text[2..], out identity);
        else if (text.StartsWith("@@", StringComparison.Ordinal)) identity = Text(IdType.Rfc822Address, text[2..]);
        else if (text[0] == '@') identity = Text(IdType.Fqdn, text[1..]);
        else if (text.Contains('=', StringComparison.Ordinal)) return TryDn(text, out identity);
        else if (text.Contains('@', StringComparison.Ordinal)) identity = Text(IdType.Rfc822Address, text);
        else if (IpPrefix.TryAddress(text, out var address)) identity = Of(address);
        else if (text.Contains(':', StringComparison.Ordinal)) identity = Text(IdType.KeyId, text);
        else identity = Text(IdType.Fqdn, text);
        return identity is not null;
    }

    /// <summary>Whether this pattern takes <paramref name="other"/>, and how well: 0 not at all, 1 as <c>%any</c>, more with fewer wildcards, 20 exactly.</summary>
    public int Match(Identity other)
    {
        if (IsAny) return 1;
        if (Kind != other.Kind) return 0;
        if (Kind == IdType.DerAsn1Dn) return DistinguishedName.Match(Data.Span, other.Data.Span);
        if (Kind is not (IdType.Fqdn or IdType.Rfc822Address)) return Data == other.Data ? 20 : 0;
        var (pattern, name) = (Encoding.UTF8.GetString(Data.Span), Encoding.UTF8.GetString(other.Data.Span));
        // RFC 7296 §3.5: names are compared without regard to case.
        if (pattern.Equals(name, StringComparison.OrdinalIgnoreCase)) return 20;
        if (pattern == "*") return 2;
        return pattern.StartsWith('*') && name.EndsWith(pattern[1..], StringComparison.OrdinalIgnoreCase) ? 19 : 0;
    }

    /// <summary>The same for all identities that match each other exactly: names in upper case.</summary>
    public Identity Folded() => Kind is IdType.Fqdn or IdType.Rfc822Address ? this with { Data = Encoding.UTF8.GetBytes(Encoding.UTF8.GetString(Data.Span).ToUpperInvariant()) } : this;

    /// <summary>Whether it is the same identity, without any wildcard: names are compared without regard to case.</summary>
    public bool IsSame(Identity other) => Kind == other.Kind && Kind switch
    {
        IdType.DerAsn1Dn => DistinguishedName.AreEqual(Data, other.Data),
        IdType.Fqdn or IdType.Rfc822Address => Encoding.UTF8.GetString(Data.Span).Equals(Encoding.UTF8.GetString(other.Data.Span), StringComparison.OrdinalIgnoreCase),
        _ => Data == other.Data,
    };

    public IdInitiatorPayload ToInitiatorPayload() => new(Kind, Data);

    public IdResponderPayload ToResponderPayload() => new(Kind, Data);

    /// <summary>As strongSwan prints it; characters that are none become <c>?</c>.</summary>
    public override string ToString() => Kind switch
    {
        IdType.Null => "%any",
        IdType.Ipv4Address or IdType.Ipv6Address when Data.Length is 4 or 16 => new IPAddress(Data.Span).ToString(),
        IdType.Fqdn or IdType.Rfc822Address => Printable(Data.Span),
        IdType.DerAsn1Dn => DistinguishedName.Print(Data.Span),
        IdType.KeyId when IsText(Data.Span) => Printable(Data.Span),
        IdType.KeyId => "@#" + Data,
        _ => string.Create(CultureInfo.InvariantCulture, $"{(byte)Kind}:{Data}"),
    };

    private static bool TrySplitType(string text, out string type, out string rest)
    {
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        (type, rest) = colon > 0 ? (text[..colon].ToLowerInvariant(), text[(colon + 1)..]) : ("", "");
        return type is "fqdn" or "dns" or "email" or "rfc822" or "keyid" or "ipv4" or "ipv6" or "asn1dn";
    }

    private static bool TryParseTyped(string type, string rest, [NotNullWhen(true)] out Identity? identity)
    {
        identity = null;
        if (rest.Length == 0) return false;
        switch (type)
        {
            case "fqdn" or "dns": identity = Text(IdType.Fqdn, rest); break;
            case "email" or "rfc822": identity = Text(IdType.Rfc822Address, rest); break;
            case "keyid": identity = Text(IdType.KeyId, rest); break;
            case "asn1dn":
                return rest.StartsWith('#') ? TryRawDn(rest[1..], out identity) : TryDn(rest, out identity);
            default:
                if (!IpPrefix.TryAddress(rest, out var address) || (address.AddressFamily == AddressFamily.InterNetwork) != (type == "ipv4")) return false;
                identity = Of(address);
                break;
        }

        return identity is not null;
    }

    private static bool TryDn(string text, [NotNullWhen(true)] out Identity? identity)
    {
        identity = DistinguishedName.TryParse(text, out var der) ? new Identity(IdType.DerAsn1Dn, der) : null;
        return identity is not null;
    }

    private static bool TryRawDn(string hex, [NotNullWhen(true)] out Identity? identity)
    {
        identity = hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit) && Octets.FromHex(hex) is var der && DistinguishedName.IsValid(der.Span) ? new Identity(IdType.DerAsn1Dn, der) : null;
        return identity is not null;
    }

    private static bool TryKeyId(string hex, [NotNullWhen(true)] out Identity? identity)
    {
        identity = hex.Length > 0 && hex.Length % 2 == 0 && hex.All(char.IsAsciiHexDigit) ? new Identity(IdType.KeyId, Octets.FromHex(hex)) : null;
        return identity is not null;
    }

    private static Identity? Text(IdType kind, string text) => text.Length == 0 ? null : new Identity(kind, Encoding.UTF8.GetBytes(text));

    private static bool IsText(ReadOnlySpan<byte> bytes) => !bytes.ContainsAnyExceptInRange((byte)0x20, (byte)0x7e);

    private static string Printable(ReadOnlySpan<byte> bytes) => string.Create(bytes.Length, bytes, static (chars, from) =>
    {
        for (var i = 0; i < chars.Length; i++) chars[i] = from[i] is >= 0x20 and <= 0x7e ? (char)from[i] : '?';
    });
}
