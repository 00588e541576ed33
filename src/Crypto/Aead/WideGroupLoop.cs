using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES-NI beside VPCLMULQDQ: one instruction multiplies four blocks, so a group's hash takes two quads of four products, spread between the
/// rounds. .NET offers AES on 128-bit registers only, eight states of which are in flight as on the narrow path.
/// </summary>
internal readonly unsafe struct WideGroupLoop<TMultiplier> : IGroupLoop
    where TMultiplier : struct, IWideMultiplier
{
    internal static bool IsSupported => X86CipherUnit.IsSupported && Avx512F.IsSupported && Avx512BW.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Run(GcmState* state, AesGcmKeyBlock* key, byte* source, byte* destination, byte* hashed, byte* hashedNext, int groups)
    {
        var roundKeys = (Vector128<byte>*)key->RoundKeys;
        var lastRound = roundKeys + key->Rounds;
        var counter = state->Counter;
        var @base = state->Base;
        var power = state->Power;
        Vector512<ulong> low = default, middle = default, high = default;

        for (; groups > 0; groups--, source += 128, destination += 128, power += 8)
        {
            var baseOfLastTwo = CounterStart.BaseOfLastTwo<X86CipherUnit>(@base, state->Nonce, counter, roundKeys);
            var entries = key->FirstRound + (byte)counter;
            var b0 = CounterStart.Block<X86CipherUnit>(@base, entries, 0);
            var b1 = CounterStart.Block<X86CipherUnit>(@base, entries, 1);
            var b2 = CounterStart.Block<X86CipherUnit>(@base, entries, 2);
            var b3 = CounterStart.Block<X86CipherUnit>(@base, entries, 3);
            var b4 = CounterStart.Block<X86CipherUnit>(@base, entries, 4);
            var b5 = CounterStart.Block<X86CipherUnit>(@base, entries, 5);
            var b6 = CounterStart.Block<X86CipherUnit>(baseOfLastTwo, entries, 6);
            var b7 = CounterStart.Block<X86CipherUnit>(baseOfLastTwo, entries, 7);
            @base = baseOfLastTwo;
            counter += 8;

            var quad = Swapped(hashed);
            var powers = *(Vector512<ulong>*)power;
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 2);
            low ^= TMultiplier.LowLow(quad, powers);
            middle ^= TMultiplier.HighLow(quad, powers);
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 3);
            middle ^= TMultiplier.LowHigh(quad, powers);
            high ^= TMultiplier.HighHigh(quad, powers);
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 4);
            quad = Swapped(hashed + 64);
            powers = *(Vector512<ulong>*)(power + 4);
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 5);
            low ^= TMultiplier.LowLow(quad, powers);
            middle ^= TMultiplier.HighLow(quad, powers);
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 6);
            middle ^= TMultiplier.LowHigh(quad, powers);
            high ^= TMultiplier.HighHigh(quad, powers);
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 7);
            hashed = hashedNext;
            hashedNext += 128;
            NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, roundKeys + 8);

            // AES-128 has one more round before the last, AES-192 three, AES-256 five.
            for (var round = roundKeys + 9; round < lastRound; round++)
                NarrowGroupLoop<X86CipherUnit>.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, round);

            var k = *lastRound;
            b0 = Aes.EncryptLast(b0, k);
            b1 = Aes.EncryptLast(b1, k);
            b2 = Aes.EncryptLast(b2, k);
            b3 = Aes.EncryptLast(b3, k);
            b4 = Aes.EncryptLast(b4, k);
            b5 = Aes.EncryptLast(b5, k);
            b6 = Aes.EncryptLast(b6, k);
            b7 = Aes.EncryptLast(b7, k);
            // Stored as they will be loaded: a wide load waits for narrow stores to reach the cache.
            *(Vector512<byte>*)destination = Join(b0, b1, b2, b3) ^ *(Vector512<byte>*)source;
            *(Vector512<byte>*)(destination + 64) = Join(b4, b5, b6, b7) ^ *(Vector512<byte>*)(source + 64);
        }

        state->Counter = counter;
        state->Base = @base;
        state->Low ^= Fold(low);
        state->Middle ^= Fold(middle);
        state->High ^= Fold(high);
        state->Power = power;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<ulong> Swapped(byte* blocks) => Avx512BW.Shuffle(
        *(Vector512<byte>*)blocks,
        Vector512.Create(
            (byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0,
            15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)).AsUInt64();

    // By inserts, because Vector512.Create goes through memory.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<byte> Join(Vector128<byte> a, Vector128<byte> b, Vector128<byte> c, Vector128<byte> d) => Avx512F.InsertVector256(
        Avx2.InsertVector128(a.ToVector256Unsafe(), b, 1).ToVector512Unsafe(), Avx2.InsertVector128(c.ToVector256Unsafe(), d, 1), 1);

    /// <summary>The four lanes hold parts of one sum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector128<ulong> Fold(Vector512<ulong> sum)
    {
        var half = sum.GetLower() ^ sum.GetUpper();
        return half.GetLower() ^ half.GetUpper();
    }
}
