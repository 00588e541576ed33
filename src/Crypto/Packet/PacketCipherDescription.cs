using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;

namespace Gateway.Crypto.Packet;

/// <summary>
/// What an ESP packet of one pair of transforms looks like; all lengths in bytes. Key material of a direction: cipher key, salt, integrity key
/// (RFC 7296 §2.17, RFC 4106 §8.1).
/// </summary>
/// <param name="Encryption">The cipher; <see cref="EncryptionAlgorithm.Null"/> encrypts nothing (RFC 2410).</param>
/// <param name="Integrity">None with an AEAD, never otherwise (RFC 4303 §3.2.2 with RFC 8221 §4).</param>
/// <param name="Alignment">The encrypted part is a multiple of this: the cipher's block, and at least 4 (RFC 4303 §2.4).</param>
public sealed record PacketCipherDescription(
    EncryptionAlgorithm Encryption, IntegrityAlgorithm Integrity, int KeyLength, int SaltLength, int IvLength, int IcvLength, int Alignment, int IntegrityKeyLength)
{
    /// <summary>The longest ICV of all: HMAC-SHA2-512-256.</summary>
    public const int LongestIcv = 32;

    /// <summary>The longest block of all: AES.</summary>
    public const int LongestAlignment = 16;

    public int KeyMaterialLength => KeyLength + SaltLength + IntegrityKeyLength;

    public bool IsGcm => Encryption is EncryptionAlgorithm.AesGcm8 or EncryptionAlgorithm.AesGcm12 or EncryptionAlgorithm.AesGcm16;

    /// <summary>By the numbers of IANA's registries. False for what no kernel and no library here does, and for a cipher that lacks its integrity.</summary>
    /// <param name="keyBits">0 for a cipher of one key length.</param>
    public static bool TryFind(EncryptionAlgorithm encryption, int keyBits, IntegrityAlgorithm integrity, [NotNullWhen(true)] out PacketCipherDescription? description)
    {
        description = null;
        IntegrityDescription? check = null;
        if (integrity != IntegrityAlgorithm.None && !IntegrityChecks.TryDescribe(integrity, out check)) return false;
        if (encryption == EncryptionAlgorithm.Null)
        {
            if (check is not null) description = new(encryption, integrity, 0, 0, 0, check.IcvLength, 4, check.KeyLength);
            return check is not null;
        }
        if (!CipherDescription.TryFind(encryption, out var cipher) || !cipher.Allows(keyBits) || cipher.IsAead != (check is null)) return false;
        description = new(
            encryption, integrity, cipher.KeyMaterialLength(keyBits) - cipher.SaltLength, cipher.SaltLength, cipher.IvLength,
            check?.IcvLength ?? cipher.IcvLength, Math.Max(cipher.BlockLength, 4), check?.KeyLength ?? 0);
        return true;
    }
}
