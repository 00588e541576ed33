using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>The ESP transforms that the dataplane runs.</summary>
internal static class EspTransform
{
    /// <summary>IANA "Transform Type 1": AES-GCM with its three lengths of ICV (RFC 4106 §6, §8.4).</summary>
    private static readonly (ushort Id, int Icv)[] _gcm = [(18, 8), (19, 12), (20, 16)];

    /// <summary>Bytes of the ICV; 0 when the transforms are none of these.</summary>
    public static int IcvLength(EspTransforms transforms) =>
        transforms.KeyBits is 128 or 192 or 256 && transforms.Integrity == 0 ? Array.Find(_gcm, g => g.Id == transforms.Encryption).Icv : 0;
}
