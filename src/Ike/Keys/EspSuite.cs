using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Proposals;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Keys;

/// <summary>Reads the algorithms of a CHILD SA from its chosen proposal.</summary>
public static class EspSuite
{
    /// <summary>The transforms for the dataplane; false when the proposal lacks a part.</summary>
    public static bool TryFrom(Proposal chosen, out EspTransforms transforms)
    {
        transforms = default;
        if (chosen.Protocol != SaProtocol.Esp || chosen.First(TransformType.Encryption) is not { } encryption) return false;
        transforms = new EspTransforms(encryption.Id, encryption.KeyBits, chosen.First(TransformType.Integrity)?.Id ?? 0);
        return (EncryptionAlgorithm)encryption.Id == EncryptionAlgorithm.Null || CipherDescription.TryFind((EncryptionAlgorithm)encryption.Id, out _);
    }

    /// <summary>Whether the CHILD SA counts packets in 64 bits.</summary>
    public static bool HasEsn(Proposal chosen) => chosen.First(TransformType.SequenceNumbers) == Transform.Esn;

    /// <summary>Octets of KEYMAT for one direction: encryption key with salt, then integrity key (RFC 7296 §2.17, RFC 4106 §8.1).</summary>
    public static int KeyLength(EspTransforms transforms) =>
        ((EncryptionAlgorithm)transforms.Encryption == EncryptionAlgorithm.Null
            ? 0
            : CipherDescription.Find((EncryptionAlgorithm)transforms.Encryption).KeyMaterialLength(transforms.KeyBits))
        + (transforms.Integrity == 0 ? 0 : IntegrityChecks.Describe((IntegrityAlgorithm)transforms.Integrity).KeyLength);
}
