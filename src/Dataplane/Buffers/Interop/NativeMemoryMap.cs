using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Buffers.Interop;

/// <summary>Anonymous memory from mmap(2), in 2 MB pages when the system has them to give.</summary>
internal static unsafe partial class NativeMemoryMap
{
    private const int ProtReadWrite = 1 | 2;
    private const int MapPrivateAnonymousPopulate = 0x02 | 0x20 | 0x8000;
    private const int MapHugeTlb = 0x40000;
    private const int MadvHugepage = 14;
    private const nuint HugePage = 2 << 20;

    /// <summary>Maps zeroed memory of at least <paramref name="bytes"/>; throws when there is none.</summary>
    public static byte* Map(ref nuint bytes, bool hugepages, out bool huge)
    {
        bytes = (bytes + HugePage - 1) & ~(HugePage - 1);
        huge = false;
        if (hugepages)
        {
            var p = mmap(0, bytes, ProtReadWrite, MapPrivateAnonymousPopulate | MapHugeTlb, -1, 0);
            huge = p != -1;
            if (huge) return (byte*)p;
        }
        var memory = mmap(0, bytes, ProtReadWrite, MapPrivateAnonymousPopulate, -1, 0);
        if (memory == -1) throw new InsufficientMemoryException($"The packet pool of {bytes >> 20} MB cannot be mapped.");
        _ = madvise(memory, bytes, MadvHugepage);
        return (byte*)memory;
    }

    public static void Unmap(byte* memory, nuint bytes) => _ = munmap((nint)memory, bytes);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int madvise(nint address, nuint length, int advice);
}
