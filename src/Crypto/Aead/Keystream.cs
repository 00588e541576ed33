using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// The keystream of a packet's mask and rest, one to nine blocks. Block 0 has counter 1; block 1 and the following have the counters from
/// <see cref="Start.Entries"/> on. Four widths, because a block too many costs as much as a needed one.
/// </summary>
internal static unsafe class Keystream<TUnit>
    where TUnit : struct, ICipherUnit
{
    /// <summary>Room that <see cref="Fill"/> may write, in blocks.</summary>
    internal const int Room = 10;

    /// <summary>Writes at least <paramref name="count"/> blocks.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Fill(in Start start, Vector128<byte>* into, int count)
    {
        if (count > 6)
        {
            Eight(start, into);
            if (count > 8) Ninth(start, into + 8);
        }
        else if (count > 4) Six(start, into);
        else if (count > 2) Four(start, into);
        else Two(start, into);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Two(in Start start, Vector128<byte>* into)
    {
        var b0 = start.Mask;
        var b1 = CounterStart.Block<TUnit>(start.Base, start.Entries, 0);
        var k = start.SecondRoundKey;
        for (; k < start.LastRoundKey; k++)
        {
            b0 = TUnit.Round(b0, k);
            b1 = TUnit.Round(b1, k);
        }
        into[0] = TUnit.LastRound(b0, k);
        into[1] = TUnit.LastRound(b1, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four(in Start start, Vector128<byte>* into)
    {
        var b0 = start.Mask;
        var b1 = CounterStart.Block<TUnit>(start.Base, start.Entries, 0);
        var b2 = CounterStart.Block<TUnit>(start.Base, start.Entries, 1);
        var b3 = CounterStart.Block<TUnit>(start.Base, start.Entries, 2);
        var k = start.SecondRoundKey;
        for (; k < start.LastRoundKey; k++)
        {
            b0 = TUnit.Round(b0, k);
            b1 = TUnit.Round(b1, k);
            b2 = TUnit.Round(b2, k);
            b3 = TUnit.Round(b3, k);
        }
        into[0] = TUnit.LastRound(b0, k);
        into[1] = TUnit.LastRound(b1, k);
        into[2] = TUnit.LastRound(b2, k);
        into[3] = TUnit.LastRound(b3, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Six(in Start start, Vector128<byte>* into)
    {
        var b0 = start.Mask;
        var b1 = CounterStart.Block<TUnit>(start.Base, start.Entries, 0);
        var b2 = CounterStart.Block<TUnit>(start.Base, start.Entries, 1);
        var b3 = CounterStart.Block<TUnit>(start.Base, start.Entries, 2);
        var b4 = CounterStart.Block<TUnit>(start.Base, start.Entries, 3);
        var b5 = CounterStart.Block<TUnit>(start.Base, start.Entries, 4);
        var k = start.SecondRoundKey;
        for (; k < start.LastRoundKey; k++)
        {
            b0 = TUnit.Round(b0, k);
            b1 = TUnit.Round(b1, k);
            b2 = TUnit.Round(b2, k);
            b3 = TUnit.Round(b3, k);
            b4 = TUnit.Round(b4, k);
            b5 = TUnit.Round(b5, k);
        }
        into[0] = TUnit.LastRound(b0, k);
        into[1] = TUnit.LastRound(b1, k);
        into[2] = TUnit.LastRound(b2, k);
        into[3] = TUnit.LastRound(b3, k);
        into[4] = TUnit.LastRound(b4, k);
        into[5] = TUnit.LastRound(b5, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Eight(in Start start, Vector128<byte>* into)
    {
        var b0 = start.Mask;
        var b1 = CounterStart.Block<TUnit>(start.Base, start.Entries, 0);
        var b2 = CounterStart.Block<TUnit>(start.Base, start.Entries, 1);
        var b3 = CounterStart.Block<TUnit>(start.Base, start.Entries, 2);
        var b4 = CounterStart.Block<TUnit>(start.Base, start.Entries, 3);
        var b5 = CounterStart.Block<TUnit>(start.Base, start.Entries, 4);
        var b6 = CounterStart.Block<TUnit>(start.Base, start.Entries, 5);
        var b7 = CounterStart.Block<TUnit>(start.BaseOfLastTwo, start.Entries, 6);
        var k = start.SecondRoundKey;
        for (; k < start.LastRoundKey; k++)
            NarrowGroupLoop<TUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, k);
        into[0] = TUnit.LastRound(b0, k);
        into[1] = TUnit.LastRound(b1, k);
        into[2] = TUnit.LastRound(b2, k);
        into[3] = TUnit.LastRound(b3, k);
        into[4] = TUnit.LastRound(b4, k);
        into[5] = TUnit.LastRound(b5, k);
        into[6] = TUnit.LastRound(b6, k);
        into[7] = TUnit.LastRound(b7, k);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Ninth(in Start start, Vector128<byte>* into)
    {
        var b8 = CounterStart.Block<TUnit>(start.BaseOfLastTwo, start.Entries, 7);
        var k = start.SecondRoundKey;
        for (; k < start.LastRoundKey; k++) b8 = TUnit.Round(b8, k);
        *into = TUnit.LastRound(b8, k);
    }

    /// <summary>Where the counters stand after their first round, see <see cref="CounterStart"/>.</summary>
    internal readonly ref struct Start
    {
        /// <summary>The block of counter 1.</summary>
        internal readonly Vector128<byte> Mask;

        internal readonly Vector128<byte> Base;
        internal readonly Vector128<byte> BaseOfLastTwo;
        internal readonly uint* Entries;
        internal readonly Vector128<byte>* SecondRoundKey;
        internal readonly Vector128<byte>* LastRoundKey;

        /// <param name="key">The prepared key.</param>
        /// <param name="nonce">With a counter of zero.</param>
        /// <param name="first">The base of the first 256 counters.</param>
        /// <param name="counter">The counter of block 1.</param>
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        internal Start(AesGcmKeyBlock* key, Vector128<uint> nonce, Vector128<byte> first, uint counter)
        {
            var roundKeys = (Vector128<byte>*)key->RoundKeys;
            Mask = CounterStart.Block<TUnit>(first, key->FirstRound, 1);
            Base = counter < 256 ? first : CounterStart.Base<TUnit>(nonce, counter, roundKeys);
            BaseOfLastTwo = CounterStart.BaseOfLastTwo<TUnit>(Base, nonce, counter, roundKeys);
            Entries = key->FirstRound + (byte)counter;
            SecondRoundKey = roundKeys + 2;
            LastRoundKey = roundKeys + key->Rounds;
        }
    }
}
