using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Crypto.Aead;

/// <summary>Where one packet stands: the next counter and the running GHASH. It lives on the kernel's stack.</summary>
internal unsafe struct GcmState
{
    /// <summary>The next counter block, with its last word in the processor's byte order so that it can be added to.</summary>
    internal Vector128<uint> Counter;

    /// <summary>The unreduced sums of the current run.</summary>
    internal Vector128<ulong> Low;
    internal Vector128<ulong> Middle;
    internal Vector128<ulong> High;

    /// <summary>The result of earlier runs, to be added to the next block.</summary>
    internal Vector128<byte> Carry;

    /// <summary>The power of H for the next block.</summary>
    internal Vector128<ulong>* Power;

    /// <summary>One past H^1; a run ends when <see cref="Power"/> gets here.</summary>
    internal Vector128<ulong>* PowersEnd;

    /// <summary>Blocks that are still to be hashed after this run, and how many of them come in groups of eight.</summary>
    internal int BlocksAfterRun;
    internal int GroupsAfterRun;

    /// <summary>
    /// Starts the sums of a packet: <paramref name="single"/> blocks (0 or 1), then groups of eight, then the rest up to <paramref name="blocks"/>.
    /// A run ends only between groups, so that a group needs no test inside.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void StartRun(int single, int groups, int blocks)
    {
        var length = blocks;
        var taken = groups;
        if (blocks > AesGcmKeyBlock.Powers)
        {
            taken = Math.Min((AesGcmKeyBlock.Powers - single) / 8, groups);
            length = single + 8 * taken;
        }
        Power = PowersEnd - length;
        BlocksAfterRun = blocks - length;
        GroupsAfterRun = groups - taken;
    }

    /// <summary>Between groups: when the powers are used up, the sums are reduced and the next run starts.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void EndRunWhenFull()
    {
        if (Power != PowersEnd) return;
        Carry = Ghash.Reduce(Low, Middle, High);
        Low = Middle = High = default;
        StartRun(0, GroupsAfterRun, BlocksAfterRun);
    }

    /// <summary>Hashes one block that is in GCM's byte order.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal void Hash(Vector128<byte> block)
    {
        Ghash.Add(Ghash.SwapBytes(block) ^ Carry, Power++, ref Low, ref Middle, ref High);
        Carry = default;
    }

    /// <summary>The counter block in its byte order on the wire.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Block(Vector128<uint> counter) =>
        Ssse3.Shuffle(counter.AsByte(), Vector128.Create((byte)0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 15, 14, 13, 12));
}
