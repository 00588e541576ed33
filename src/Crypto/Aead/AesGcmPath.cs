namespace Gateway.Crypto.Aead;

/// <summary>One implementation of AES-GCM: how it prepares a key, and its two kernels. The nonce has 12 bytes.</summary>
internal sealed unsafe class AesGcmPath(string name, bool isSupported)
{
    internal string Name { get; } = name;

    internal bool IsSupported { get; } = isSupported;

    internal required delegate*<AesGcmKeyBlock*, byte*, int, void> PrepareKey { get; init; }

    internal required delegate*<AesGcmKeyBlock*, byte*, byte*, int, byte*, byte*, int, byte*, int, void> Encrypt { get; init; }

    /// <summary>False when the tag does not fit; the destination then holds zeros.</summary>
    internal required delegate*<AesGcmKeyBlock*, byte*, byte*, int, byte*, byte*, int, byte*, int, bool> Decrypt { get; init; }

    internal void Prepare(AesGcmKeyBlock* block, ReadOnlySpan<byte> key)
    {
        fixed (byte* k = key) PrepareKey(block, k, key.Length);
    }
}
