using System.Diagnostics.CodeAnalysis;

namespace Gateway.Crypto.Ciphers;

/// <summary>What the IV of a packet must be.</summary>
public enum IvRule
{
    /// <summary>Never the same twice under one key; a counter does (RFC 5282 §3.1, RFC 3686 §3.1).</summary>
    Unique,

    /// <summary>Unpredictable, so random (RFC 7296 §3.14).</summary>
    Unpredictable,
}

/// <summary>
/// One encryption algorithm; all lengths in bytes. The key material taken from prf+ is the key followed by the salt.
/// <see cref="IcvLength"/> is 0 where a separate integrity algorithm makes the check value.
/// </summary>
public sealed record CipherDescription(
    EncryptionAlgorithm Algorithm, bool IsAead, IReadOnlyList<int> KeyBits, int SaltLength, int IvLength, int IcvLength, int BlockLength, IvRule Iv, string Source)
{
    /// <summary>True when the Key Length attribute must be sent, false when it must not (RFC 7296 §3.3.5).</summary>
    public bool HasKeyLengthAttribute => KeyBits.Count > 1;

    /// <summary>Bytes to take from prf+ for one direction; <paramref name="keyBits"/> 0 means the algorithm's only key length.</summary>
    public int KeyMaterialLength(int keyBits) => (keyBits == 0 ? KeyBits[0] : keyBits) / 8 + SaltLength;

    public bool Allows(int keyBits) => keyBits == 0 ? !HasKeyLengthAttribute : KeyBits.Contains(keyBits);

    private static readonly int[] Aes = [128, 192, 256];

    /// <summary>The algorithms that <see cref="IkeCiphers"/> offers.</summary>
    public static IReadOnlyList<CipherDescription> All { get; } =
    [
        //  algorithm                              AEAD   key    salt IV  ICV block IV is               source
        new(EncryptionAlgorithm.AesGcm8,           true,  Aes,   4,   8,  8,  1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.AesGcm12,          true,  Aes,   4,   8,  12, 1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.AesGcm16,          true,  Aes,   4,   8,  16, 1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.AesCcm8,           true,  Aes,   3,   8,  8,  1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.AesCcm12,          true,  Aes,   3,   8,  12, 1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.AesCcm16,          true,  Aes,   3,   8,  16, 1,    IvRule.Unique,        "RFC 5282"),
        new(EncryptionAlgorithm.ChaCha20Poly1305,  true,  [256], 4,   8,  16, 1,    IvRule.Unique,        "RFC 7634"),
        new(EncryptionAlgorithm.AesCbc,            false, Aes,   0,   16, 0,  16,   IvRule.Unpredictable, "RFC 3602"),
        new(EncryptionAlgorithm.AesCtr,            false, Aes,   4,   8,  0,  1,    IvRule.Unique,        "RFC 5930"),
        new(EncryptionAlgorithm.TripleDesCbc,      false, [192], 0,   8,  0,  8,    IvRule.Unpredictable, "RFC 2451"),
    ];

    public static bool TryFind(EncryptionAlgorithm algorithm, [NotNullWhen(true)] out CipherDescription? description) =>
        (description = All.FirstOrDefault(d => d.Algorithm == algorithm)) is not null;

    public static CipherDescription Find(EncryptionAlgorithm algorithm) =>
        TryFind(algorithm, out var d) ? d : throw new NotSupportedException($"The encryption algorithm {algorithm} is not supported.");
}
