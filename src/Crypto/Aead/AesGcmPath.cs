namespace Gateway.Crypto.Aead;

/// <summary>One implementation of AES-GCM: how it prepares a key, and its two kernels. The nonce has 12 bytes.</summary>
internal sealed unsafe class AesGcmPath(string name, bool isSupported)
{
    internal string Name { get; } = name;

    internal bool IsSupported { get; } = isSupported;

    internal required delegate*<AesGcmKeyBlock*, byte*, int, int, void> PrepareKey { get; init; }

    internal required delegate*<AesGcmKeyBlock*, byte*, byte*, int, byte*, byte*, int, byte*, int, void> Encrypt { get; init; }

    /// <summary>False when the tag does not fit; the destination then holds zeros.</summary>
    internal required delegate*<AesGcmKeyBlock*, byte*, byte*, int, byte*, byte*, int, byte*, int, bool> Decrypt { get; init; }

    /// <summary>Fills a block's tables.</summary>
    /// <param name="powers">Powers of H that are needed: one for each block of the longest packet, its additional data and its length; all by default.</param>
    internal void Prepare(AesGcmKeyBlock* block, ReadOnlySpan<byte> key, int powers = AesGcmKeyBlock.Powers)
    {
        block->Rounds = key.Length / 4 + 6;
        block->MadePowers = powers;
        fixed (byte* k = key) PrepareKey(block, k, key.Length, powers);
    }
}
