using System.Net.Sockets;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Keys;
using Gateway.Ike.Wire;
using Gateway.Policy.Sa;

namespace Gateway.Host.Diagnostics;

/// <summary>
/// Writes the keys of SAs in Wireshark's formats, so that a test or a developer can read a capture. It exists only where both the environment
/// (<c>GATEWAY_KEYLOG=FOLDER</c>) and appliance.json (<c>debug.key_log</c>) ask for it: neither a copied file nor a stray variable alone gives keys away.
/// </summary>
public sealed class KeyLog
{
    /// <summary>The environment variable that names the folder.</summary>
    public const string Variable = "GATEWAY_KEYLOG";

    private readonly string _folder;
    private readonly Lock _lock = new();

    private KeyLog(string folder) => _folder = folder;

    /// <summary>Null unless both ask for it.</summary>
    public static KeyLog? Open(bool configured) =>
        configured && Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } folder && Directory.Exists(folder) ? new KeyLog(folder) : null;

    /// <summary>A row of Wireshark's <c>ikev2_decryption_table</c>.</summary>
    public void Log(IkeSpiPair spis, IkeKeys keys)
    {
        if (EncryptionName(keys.Suite) is not { } encryption || IntegrityName(keys.Suite.Integrity) is not { } integrity) return;
        Append("ikev2_decryption_table", string.Join(',',
            spis.Initiator, spis.Responder, Hex(keys.Ei.Span), Hex(keys.Er.Span), $"\"{encryption}\"", Hex(keys.Ai.Span), Hex(keys.Ar.Span), $"\"{integrity}\""));
    }

    /// <summary>Two rows of Wireshark's <c>esp_sa</c>, one a direction.</summary>
    /// <param name="sa">What is installed.</param>
    /// <param name="inbound">KEYMAT of the inbound direction: key, then salt.</param>
    /// <param name="outbound">KEYMAT of the outbound direction.</param>
    public void Log(ChildSaParameters sa, ReadOnlySpan<byte> inbound, ReadOnlySpan<byte> outbound)
    {
        if ((EncryptionAlgorithm)sa.Transforms.Encryption != EncryptionAlgorithm.AesGcm16) return;
        var (local, remote) = (sa.LocalAddress, sa.RemoteAddress);
        var family = local.AddressFamily == AddressFamily.InterNetwork ? "IPv4" : "IPv6";
        Append("esp_sa", $"{Row(remote, local, sa.InboundSpi, inbound)}\n{Row(local, remote, sa.OutboundSpi, outbound)}");

        string Row(System.Net.IPAddress from, System.Net.IPAddress to, Spi spi, ReadOnlySpan<byte> key) =>
            $"\"{family}\",\"{from}\",\"{to}\",\"0x{spi}\",\"AES-GCM with 16 octet ICV [RFC4106]\",\"0x{Hex(key)}\",\"NULL\",\"0x\"";
    }

    private static string? EncryptionName(IkeSuite suite) => suite.Encryption switch
    {
        EncryptionAlgorithm.AesGcm16 => $"AES-GCM-{suite.KeyBits} with 16 octet ICV [RFC5282]",
        EncryptionAlgorithm.AesCbc => $"AES-CBC-{suite.KeyBits} [RFC3602]",
        _ => null,
    };

    private static string? IntegrityName(IntegrityAlgorithm integrity) => integrity switch
    {
        IntegrityAlgorithm.None => "NONE [RFC4306]",
        IntegrityAlgorithm.HmacSha1_96 => "HMAC_SHA1_96 [RFC2404]",
        IntegrityAlgorithm.HmacSha2_256_128 => "HMAC_SHA2_256_128 [RFC4868]",
        IntegrityAlgorithm.HmacSha2_384_192 => "HMAC_SHA2_384_192 [RFC4868]",
        IntegrityAlgorithm.HmacSha2_512_256 => "HMAC_SHA2_512_256 [RFC4868]",
        _ => null,
    };

    private static string Hex(ReadOnlySpan<byte> bytes) => Convert.ToHexStringLower(bytes);

    private void Append(string table, string rows)
    {
        var path = Path.Combine(_folder, table);
        lock (_lock)
        {
            using var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.Append,
                Access = FileAccess.Write,
                UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite,
            });
            using var writer = new StreamWriter(file);
            writer.WriteLine(rows);
        }
    }
}
