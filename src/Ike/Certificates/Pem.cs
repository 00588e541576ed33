using System.Security.Cryptography;
using System.Text;

namespace Gateway.Ike.Certificates;

/// <summary>Finds DER in PEM (RFC 7468) and base64.</summary>
public static class Pem
{
    /// <summary>The content of the first block with one of the labels, or null.</summary>
    public static byte[]? Find(ReadOnlySpan<byte> text, params ReadOnlySpan<string> labels)
    {
        if (text.IndexOf("-----BEGIN "u8) < 0) return null;
        ReadOnlySpan<char> chars = Encoding.UTF8.GetString(text);
        while (PemEncoding.TryFind(chars, out var fields))
        {
            foreach (var label in labels)
                if (chars[fields.Label].SequenceEqual(label)) return Convert.FromBase64String(chars[fields.Base64Data].ToString());
            chars = chars[fields.Location.End..];
        }

        return null;
    }

    /// <summary>DER of text that is PEM or base64; null when it is neither.</summary>
    public static byte[]? Decode(string text, params ReadOnlySpan<string> labels)
    {
        if (text.Contains("-----BEGIN ", StringComparison.Ordinal)) return Find(Encoding.UTF8.GetBytes(text), labels);
        var buffer = new byte[(text.Length * 3 / 4) + 3];
        return Convert.TryFromBase64String(text.Trim(), buffer, out var written) && written > 0 ? buffer[..written] : null;
    }
}
