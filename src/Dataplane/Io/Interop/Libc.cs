using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>The system calls behind the ports, with spans and descriptors in place of raw pointers where the control side calls them.</summary>
internal static unsafe partial class Libc
{
    public const int AfInet = 2, AfInet6 = 10, AfNetlink = 16, AfPacket = 17;
    public const int SockRaw = 3, SockDatagram = 2, SockCloexec = 0x80000, SockNonblock = 0x800;
    public const int SolSocket = 1, SolPacket = 263, SolNetlink = 270;
    public const int MsgDontWait = 0x40, MsgTruncate = 0x20;
    public const int CloneNewNet = 0x40000000;
    public const short PollIn = 1, PollError = 8;

    public static Descriptor OpenSocket(int family, int type, int protocol)
    {
        int fd = socket(family, type | SockCloexec, protocol);
        return fd >= 0 ? new Descriptor(fd) : throw Failure($"socket of family {family}");
    }

    public static Descriptor OpenFile(string path, int flags)
    {
        const int cloexec = 0x80000;
        int fd = open(path, flags | cloexec, 0);
        return fd >= 0 ? new Descriptor(fd) : throw Failure("open " + path);
    }

    public static Descriptor OpenEpoll()
    {
        const int cloexec = 0x80000;
        int fd = epoll_create1(cloexec);
        return fd >= 0 ? new Descriptor(fd) : throw Failure("epoll_create1");
    }

    /// <summary>Watches a descriptor for input, level-triggered.</summary>
    public static void EpollAdd(Descriptor epoll, Descriptor fd)
    {
        EpollEvent watched = new() { Events = (uint)PollIn };
        if (epoll_ctl(epoll.Number, 1, fd.Number, &watched) != 0) throw Failure("epoll_ctl");
    }

    public static void EpollRemove(Descriptor epoll, Descriptor fd)
    {
        EpollEvent unused = default;
        _ = epoll_ctl(epoll.Number, 2, fd.Number, &unused);
    }

    public static void Bind(Descriptor fd, ReadOnlySpan<byte> address, string what)
    {
        fixed (byte* a = address)
            if (bind(fd.Number, a, (uint)address.Length) != 0) throw Failure(what);
    }

    public static void SetOption(Descriptor fd, int level, int option, int value, string what)
    {
        if (setsockopt(fd.Number, level, option, &value, sizeof(int)) != 0) throw Failure(what);
    }

    public static bool TrySetOption(Descriptor fd, int level, int option, int value) => setsockopt(fd.Number, level, option, &value, sizeof(int)) == 0;

    public static void SetOption(Descriptor fd, int level, int option, ReadOnlySpan<byte> value, string what)
    {
        fixed (byte* v = value)
            if (setsockopt(fd.Number, level, option, v, (uint)value.Length) != 0) throw Failure(what);
    }

    /// <summary>Reads an option into the span without failing; for the worker's side.</summary>
    public static bool TryGetOption(int fd, int level, int option, void* value, uint length) => getsockopt(fd, level, option, value, &length) == 0;

    public static byte* MapShared(Descriptor fd, nuint length, long offset = 0)
    {
        const int readWrite = 3, sharedPopulate = 0x1 | 0x8000;
        nint at = mmap(0, length, readWrite, sharedPopulate, fd.Number, (nint)offset);
        return at != -1 ? (byte*)at : throw Failure("mmap of packet rings");
    }

    /// <summary>Maps a file that memory is kept in; null when it cannot be.</summary>
    public static byte* TryMapFile(SafeFileHandle file, nuint length)
    {
        const int readWrite = 3, shared = 0x1;
        var at = mmap(0, length, readWrite, shared, (int)file.DangerousGetHandle(), 0);
        return at != -1 ? (byte*)at : null;
    }

    public static void Unmap(byte* at, nuint length) => _ = munmap((nint)at, length);

    public static void Control(Descriptor fd, nuint request, void* argument, string what)
    {
        if (ioctl(fd.Number, request, (nint)argument) < 0) throw Failure(what);
    }

    public static bool TryControl(Descriptor fd, nuint request, void* argument) => ioctl(fd.Number, request, (nint)argument) >= 0;

    public static void EnterNamespace(Descriptor fd, string what)
    {
        if (setns(fd.Number, CloneNewNet) != 0) throw Failure(what);
    }

    public static int Poll(Span<PollEntry> entries, int milliseconds)
    {
        fixed (PollEntry* e = entries) return poll(e, (nuint)entries.Length, milliseconds);
    }

    public static KernelException Failure(string what) => new(what, Marshal.GetLastPInvokeError());

    public static int LastError => Marshal.GetLastPInvokeError();

    [LibraryImport("libc", EntryPoint = "close")]
    public static partial int Close(int fd);

    [LibraryImport("libc", EntryPoint = "sendto", SetLastError = true)]
    public static partial nint SendTo(int fd, void* data, nuint length, int flags, void* address, uint addressLength);

    [LibraryImport("libc", EntryPoint = "recv", SetLastError = true)]
    public static partial nint Receive(int fd, void* data, nuint length, int flags);

    [LibraryImport("libc", EntryPoint = "readv", SetLastError = true)]
    public static partial nint ReadVector(int fd, IoVector* vectors, int count);

    [LibraryImport("libc", EntryPoint = "writev", SetLastError = true)]
    public static partial nint WriteVector(int fd, IoVector* vectors, int count);

    [LibraryImport("libc", EntryPoint = "eventfd", SetLastError = true)]
    public static partial int EventFd(uint initial, int flags);

    [LibraryImport("libc", EntryPoint = "write", SetLastError = true)]
    public static partial nint Write(int fd, void* data, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int socket(int family, int type, int protocol);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int bind(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setsockopt(int fd, int level, int option, void* value, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int getsockopt(int fd, int level, int option, void* value, uint* length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int munmap(nint address, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ioctl(int fd, nuint request, nint argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int setns(int fd, int type);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int poll(PollEntry* entries, nuint count, int milliseconds);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_create1(int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int epoll, int operation, int fd, EpollEvent* watched);

    [StructLayout(LayoutKind.Sequential)]
    public struct PollEntry
    {
        public int Fd;
        public short Events;
        public short Returned;
    }

    [StructLayout(LayoutKind.Sequential)]
    public struct IoVector
    {
        public byte* Base;
        public nuint Length;
    }

    // Packed on x86-64 only; twelve bytes there, and the padded sixteen elsewhere are written whole as well.
    [StructLayout(LayoutKind.Explicit, Size = 16)]
    private struct EpollEvent
    {
        [FieldOffset(0)]
        public uint Events;
    }
}
