using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Buffers.Interop;

/// <summary>Anonymous memory from mmap(2), in 2 MB pages when the system has them to give.</summary>
internal static unsafe partial class NativeMemoryMap
{
    private const int ProtReadWrite = 1 | 2;
    private const int MapPrivateAnonymous = 0x02 | 0x20;
    private const int MapPopulate = 0x8000;
    private const int MapHugeTlb = 0x40000;
    private const int MadvHugepage = 14;
    private const int MadvPopulateWrite = 23;
    private const nuint HugePage = 2 << 20;

    /// <summary>Maps zeroed memory of at least <paramref name="bytes"/>, all of it in memory from the start; throws when there is none.</summary>
    public static byte* Map(ref nuint bytes, bool hugepages, out bool huge)
    {
        bytes = (bytes + HugePage - 1) & ~(HugePage - 1);
        huge = false;
        if (hugepages)
        {
            var p = mmap(0, bytes, ProtReadWrite, MapPrivateAnonymous | MapPopulate | MapHugeTlb, -1, 0);
            huge = p != -1;
            if (huge) return (byte*)p;
        }
        // Aligned and advised before it is touched: afterwards the kernel would gather large pages only slowly, if at all.
        var memory = mmap(0, bytes + HugePage, ProtReadWrite, MapPrivateAnonymous, -1, 0);
        if (memory == -1) throw TooLittle(bytes);
        var start = (nint)(((nuint)memory + HugePage - 1) & ~(HugePage - 1));
        if (start != memory) _ = munmap(memory, (nuint)(start - memory));
        var behind = (nuint)memory + HugePage - (nuint)start;
        if (behind != 0) _ = munmap(start + (nint)bytes, behind);
        PreferHugePages((byte*)start, bytes);
        if (madvise(start, bytes, MadvPopulateWrite) != 0)
        {
            // Kernels before 5.14: each page is touched.
            for (nuint at = 0; at < bytes; at += 4096) ((byte*)start)[at] = 0;
        }
        return (byte*)start;
    }

    /// <summary>Asks for 2 MB pages in a region whose ends are multiples of them; where the system gives none, nothing changes.</summary>
    public static void PreferHugePages(byte* memory, nuint bytes) => _ = madvise((nint)memory, bytes, MadvHugepage);

    public static void Unmap(byte* memory, nuint bytes) => _ = munmap((nint)memory, bytes);

    private static InsufficientMemoryException TooLittle(nuint bytes) => new($"The packet pool of {bytes >> 20} MB cannot be mapped.");

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(nint address, nuint length, int advice);
}
