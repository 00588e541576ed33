using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES and carry-less products on 128-bit registers. Eight blocks in flight hide the latency of a round (AESENC's is four cycles) twice over; before
/// each of eight rounds one block is hashed. Of the sixteen registers that VEX instructions reach, eight hold states, one the round key, three the sums,
/// the rest what is being multiplied; ARM has thirty-two.
/// </summary>
internal readonly unsafe struct NarrowGroupLoop<TUnit> : IGroupLoop
    where TUnit : struct, ICipherUnit
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(GcmState* state, AesGcmKeyBlock* key, byte* source, byte* destination, byte* hashed, byte* hashedNext, int groups)
    {
        var roundKeys = (Vector128<byte>*)key->RoundKeys;
        var lastRound = roundKeys + key->Rounds;
        var counter = state->Counter;
        var @base = state->Base;
        var low = state->Low;
        var middle = state->Middle;
        var high = state->High;
        var power = state->Power;

        for (; groups > 0; groups--, source += 128, destination += 128, power += 8)
        {
            var baseOfLastTwo = CounterStart.BaseOfLastTwo<TUnit>(@base, state->Nonce, counter, roundKeys);
            var entries = key->FirstRound + (byte)counter;
            var b0 = CounterStart.Block<TUnit>(@base, entries, 0);
            var b1 = CounterStart.Block<TUnit>(@base, entries, 1);
            var b2 = CounterStart.Block<TUnit>(@base, entries, 2);
            var b3 = CounterStart.Block<TUnit>(@base, entries, 3);
            var b4 = CounterStart.Block<TUnit>(@base, entries, 4);
            var b5 = CounterStart.Block<TUnit>(@base, entries, 5);
            var b6 = CounterStart.Block<TUnit>(baseOfLastTwo, entries, 6);
            var b7 = CounterStart.Block<TUnit>(baseOfLastTwo, entries, 7);
            @base = baseOfLastTwo;
            counter += 8;

            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)hashed), power, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 2);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 16)), power + 1, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 3);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 32)), power + 2, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 4);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 48)), power + 3, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 5);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 64)), power + 4, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 6);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 80)), power + 5, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 7);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 96)), power + 6, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 8);
            Ghash.Add<TUnit>(TUnit.SwapBytes(*(Vector128<byte>*)(hashed + 112)), power + 7, ref low, ref middle, ref high);
            hashed = hashedNext;
            hashedNext += 128;

            // AES-128 has one more round before the last, AES-192 three, AES-256 five.
            for (var round = roundKeys + 9; round < lastRound; round++)
                Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, round);

            var text = (Vector128<byte>*)source;
            var result = (Vector128<byte>*)destination;
            b0 = TUnit.LastRound(b0, lastRound, text[0]);
            b1 = TUnit.LastRound(b1, lastRound, text[1]);
            b2 = TUnit.LastRound(b2, lastRound, text[2]);
            b3 = TUnit.LastRound(b3, lastRound, text[3]);
            b4 = TUnit.LastRound(b4, lastRound, text[4]);
            b5 = TUnit.LastRound(b5, lastRound, text[5]);
            b6 = TUnit.LastRound(b6, lastRound, text[6]);
            b7 = TUnit.LastRound(b7, lastRound, text[7]);
            result[0] = b0;
            result[1] = b1;
            result[2] = b2;
            result[3] = b3;
            result[4] = b4;
            result[5] = b5;
            result[6] = b6;
            result[7] = b7;
        }

        state->Counter = counter;
        state->Base = @base;
        state->Low = low;
        state->Middle = middle;
        state->High = high;
        state->Power = power;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Round(
        ref Vector128<byte> b0, ref Vector128<byte> b1, ref Vector128<byte> b2, ref Vector128<byte> b3,
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, Vector128<byte>* k)
    {
        b0 = TUnit.Round(b0, k);
        b1 = TUnit.Round(b1, k);
        b2 = TUnit.Round(b2, k);
        b3 = TUnit.Round(b3, k);
        b4 = TUnit.Round(b4, k);
        b5 = TUnit.Round(b5, k);
        b6 = TUnit.Round(b6, k);
        b7 = TUnit.Round(b7, k);
    }
}
