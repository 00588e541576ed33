using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// Where sessions lie by the hash of their keys: buckets of one cache line with ten places, each a tag of 16 bits and a number. A key stands in its first bucket, or in its second when that is full,
/// which the first then remembers: so a search reads one line, seldom two. It has one user and never grows.
/// </summary>
internal sealed unsafe class SessionIndex : IDisposable
{
    private const int Places = 10;

    private readonly Bucket* _buckets;
    private readonly uint _count;

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Bucket
    {
        public fixed ushort Tags[Places];

        /// <summary>Keys of this bucket that lie in their second one.</summary>
        public ushort Spilled;

        /// <summary>A bit for each place that is taken.</summary>
        public ushort Used;
        public fixed uint Values[Places];
    }

    /// <param name="keys">That will lie in it at most; they fill two fifths of the places.</param>
    public SessionIndex(long keys)
    {
        _count = (uint)Math.Max(2, keys / 4 + 1);
        Bytes = (long)_count * sizeof(Bucket);
        // Room for a vector that reads past the last line's tags is within the line itself.
        _buckets = (Bucket*)NativeMemory.AlignedAlloc((nuint)Bytes, 64);
        NativeMemory.Clear(_buckets, (nuint)Bytes);
    }

    public long Bytes { get; }

    /// <summary>Brings the line of a hash near.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(ulong hash)
    {
        if (Sse.IsSupported) Sse.Prefetch0(_buckets + First(hash));
    }

    /// <summary>The first number that may be the key's; 0 when none lies in its first bucket. Who finds another key there asks <see cref="Cursor"/> for all.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Candidate(ulong hash)
    {
        var bucket = _buckets + First(hash);
        var matches = Matches(bucket, Tag(hash));
        return matches == 0 ? 0 : bucket->Values[System.Numerics.BitOperations.TrailingZeroCount(matches)];
    }

    /// <summary>Whether a key that is not in its first bucket may be in its second.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MaySpill(ulong hash) => _buckets[First(hash)].Spilled != 0;

    /// <summary>All numbers that may be the key's; at most <see cref="MaxCandidates"/>.</summary>
    public int Cursor(ulong hash, Span<uint> into)
    {
        var first = _buckets + First(hash);
        var count = Collect(first, Tag(hash), into, 0);
        return first->Spilled == 0 ? count : Collect(_buckets + Second(hash), Tag(hash), into, count);
    }

    public const int MaxCandidates = 2 * Places;

    /// <summary>Puts a number in that is not there; false when both buckets are full, and so are all those that what is in the first could go to.</summary>
    /// <param name="hash">Of its key.</param>
    /// <param name="value">The number.</param>
    /// <param name="hashOf">The hash of the key of a number that is there.</param>
    public bool TryAdd(ulong hash, uint value, Func<uint, ulong> hashOf)
    {
        var first = _buckets + First(hash);
        if (Put(first, hash, value)) return true;
        if (first->Spilled == ushort.MaxValue) return false;
        if (Put(_buckets + Second(hash), hash, value))
        {
            first->Spilled++;
            return true;
        }
        return MakeRoom(first, hashOf) && Put(first, hash, value);
    }

    public void Remove(ulong hash, uint value)
    {
        var first = _buckets + First(hash);
        if (Take(first, value)) return;
        if (Take(_buckets + Second(hash), value)) first->Spilled--;
    }

    public void Dispose() => NativeMemory.AlignedFree(_buckets);

    /// <summary>Moves one of a full bucket to the other one that it may be in.</summary>
    private bool MakeRoom(Bucket* full, Func<uint, ulong> hashOf)
    {
        for (var place = 0; place < Places; place++)
        {
            var value = full->Values[place];
            var hash = hashOf(value);
            var first = _buckets + First(hash);
            var second = _buckets + Second(hash);
            if (full == first && first->Spilled == ushort.MaxValue) continue;
            if (!Put(full == first ? second : first, hash, value)) continue;
            if (full == first) first->Spilled++;
            else first->Spilled--;
            full->Used &= (ushort)~(1 << place);
            return true;
        }
        return false;
    }

    private uint First(ulong hash) => (uint)((hash & 0xFFFF_FFFF) * _count >> 32);

    private uint Second(ulong hash)
    {
        var second = (uint)((hash * 0x9E37_79B9_7F4A_7C15 >> 32) * _count >> 32);
        var first = First(hash);
        return second != first ? second : second + 1 == _count ? 0 : second + 1;
    }

    // Independent of the number of the bucket, which comes of the low half.
    private static ushort Tag(ulong hash) => (ushort)(hash >> 40);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Matches(Bucket* bucket, ushort tag) =>
        Vector256.Equals(Vector256.Load((ushort*)bucket), Vector256.Create(tag)).ExtractMostSignificantBits() & bucket->Used;

    private static int Collect(Bucket* bucket, ushort tag, Span<uint> into, int count)
    {
        for (var matches = Matches(bucket, tag); matches != 0; matches &= matches - 1)
            into[count++] = bucket->Values[System.Numerics.BitOperations.TrailingZeroCount(matches)];
        return count;
    }

    private static bool Put(Bucket* bucket, ulong hash, uint value)
    {
        var place = System.Numerics.BitOperations.TrailingZeroCount(~(uint)bucket->Used);
        if (place >= Places) return false;
        bucket->Tags[place] = Tag(hash);
        bucket->Values[place] = value;
        bucket->Used |= (ushort)(1 << place);
        return true;
    }

    private static bool Take(Bucket* bucket, uint value)
    {
        for (var place = 0; place < Places; place++)
        {
            if ((bucket->Used >> place & 1) == 0 || bucket->Values[place] != value) continue;
            bucket->Used &= (ushort)~(1 << place);
            return true;
        }
        return false;
    }
}
