using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Vault.Interop;

/// <summary>What statx(2) tells of a file that nobody can set by hand: which one it is, when it was made, and when it was changed last.</summary>
/// <param name="Birth">Nanoseconds since 1970; 0 where the file system keeps none.</param>
/// <param name="ChangedMs">Of content or metadata (ctime), milliseconds since 1970.</param>
internal readonly partial record struct FileIdentity(ulong Inode, ulong Device, long Birth, long ChangedMs)
{
    private const int EmptyPath = 0x1000;
    private const uint BasicStats = 0x7ff;
    private const uint BirthTime = 0x800;

    /// <summary>
    /// Whether both are the same file. A deleted file's inode may serve again, but not with the same birth; a device number says little of a file whose file system
    /// was mounted anew, so it counts only where there is no birth.
    /// </summary>
    public bool IsSameFile(ulong inode, ulong device, long birth) => Inode == inode && Birth == birth && (Birth != 0 || Device == device);

    public static unsafe FileIdentity Of(SafeFileHandle file)
    {
        Statx found = default;
        if (statx(file, "", EmptyPath, BasicStats | BirthTime, &found) != 0) throw new IOException($"statx failed: {Marshal.GetLastPInvokeErrorMessage()}");
        return new FileIdentity(
            found.Inode, ((ulong)found.DeviceMajor << 32) | found.DeviceMinor,
            (found.Mask & BirthTime) == 0 ? 0 : (found.Birth.Seconds * 1_000_000_000) + found.Birth.Nanoseconds,
            (found.Change.Seconds * 1000) + (found.Change.Nanoseconds / 1_000_000));
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static unsafe partial int statx(SafeFileHandle directory, string path, int flags, uint mask, Statx* found);

    [StructLayout(LayoutKind.Sequential)]
    private struct Time
    {
        public long Seconds;
        public uint Nanoseconds;
        public int Reserved;
    }

    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Statx
    {
        [FieldOffset(0)] public uint Mask;
        [FieldOffset(32)] public ulong Inode;
        [FieldOffset(80)] public Time Birth;
        [FieldOffset(96)] public Time Change;
        [FieldOffset(136)] public uint DeviceMajor;
        [FieldOffset(140)] public uint DeviceMinor;
    }
}
