using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>
/// Native memory for keys: locked (never swapped), left out of core dumps, zeroed when it is given back.
/// Small pieces share slabs, so that ten thousand SAs cost their keys and not a page for each.
/// Where RLIMIT_MEMLOCK forbids locking, the memory is still used and <see cref="IsLocked"/> says so.
/// </summary>
public static unsafe partial class LockedMemory
{
    private const int SmallSlab = 64 * 1024;

    /// <summary>The size of the processor's large pages: the tables of a thousand keys in pages of 4 kB take more entries of its TLB than there are.</summary>
    private const int LargeSlab = 2 << 20;

    /// <summary>Of each size of piece so many slabs are small, for those of whom there are few.</summary>
    private const int SmallSlabs = 8;

    private const int Grain = 64;
    private const int LargestPiece = 4096;
    private const int ProtReadWrite = 3;
    private const int MapPrivateAnonymous = 0x22;
    private const nuint Page = 4096;
    private const int MadviseHugePage = 14;
    private const int MadviseDontDump = 16;
    private const int MadviseDontFork = 10;

    private static readonly Lock Gate = new();
    private static readonly nint[] FreeLists = new nint[ClassOf(LargestPiece) + 1];
    private static readonly int[] Slabs = new int[ClassOf(LargestPiece) + 1];
    private static long _allocated;

    /// <summary>False as soon as one piece could not be locked.</summary>
    public static bool IsLocked { get; private set; } = true;

    /// <summary>Bytes handed out and not yet given back; what a leak test looks at.</summary>
    public static long Allocated => Volatile.Read(ref _allocated);

    /// <summary>A zeroed piece of at least <paramref name="length"/> bytes, aligned to a cache line.</summary>
    public static byte* Allocate(int length)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(length);
        Interlocked.Add(ref _allocated, length);
        if (length > LargestPiece) return Map((nuint)length);
        lock (Gate)
        {
            var size = ClassOf(length);
            if (FreeLists[size] == 0) CutSlab(size);
            var piece = (nint*)FreeLists[size];
            FreeLists[size] = *piece;
            *piece = 0;
            return (byte*)piece;
        }
    }

    /// <summary>Zeroes and takes back what <see cref="Allocate"/> returned for the same length.</summary>
    public static void Free(byte* memory, int length)
    {
        Debug.Assert(memory != null);
        Zero(memory, length);
        Interlocked.Add(ref _allocated, -length);
        if (length > LargestPiece)
        {
            _ = munmap(memory, (nuint)length);
            return;
        }
        lock (Gate)
        {
            var size = ClassOf(length);
            *(nint*)memory = FreeLists[size];
            FreeLists[size] = (nint)memory;
        }
    }

    // Not inlined: the compiler must not see that nobody reads the memory again.
    [MethodImpl(MethodImplOptions.NoInlining | MethodImplOptions.NoOptimization)]
    private static void Zero(byte* memory, int length) => new Span<byte>(memory, length).Clear();

    // Multiples of a cache line rather than powers of two: equal keys of many SAs must not fall into the same sets of the cache.
    private static int ClassOf(int length) => Math.Max(1, (length + Grain - 1) / Grain);

    private static void CutSlab(int sizeClass)
    {
        var step = sizeClass * Grain;
        var size = ++Slabs[sizeClass] > SmallSlabs ? LargeSlab : SmallSlab;
        var slab = Map((nuint)size, alignment: (nuint)size);
        for (var offset = size / step * step - step; offset >= 0; offset -= step)
        {
            *(nint*)(slab + offset) = FreeLists[sizeClass];
            FreeLists[sizeClass] = (nint)(slab + offset);
        }
    }

    private static byte* Map(nuint length, nuint alignment = 1)
    {
        var whole = length + alignment - 1;
        var memory = mmap(null, whole, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if ((nint)memory == -1) throw new InsufficientMemoryException("No memory could be mapped for keys.");
        if (alignment > 1) memory = Trim(memory, whole, length, alignment);
        // Before it is touched; where the system has no large pages to give, nothing changes.
        if (length == LargeSlab) _ = madvise(memory, length, MadviseHugePage);
        if (mlock(memory, length) != 0) IsLocked = false;
        _ = madvise(memory, length, MadviseDontDump);
        _ = madvise(memory, length, MadviseDontFork);
        return memory;
    }

    // Gives back what lies before and behind an aligned piece.
    private static byte* Trim(byte* memory, nuint whole, nuint length, nuint alignment)
    {
        var start = (byte*)(((nuint)memory + alignment - 1) / alignment * alignment);
        var before = (nuint)(start - memory);
        if (before != 0) _ = munmap(memory, before);
        var behind = (((nuint)start + length + Page - 1) / Page * Page) - (nuint)start;
        if (whole > before + behind) _ = munmap(start + behind, whole - before - behind);
        return start;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial byte* mmap(void* address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int mlock(void* address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(void* address, nuint length, int advice);
}
