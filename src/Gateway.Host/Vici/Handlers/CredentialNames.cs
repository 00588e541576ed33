using System.Security.Cryptography;
using System.Text;
using System.Text.Json.Nodes;
using Gateway.Host.Vici.Server;
using Gateway.Policy.Commands;

namespace Gateway.Host.Vici.Handlers;

/// <summary>Names for credentials, which come over vici without one.</summary>
internal static class CredentialNames
{
    public const string CertificateKind = "certificate";
    public const string Authority = "authority";

    /// <summary>The item of a certificate, a revocation list or a raw public key.</summary>
    /// <param name="type">As the item's field.</param>
    /// <param name="flag">As the item's field.</param>
    public static ItemPutRequest Certificate(string type, string flag, byte[] content)
    {
        var spec = new JsonObject { ["data"] = IsPem(content) ? Encoding.ASCII.GetString(content) : Convert.ToBase64String(content) };
        if (type != "x509") spec["type"] = type;
        if (flag != "none") spec["flag"] = flag;
        return ViciDoor.Put(CertificateKind, OfBlob("cert", content), spec);
    }

    /// <summary>Whether the item of a list is what a file holds rather than text: PEM, or DER, whose first octet is a SEQUENCE.</summary>
    public static bool IsBlob(byte[] item) => item.Length > 0 && (item[0] == 0x30 || IsPem(item));

    /// <summary>The item of a list as text; a certificate by its name.</summary>
    public static string OrText(byte[] item) => IsBlob(item) ? OfBlob("cert", item) : Encoding.UTF8.GetString(item);

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

    private static bool IsPem(byte[] content) => content.AsSpan().TrimStart("\r\n \t"u8).StartsWith("-----BEGIN"u8);
}
