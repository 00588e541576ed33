using System.Globalization;
using System.Text.RegularExpressions;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Wire;

namespace Gateway.Unit.Ike;

/// <summary>Keys of one IKE SA as Wireshark's ikev2_decryption_table has them.</summary>
internal sealed partial record SaKeys(
    IkeSpiPair Spis, byte[] Ei, byte[] Er, EncryptionAlgorithm Encryption, int KeyBits, byte[] Ai, byte[] Ar, IntegrityAlgorithm Integrity)
{
    /// <summary>All tables below a folder; one SA may have several keys (IKE_INTERMEDIATE changes them).</summary>
    public static ILookup<IkeSpiPair, SaKeys> ReadAll(string folder) => Directory
        .EnumerateFiles(folder, "ikev2_decryption_table", SearchOption.AllDirectories)
        .SelectMany(File.ReadLines)
        .Where(line => line.Contains(',', StringComparison.Ordinal))
        .Distinct()
        .Select(Parse)
        .ToLookup(k => k.Spis);

    public IIkeCipher Cipher(bool fromInitiator) => IkeCiphers.Create(Encryption, KeyBits, Integrity, fromInitiator ? Ei : Er, fromInitiator ? Ai : Ar);

    private static SaKeys Parse(string line)
    {
        var fields = line.Split(',').Select(f => f.Trim('"')).ToArray();
        var (encryption, bits) = Cipher(fields[4]);
        return new SaKeys(
            new IkeSpiPair(Spi(fields[0]), Spi(fields[1])),
            Convert.FromHexString(fields[2]), Convert.FromHexString(fields[3]), encryption, bits,
            Convert.FromHexString(fields[5]), Convert.FromHexString(fields[6]), Check(fields[7]));
    }

    private static IkeSpi Spi(string hex) => new(ulong.Parse(hex, NumberStyles.HexNumber, CultureInfo.InvariantCulture));

    private static (EncryptionAlgorithm Algorithm, int Bits) Cipher(string name)
    {
        var match = CipherName().Match(name);
        var bits = int.Parse(match.Groups["bits"].Value, CultureInfo.InvariantCulture);
        return (match.Groups["mode"].Value, match.Groups["icv"].Value) switch
        {
            ("CBC", _) => (EncryptionAlgorithm.AesCbc, bits),
            ("CTR", _) => (EncryptionAlgorithm.AesCtr, bits),
            ("GCM", "16") => (EncryptionAlgorithm.AesGcm16, bits),
            ("CCM", "16") => (EncryptionAlgorithm.AesCcm16, bits),
            _ => throw new InvalidDataException($"The cipher {name} is not known here."),
        };
    }

    private static IntegrityAlgorithm Check(string name) => name.Split(' ')[0] switch
    {
        "NONE" => IntegrityAlgorithm.None,
        "HMAC_SHA1_96" => IntegrityAlgorithm.HmacSha1_96,
        "HMAC_SHA2_256_128" => IntegrityAlgorithm.HmacSha2_256_128,
        "HMAC_SHA2_384_192" => IntegrityAlgorithm.HmacSha2_384_192,
        "HMAC_SHA2_512_256" => IntegrityAlgorithm.HmacSha2_512_256,
        _ => throw new InvalidDataException($"The integrity algorithm {name} is not known here."),
    };

    [GeneratedRegex(@"AES-(?<mode>\w+)-(?<bits>\d+)( with (?<icv>\d+) octet ICV)?")]
    private static partial Regex CipherName();
}
