using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Vault.Interop;

/// <summary>The few calls of libc that the vault needs and .NET does not offer.</summary>
internal static unsafe partial class Libc
{
    private const int ProtRead = 1;
    private const int ProtWrite = 2;
    private const int MapShared = 1;
    private const int MsSync = 4;
    private const int AdviceDontNeed = 4;
    private const int ErrnoNoSpace = 28;
    private const nuint PageLength = 4096;

    /// <summary>Maps a file's first <paramref name="length"/> octets, shared and writable.</summary>
    public static byte* MapShared0(SafeFileHandle file, nuint length)
    {
        var at = mmap(null, length, ProtRead | ProtWrite, MapShared, file, 0);
        return at != (void*)-1 ? (byte*)at : throw new IOException($"mmap failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    public static void Unmap(byte* at, nuint length) => _ = munmap(at, length);

    /// <summary>Writes the pages in which these octets lie back and waits for the disk.</summary>
    public static void Sync(byte* from, nuint length)
    {
        var into = (nuint)from & (PageLength - 1);
        if (msync(from - into, length + into, MsSync) != 0) throw new IOException($"msync failed: {Marshal.GetLastPInvokeErrorMessage()}");
    }

    /// <summary>Lets go of the pages of a shared mapping: what they hold stays in the file, and they come back when they are touched.</summary>
    public static void LetGo(byte* at, nuint length) => _ = madvise(at, length, AdviceDontNeed);

    /// <summary>Reserves disk blocks, so that a later store into the mapping cannot fail (it would be a fatal SIGBUS).</summary>
    public static void Reserve(SafeFileHandle file, long offset, long length)
    {
        var error = posix_fallocate(file, (nint)offset, (nint)length);
        if (error == ErrnoNoSpace) throw new IOException("The disk of the vault is full.");
        if (error != 0) throw new IOException($"posix_fallocate failed: {Marshal.GetPInvokeErrorMessage(error)}");
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial void* mmap(void* at, nuint length, int protection, int flags, SafeFileHandle file, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(void* at, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int msync(void* at, nuint length, int flags);

    [LibraryImport("libc")]
    private static partial int madvise(void* at, nuint length, int advice);

    [LibraryImport("libc")]
    private static partial int posix_fallocate(SafeFileHandle file, nint offset, nint length);
}
