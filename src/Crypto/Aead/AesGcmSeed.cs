using System.Runtime.InteropServices;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Aead;

/// <summary>An AES-GCM key as it was agreed, in locked memory: what is kept for every SA, while tables are made of it for those that carry packets.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct AesGcmSeed
{
    /// <summary>Octets of the longest key.</summary>
    public const int LongestKey = 32;

    private static long _lastId;

    /// <summary>Never that of another seed of this process; from 1.</summary>
    public ulong Id;

    internal int Length;
    internal fixed byte Key[LongestKey];

    internal ReadOnlySpan<byte> Span
    {
        get
        {
            fixed (byte* key = Key) return new ReadOnlySpan<byte>(key, Length);
        }
    }

    /// <summary>Takes a copy of a key of 16, 24 or 32 octets; <see cref="Free"/> zeroes it.</summary>
    public static AesGcmSeed* Create(ReadOnlySpan<byte> key)
    {
        if (key.Length is not (16 or 24 or 32)) throw new ArgumentException("An AES key has 16, 24 or 32 bytes.", nameof(key));
        var seed = (AesGcmSeed*)LockedMemory.Allocate(sizeof(AesGcmSeed));
        seed->Id = (ulong)Interlocked.Increment(ref _lastId);
        seed->Length = key.Length;
        key.CopyTo(new Span<byte>(seed->Key, LongestKey));
        return seed;
    }

    /// <summary>Zeroes a seed and gives its memory back.</summary>
    public static void Free(AesGcmSeed* seed)
    {
        if (seed != null) LockedMemory.Free((byte*)seed, sizeof(AesGcmSeed));
    }
}
