using System.Runtime.Intrinsics;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>AES key expansion (FIPS 197 §5.2). The S-box is the processor's, so no table is indexed by a secret.</summary>
internal static unsafe class AesKeySchedule
{
    /// <summary>Writes 11, 13 or 15 round keys of 16 bytes for a key of 16, 24 or 32 bytes.</summary>
    internal static void Expand(byte* key, int length, byte* roundKeys)
    {
        var words = (uint*)roundKeys;
        var keyWords = length / 4;
        var total = 4 * (keyWords + 7);
        uint roundConstant = 1;
        for (var i = 0; i < keyWords; i++) words[i] = ((uint*)key)[i];
        for (var i = keyWords; i < total; i++)
        {
            var word = words[i - 1];
            if (i % keyWords == 0)
            {
                // RotWord takes the first byte to the end; in a little-endian word that is a rotation to the right.
                word = uint.RotateRight(SubWord(word), 8) ^ roundConstant;
                roundConstant = roundConstant >= 0x80 ? (roundConstant << 1) ^ 0x11B : roundConstant << 1;
            }
            else if (keyWords > 6 && i % keyWords == 4) word = SubWord(word);
            words[i] = words[i - keyWords] ^ word;
        }
    }

    // AESKEYGENASSIST puts SubWord of word 1 of its source into word 0 of its result.
    private static uint SubWord(uint word) => Aes.KeygenAssist(Vector128.Create(0, word, 0, 0).AsByte(), 0).AsUInt32().ToScalar();
}
