using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES-NI and PCLMULQDQ on 128-bit registers. Eight blocks in flight hide AESENC's latency of four cycles twice over; before each of
/// eight rounds one block is hashed. Of the sixteen registers that VEX instructions reach, eight hold states, one the round key,
/// three the sums, the rest what is being multiplied.
/// </summary>
internal readonly unsafe struct AesNiGroupLoop : IGroupLoop
{
    internal static bool IsSupported => Aes.IsSupported && Pclmulqdq.IsSupported && Ssse3.IsSupported;

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
            var baseOfLastTwo = CounterStart.BaseOfLastTwo(@base, state->Nonce, counter, roundKeys);
            var entries = key->FirstRound + (byte)counter;
            var b0 = CounterStart.Block(@base, entries, 0);
            var b1 = CounterStart.Block(@base, entries, 1);
            var b2 = CounterStart.Block(@base, entries, 2);
            var b3 = CounterStart.Block(@base, entries, 3);
            var b4 = CounterStart.Block(@base, entries, 4);
            var b5 = CounterStart.Block(@base, entries, 5);
            var b6 = CounterStart.Block(baseOfLastTwo, entries, 6);
            var b7 = CounterStart.Block(baseOfLastTwo, entries, 7);
            @base = baseOfLastTwo;
            counter += 8;

            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)hashed), power, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[2]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 16)), power + 1, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[3]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 32)), power + 2, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[4]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 48)), power + 3, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[5]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 64)), power + 4, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[6]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 80)), power + 5, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[7]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 96)), power + 6, ref low, ref middle, ref high);
            Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys[8]);
            Ghash.Add(Ghash.SwapBytes(*(Vector128<byte>*)(hashed + 112)), power + 7, ref low, ref middle, ref high);
            hashed = hashedNext;
            hashedNext += 128;

            // AES-128 has one more round before the last, AES-192 three, AES-256 five.
            for (var round = roundKeys + 9; round < lastRound; round++)
                Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, *round);

            // The text goes into the last round key: xor commutes with AddRoundKey.
            var k = *lastRound;
            var text = (Vector128<byte>*)source;
            var result = (Vector128<byte>*)destination;
            b0 = Aes.EncryptLast(b0, k ^ text[0]);
            b1 = Aes.EncryptLast(b1, k ^ text[1]);
            b2 = Aes.EncryptLast(b2, k ^ text[2]);
            b3 = Aes.EncryptLast(b3, k ^ text[3]);
            b4 = Aes.EncryptLast(b4, k ^ text[4]);
            b5 = Aes.EncryptLast(b5, k ^ text[5]);
            b6 = Aes.EncryptLast(b6, k ^ text[6]);
            b7 = Aes.EncryptLast(b7, k ^ text[7]);
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
        ref Vector128<byte> b4, ref Vector128<byte> b5, ref Vector128<byte> b6, ref Vector128<byte> b7, Vector128<byte> k)
    {
        b0 = Aes.Encrypt(b0, k);
        b1 = Aes.Encrypt(b1, k);
        b2 = Aes.Encrypt(b2, k);
        b3 = Aes.Encrypt(b3, k);
        b4 = Aes.Encrypt(b4, k);
        b5 = Aes.Encrypt(b5, k);
        b6 = Aes.Encrypt(b6, k);
        b7 = Aes.Encrypt(b7, k);
    }
}
