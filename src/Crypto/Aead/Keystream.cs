using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES of a few consecutive counters, for what is no whole group: the tag's mask and the end of a packet.
/// Four widths, because a block too many costs as much as a needed one.
/// </summary>
internal static unsafe class Keystream
{
    /// <summary>Room that <see cref="Fill"/> may write, in blocks.</summary>
    internal const int Room = 10;

    /// <summary>Writes at least <paramref name="count"/> (1 to 9) blocks: the first of counter <paramref name="first"/>, the others from <paramref name="next"/> on.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Fill(Vector128<uint> first, Vector128<uint> next, AesGcmKeyBlock* key, Vector128<byte>* into, int count)
    {
        var roundKeys = (Vector128<byte>*)key->RoundKeys;
        var last = roundKeys + key->Rounds;
        if (count > 6)
        {
            Eight(first, next, roundKeys, last, into);
            if (count > 8) Two(next + Vector128.Create(0u, 0, 0, 7), next, roundKeys, last, into + 8);
        }
        else if (count > 4) Six(first, next, roundKeys, last, into);
        else if (count > 2) Four(first, next, roundKeys, last, into);
        else Two(first, next, roundKeys, last, into);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Two(Vector128<uint> first, Vector128<uint> next, Vector128<byte>* k, Vector128<byte>* last, Vector128<byte>* into)
    {
        var b0 = GcmState.Block(first) ^ *k;
        var b1 = GcmState.Block(next) ^ *k;
        for (k++; k < last; k++)
        {
            b0 = Aes.Encrypt(b0, *k);
            b1 = Aes.Encrypt(b1, *k);
        }
        into[0] = Aes.EncryptLast(b0, *k);
        into[1] = Aes.EncryptLast(b1, *k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Four(Vector128<uint> first, Vector128<uint> next, Vector128<byte>* k, Vector128<byte>* last, Vector128<byte>* into)
    {
        var b0 = GcmState.Block(first) ^ *k;
        var b1 = GcmState.Block(next) ^ *k;
        var b2 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 1)) ^ *k;
        var b3 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 2)) ^ *k;
        for (k++; k < last; k++)
        {
            b0 = Aes.Encrypt(b0, *k);
            b1 = Aes.Encrypt(b1, *k);
            b2 = Aes.Encrypt(b2, *k);
            b3 = Aes.Encrypt(b3, *k);
        }
        into[0] = Aes.EncryptLast(b0, *k);
        into[1] = Aes.EncryptLast(b1, *k);
        into[2] = Aes.EncryptLast(b2, *k);
        into[3] = Aes.EncryptLast(b3, *k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Six(Vector128<uint> first, Vector128<uint> next, Vector128<byte>* k, Vector128<byte>* last, Vector128<byte>* into)
    {
        var b0 = GcmState.Block(first) ^ *k;
        var b1 = GcmState.Block(next) ^ *k;
        var b2 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 1)) ^ *k;
        var b3 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 2)) ^ *k;
        var b4 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 3)) ^ *k;
        var b5 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 4)) ^ *k;
        for (k++; k < last; k++)
        {
            b0 = Aes.Encrypt(b0, *k);
            b1 = Aes.Encrypt(b1, *k);
            b2 = Aes.Encrypt(b2, *k);
            b3 = Aes.Encrypt(b3, *k);
            b4 = Aes.Encrypt(b4, *k);
            b5 = Aes.Encrypt(b5, *k);
        }
        into[0] = Aes.EncryptLast(b0, *k);
        into[1] = Aes.EncryptLast(b1, *k);
        into[2] = Aes.EncryptLast(b2, *k);
        into[3] = Aes.EncryptLast(b3, *k);
        into[4] = Aes.EncryptLast(b4, *k);
        into[5] = Aes.EncryptLast(b5, *k);
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Eight(Vector128<uint> first, Vector128<uint> next, Vector128<byte>* k, Vector128<byte>* last, Vector128<byte>* into)
    {
        var b0 = GcmState.Block(first) ^ *k;
        var b1 = GcmState.Block(next) ^ *k;
        var b2 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 1)) ^ *k;
        var b3 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 2)) ^ *k;
        var b4 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 3)) ^ *k;
        var b5 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 4)) ^ *k;
        var b6 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 5)) ^ *k;
        var b7 = GcmState.Block(next + Vector128.Create(0u, 0, 0, 6)) ^ *k;
        for (k++; k < last; k++)
            AesNiGroupLoop.Round(ref b0, ref b1, ref b2, ref b3, ref b4, ref b5, ref b6, ref b7, *k);
        into[0] = Aes.EncryptLast(b0, *k);
        into[1] = Aes.EncryptLast(b1, *k);
        into[2] = Aes.EncryptLast(b2, *k);
        into[3] = Aes.EncryptLast(b3, *k);
        into[4] = Aes.EncryptLast(b4, *k);
        into[5] = Aes.EncryptLast(b5, *k);
        into[6] = Aes.EncryptLast(b6, *k);
        into[7] = Aes.EncryptLast(b7, *k);
    }
}
