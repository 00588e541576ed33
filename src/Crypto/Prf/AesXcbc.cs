using System.Security.Cryptography;

namespace Gateway.Crypto.Prf;

/// <summary>AES-XCBC-MAC (RFC 3566) and the PRF made of it (RFC 4434). No library here has it.</summary>
internal static class AesXcbc
{
    private const int BlockLength = 16;

    /// <summary>RFC 4434 §2: a shorter key is padded with zeros, a longer one is hashed with the key of zeros.</summary>
    internal static void Prf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        Span<byte> fixedKey = stackalloc byte[BlockLength];
        fixedKey.Clear();
        if (key.Length <= BlockLength) key.CopyTo(fixedKey);
        else Mac(stackalloc byte[BlockLength], key, fixedKey);
        Mac(fixedKey, data, output);
        CryptographicOperations.ZeroMemory(fixedKey);
    }

    /// <summary>The whole 16-byte MAC. The key has 16 bytes.</summary>
    internal static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        Span<byte> subkeys = stackalloc byte[3 * BlockLength];
        var k1 = subkeys[..BlockLength];
        // RFC 3566 §4 (1): K1, K2, K3 are the blocks of ones, twos and threes under K.
        subkeys[..BlockLength].Fill(1);
        subkeys[BlockLength..(2 * BlockLength)].Fill(2);
        subkeys[(2 * BlockLength)..].Fill(3);
        using (var outer = AesBlock.Create(key)) outer.EncryptEcb(subkeys, subkeys, PaddingMode.None);

        Span<byte> last = stackalloc byte[BlockLength];
        last.Clear();
        using (var aes = AesBlock.Create(k1))
        {
            // RFC 3566 §4 (3): every block but the last is chained.
            for (; data.Length > BlockLength; data = data[BlockLength..])
            {
                Xor(last, data[..BlockLength]);
                aes.EncryptEcb(last, last, PaddingMode.None);
            }
            // RFC 3566 §4 (4): a whole last block takes K2; a part, or nothing, is padded 10* and takes K3.
            Xor(last, data);
            if (data.Length < BlockLength) last[data.Length] ^= 0x80;
            Xor(last, data.Length == BlockLength ? subkeys[BlockLength..(2 * BlockLength)] : subkeys[(2 * BlockLength)..]);
            aes.EncryptEcb(last, output[..BlockLength], PaddingMode.None);
        }
        CryptographicOperations.ZeroMemory(subkeys);
    }

    private static void Xor(Span<byte> into, ReadOnlySpan<byte> data)
    {
        for (var i = 0; i < data.Length; i++) into[i] ^= data[i];
    }

    private static class AesBlock
    {
        internal static Aes Create(ReadOnlySpan<byte> key)
        {
            var aes = Aes.Create();
            aes.SetKey(key);
            return aes;
        }
    }
}
