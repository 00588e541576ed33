using Gateway.Crypto.Der;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>GeneralNames (RFC 5280 §4.2.1.6) as identities of IKE (RFC 4945 §5.1.1).</summary>
internal static class GeneralNames
{
    private const int Max = 256;

    // RFC 5280 §4.2.1.6: the tags that are of use here.
    private const byte Rfc822 = 0x81;
    private const byte Dns = 0x82;
    private const byte Directory = 0xa4;
    private const byte UriTag = 0x86;
    private const byte Ip = 0x87;

    /// <summary>Reads the content of a SEQUENCE OF GeneralName; other kinds of names are passed over.</summary>
    public static bool TryRead(DerReader names, List<Identity> identities)
    {
        for (var count = 0; !names.AtEnd; count++)
        {
            if (count >= Max || !names.TryReadAny(out var tag, out var content, out _)) return false;
            switch (tag)
            {
                case Rfc822 when !content.IsEmpty: identities.Add(new Identity(IdType.Rfc822Address, new Octets(content))); break;
                case Dns when !content.IsEmpty: identities.Add(new Identity(IdType.Fqdn, new Octets(content))); break;
                case Ip when content.Length == 4: identities.Add(new Identity(IdType.Ipv4Address, new Octets(content))); break;
                case Ip when content.Length == 16: identities.Add(new Identity(IdType.Ipv6Address, new Octets(content))); break;
                case Directory when DistinguishedName.IsValid(content): identities.Add(new Identity(IdType.DerAsn1Dn, new Octets(content))); break;
                case Rfc822 or Dns or Ip or Directory: return false;
                default: break;
            }
        }

        return true;
    }

    /// <summary>The HTTP URIs among the names.</summary>
    public static bool TryReadUris(DerReader names, List<string> uris)
    {
        for (var count = 0; !names.AtEnd; count++)
        {
            if (count >= Max || !names.TryReadAny(out var tag, out var content, out _)) return false;
            if (tag == UriTag && AsWebAddress(content) is { } uri) uris.Add(uri);
        }

        return true;
    }

    /// <summary>A URI that can be asked over HTTP, or null.</summary>
    public static string? AsWebAddress(ReadOnlySpan<byte> content)
    {
        if (content.Length > 2048 || content.ContainsAnyExceptInRange((byte)0x21, (byte)0x7e)) return null;
        var text = System.Text.Encoding.ASCII.GetString(content);
        return Uri.TryCreate(text, UriKind.Absolute, out var uri) && uri.Scheme is "http" or "https" ? text : null;
    }
}
