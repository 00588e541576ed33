using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// Counter blocks after the first round, almost for free. Among 256 consecutive counters only the last byte differs, and one byte that goes
/// through SubBytes, ShiftRows and MixColumns changes only the first column. So
/// <code>
/// round1(counter) = base(nonce, upper bytes of the counter) ^ table[last byte of the counter]
/// </code>
/// with a table of 256 words for each key. One xor replaces the counter's addition and byte swap, the first AddRoundKey and a round.
/// The table is indexed by the position in the packet, never by a secret.
/// </summary>
internal static unsafe class CounterStart
{
    /// <summary>256 words and the first two once more, for a group that runs over the end.</summary>
    internal const int TableLength = 258;

    /// <summary>
    /// A packet's groups start at counter 2, so a group that runs over the end of a table starts here, and its last two blocks have the next base.
    /// </summary>
    private const byte LastGroup = 250;

    /// <summary>
    /// Fills the table of a key whose round keys are there. Only the last byte of a block matters, and ShiftRows takes the last byte of each column to another column: so one round gives the entries of
    /// four counters, the first of which comes from the last column.
    /// </summary>
    internal static void Prepare<TUnit>(Vector128<byte>* roundKeys, uint* table)
        where TUnit : struct, ICipherUnit
    {
        var keys = stackalloc Vector128<byte>[] { Vector128.Create((uint)roundKeys[0].GetElement(15) << 24).AsByte(), default };
        var zero = TUnit.FirstRound(default, keys);
        var counters = Vector128.Create(1u << 24, 2u << 24, 3u << 24, 0);
        var step = Vector128.Create(4u << 24);
        for (var i = 0; i < 256; i += 4)
        {
            (TUnit.FirstRound(counters.AsByte(), keys) ^ zero).Store((byte*)(table + i));
            counters += step;
        }
        for (var i = 256; i < TableLength; i++) table[i] = table[i - 256];
    }

    /// <summary>The base of the 256 counters that <paramref name="counter"/> belongs to. The last word of <paramref name="nonce"/> is zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Base<TUnit>(Vector128<uint> nonce, uint counter, Vector128<byte>* roundKeys)
        where TUnit : struct, ICipherUnit
    {
        var upper = Vector128.Create(0u, 0, 0, BinaryPrimitives.ReverseEndianness(counter & ~255u));
        return TUnit.FirstRound((nonce | upper).AsByte(), roundKeys);
    }

    /// <summary>The base of the last two blocks of the group that starts at <paramref name="counter"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> BaseOfLastTwo<TUnit>(Vector128<byte> @base, Vector128<uint> nonce, uint counter, Vector128<byte>* roundKeys)
        where TUnit : struct, ICipherUnit =>
        (byte)counter == LastGroup ? Base<TUnit>(nonce, counter + 6, roundKeys) : @base;

    /// <summary>Block i of the counters whose table entries begin at <paramref name="entries"/>, after the first round.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Block<TUnit>(Vector128<byte> @base, uint* entries, int i)
        where TUnit : struct, ICipherUnit =>
        @base ^ TUnit.LoadWord(entries + i);
}
