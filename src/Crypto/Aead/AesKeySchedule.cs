namespace Gateway.Crypto.Aead;

/// <summary>AES key expansion (FIPS 197 §5.2). The S-box is the processor's, so no table is indexed by a secret.</summary>
internal static unsafe class AesKeySchedule
{
    /// <summary>Writes 11, 13 or 15 round keys of 16 bytes for a key of 16, 24 or 32 bytes.</summary>
    internal static void Expand<TUnit>(byte* key, int length, byte* roundKeys)
        where TUnit : struct, ICipherUnit
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
                word = uint.RotateRight(TUnit.SubWord(word), 8) ^ roundConstant;
                roundConstant = roundConstant >= 0x80 ? (roundConstant << 1) ^ 0x11B : roundConstant << 1;
            }
            else if (keyWords > 6 && i % keyWords == 4) word = TUnit.SubWord(word);
            words[i] = words[i - keyWords] ^ word;
        }
    }
}
