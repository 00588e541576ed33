using System.Security.Cryptography;
using System.Text;

namespace Gateway.Host.Vici.Handlers;

/// <summary>Names for credentials, which come over vici without one.</summary>
internal static class CredentialNames
{
    /// <summary>The item of a list as text; a certificate (PEM, or DER, whose first octet is a SEQUENCE) by its name.</summary>
    public static string OrText(byte[] item) => item.Length > 0 && (item[0] == 0x30 || item.AsSpan().StartsWith("-----BEGIN"u8)) ? OfBlob("cert", item) : Encoding.UTF8.GetString(item);

    /// <summary>A name that the same content has always, whether as DER or as PEM.</summary>
    public static string OfBlob(string prefix, byte[] content)
    {
        var der = content;
        var text = Encoding.ASCII.GetString(content);
        if (PemEncoding.TryFind(text, out var pem))
        {
            der = new byte[pem.DecodedDataLength];
            if (!Convert.TryFromBase64String(text[pem.Base64Data], der, out _)) der = content;
        }

        return $"{prefix}-{Convert.ToHexStringLower(SHA256.HashData(der).AsSpan(0, 10))}";
    }
}
