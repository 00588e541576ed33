using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// What a processor offers for AES-GCM, in the shape that the kernels use. The families differ in where a round ends: x86 adds the round key after
/// MixColumns, ARM before SubBytes. So the state between two rounds is each family's own, and a round names its key by where it lies in the schedule.
/// </summary>
internal unsafe interface ICipherUnit
{
    /// <summary>A block after the first of the rounds (FIPS 197 §5.1).</summary>
    static abstract Vector128<byte> FirstRound(Vector128<byte> block, Vector128<byte>* roundKeys);

    /// <summary>A round between the first and the last; <paramref name="roundKey"/> points at that round's key in its schedule.</summary>
    static abstract Vector128<byte> Round(Vector128<byte> state, Vector128<byte>* roundKey);

    /// <summary>The last round, without MixColumns.</summary>
    static abstract Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey);

    /// <summary>The last round into <paramref name="text"/>.</summary>
    static abstract Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey, Vector128<byte> text);

    /// <summary>The S-box on each byte of a word (FIPS 197 §5.2), without a table.</summary>
    static abstract uint SubWord(uint word);

    /// <summary>Adds the four products of the halves (carry-less, NIST SP 800-38D §6.3) to three sums; those of unlike halves go to the middle.</summary>
    static abstract void AddProduct(Vector128<ulong> block, Vector128<ulong>* power, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high);

    /// <summary>The carry-less product of the upper half of one and the lower half of the other.</summary>
    static abstract Vector128<ulong> UpperTimesLower(Vector128<ulong> left, Vector128<ulong> right);

    static abstract Vector128<ulong> SwapHalves(Vector128<ulong> value);

    /// <summary>All sixteen bytes in reverse.</summary>
    static abstract Vector128<byte> SwapBytes(Vector128<byte> block);

    /// <summary>A word, followed by zeros.</summary>
    static abstract Vector128<byte> LoadWord(uint* word);
}
