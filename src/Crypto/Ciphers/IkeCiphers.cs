using Gateway.Crypto.Integrity;

namespace Gateway.Crypto.Ciphers;

/// <summary>Makes the cipher of one direction of an IKE SA from what was negotiated and derived.</summary>
public static class IkeCiphers
{
    /// <param name="encryption">The negotiated algorithm.</param>
    /// <param name="keyBits">The negotiated Key Length; 0 when the algorithm has only one.</param>
    /// <param name="integrity">None with an AEAD, otherwise required (RFC 7296 §3.3.3).</param>
    /// <param name="keyMaterial">SK_ei or SK_er: <see cref="CipherDescription.KeyMaterialLength"/> bytes, key then salt.</param>
    /// <param name="integrityKey">SK_ai or SK_ar; empty with an AEAD.</param>
    public static IIkeCipher Create(
        EncryptionAlgorithm encryption, int keyBits, IntegrityAlgorithm integrity, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> integrityKey)
    {
        var description = CipherDescription.Find(encryption);
        if (!description.Allows(keyBits)) throw new ArgumentException($"{encryption} has no key of {keyBits} bits.", nameof(keyBits));
        if (keyMaterial.Length != description.KeyMaterialLength(keyBits)) throw new ArgumentException("The key material has a wrong length.", nameof(keyMaterial));
        if (description.IsAead)
        {
            if (integrity != IntegrityAlgorithm.None) throw new ArgumentException("An AEAD takes no integrity algorithm.", nameof(integrity));
            return new AeadIkeCipher(description, keyMaterial);
        }
        var check = IntegrityChecks.Describe(integrity);
        if (integrityKey.Length != check.KeyLength) throw new ArgumentException("The integrity key has a wrong length.", nameof(integrityKey));
        return new BlockIkeCipher(description, check, keyMaterial, integrityKey);
    }
}
