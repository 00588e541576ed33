using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.Packet;
using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>The ESP transforms that the dataplane runs: AES-GCM by kernels of its own, all others by libcrypto.</summary>
internal static class EspTransform
{
    public static bool TryDescribe(EspTransforms transforms, [NotNullWhen(true)] out PacketCipherDescription? description) =>
        PacketCipherDescription.TryFind((EncryptionAlgorithm)transforms.Encryption, transforms.KeyBits, (IntegrityAlgorithm)transforms.Integrity, out description);
}
