using System.Runtime.InteropServices;
using System.Text;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>The system calls of the memif control channel: sealed memory, sockets of the filesystem that carry descriptors, eventfds.</summary>
internal static unsafe partial class MemifCalls
{
    private const int _unix = 1, _sequencedPackets = 5;
    private const int _addSeals = 1033, _getSeals = 1034, _sealSeal = 1, _sealShrink = 2, _sealGrow = 4;

    /// <summary>Longest path of a socket: 108 bytes with the zero at the end.</summary>
    public const int MaxPath = 107;

    /// <summary>Descriptors taken along with one message; a peer that sends more has broken the protocol.</summary>
    private const int _maxDescriptors = 8;

    /// <summary>A memory file of that size, zeroed, which cannot be resized any more.</summary>
    public static Descriptor MakeMemory(ulong bytes)
    {
        const uint cloexec = 1, allowSealing = 2;
        int fd = memfd_create("gateway-memif", cloexec | allowSealing);
        if (fd < 0) throw Libc.Failure("memfd_create");
        Descriptor made = new(fd);
        if (ftruncate(fd, (long)bytes) == 0 && fcntl(fd, _addSeals, _sealShrink | _sealGrow | _sealSeal) == 0) return made;
        KernelException failure = Libc.Failure("making of shared memory");
        made.Dispose();
        throw failure;
    }

    /// <summary>Whether the descriptor is a memory file of ordinary pages that cannot shrink.</summary>
    public static bool IsSealedMemory(Descriptor fd)
    {
        const long tmpfs = 0x01021994;
        long* status = stackalloc long[32];
        int seals = fcntl(fd.Number, _getSeals, 0);
        return seals >= 0 && (seals & _sealShrink) != 0 && fstatfs(fd.Number, status) == 0 && status[0] == tmpfs;
    }

    /// <summary>A second descriptor of the same file.</summary>
    public static int Duplicate(int fd)
    {
        const int duplicateCloexec = 1030;
        return fcntl(fd, duplicateCloexec, 0);
    }

    /// <summary>Bytes of a file; 0 when it has no size.</summary>
    public static ulong LengthOf(Descriptor fd)
    {
        const int end = 2;
        long length = lseek(fd.Number, 0, end);
        return length > 0 ? (ulong)length : 0;
    }

    public static byte* Map(Descriptor fd, ulong bytes)
    {
        byte* memory = TryMap(fd, bytes);
        return memory != null ? memory : throw Libc.Failure("mmap of shared memory");
    }

    /// <summary>Maps a file shared, for reading and writing; null when the kernel refuses.</summary>
    public static byte* TryMap(Descriptor fd, ulong bytes)
    {
        const int readWrite = 3, shared = 1;
        nint at = mmap(0, (nuint)bytes, readWrite, shared, fd.Number, 0);
        return at == -1 ? null : (byte*)at;
    }

    public static bool IsEvent(Descriptor fd)
    {
        FileSystemInfo link = new FileInfo(string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/self/fd/{fd.Number}"));
        return link.LinkTarget is { } target && target.EndsWith("anon_inode:[eventfd]", StringComparison.Ordinal);
    }

    /// <summary>Whether a socket lies at the path itself (S_IFSOCK).</summary>
    public static bool IsSocket(string path)
    {
        // .NET does not tell sockets from other special files, but the kernel's open(2) does: it fails with ENXIO on sockets alone (a FIFO opens without waiting).
        const int nonBlocking = 0x800, noFollow = 0x20000, cloexec = 0x80000;
        int fd = open(path, nonBlocking | noFollow | cloexec, 0);
        if (fd < 0) return Libc.LastError == Errors.NoDeviceOrAddress;
        _ = Libc.Close(fd);
        return false;
    }

    public static Descriptor MakeEvent()
    {
        const int nonBlockingCloexec = 0x800 | 0x80000;
        int fd = Libc.EventFd(0, nonBlockingCloexec);
        return fd >= 0 ? new Descriptor(fd) : throw Libc.Failure("eventfd");
    }

    /// <summary>Signals an eventfd of this process; one that a peer holds too goes through <see cref="EventSignal"/>.</summary>
    public static void Signal(Descriptor fd)
    {
        ulong one = 1;
        _ = Libc.Write(fd.Number, &one, sizeof(ulong));
    }

    public static void Drain(Descriptor fd)
    {
        ulong value;
        _ = read(fd.Number, &value, sizeof(ulong));
    }

    public static Descriptor Listen(string path)
    {
        Descriptor fd = Libc.OpenSocket(_unix, _sequencedPackets | Libc.SockNonblock, 0);
        try
        {
            Libc.Bind(fd, Address(path), "bind of " + path);

            // The file's permissions say who may connect: its owner and group.
            File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead | UnixFileMode.GroupWrite);
            const int backlog = 16;
            if (listen(fd.Number, backlog) != 0) throw Libc.Failure("listen on " + path);
            return fd;
        }
        catch
        {
            fd.Dispose();
            throw;
        }
    }

    /// <summary>The next peer that waits at a listening socket; null none.</summary>
    public static Descriptor? Accept(Descriptor listener)
    {
        const int nonBlockingCloexec = Libc.SockNonblock | Libc.SockCloexec;
        int fd = accept4(listener.Number, null, null, nonBlockingCloexec);
        return fd >= 0 ? new Descriptor(fd) : null;
    }

    /// <summary>Connects to a listening socket; null, with the error number, when nobody answers there.</summary>
    public static Descriptor? Connect(string path, out int errno)
    {
        Descriptor fd = Libc.OpenSocket(_unix, _sequencedPackets | Libc.SockNonblock, 0);
        byte[] to = Address(path);
        fixed (byte* address = to) errno = connect(fd.Number, address, (uint)to.Length) == 0 ? 0 : Libc.LastError;

        if (errno == 0) return fd;
        fd.Dispose();
        return null;
    }

    /// <summary>Sends one message, with a descriptor or without; false when the peer is gone or does not read.</summary>
    public static bool Send(Descriptor socket, ReadOnlySpan<byte> message, Descriptor? carried)
    {
        const int noSignal = 0x4000, rights = 1;
        byte* control = stackalloc byte[24];
        fixed (byte* data = message)
        {
            Libc.IoVector vector = new() { Base = data, Length = (nuint)message.Length };
            MessageHeader header = new() { Vectors = &vector, VectorCount = 1 };
            if (carried is not null)
            {
                // struct cmsghdr: length, level, type, then the descriptor.
                *(nuint*)control = 16 + sizeof(int);
                *(int*)(control + 8) = Libc.SolSocket;
                *(int*)(control + 12) = rights;
                *(int*)(control + 16) = carried.Number;
                header.Control = control;
                header.ControlLength = 24;
            }

            return sendmsg(socket.Number, &header, noSignal | Libc.MsgDontWait) == message.Length;
        }
    }

    /// <summary>
    /// Receives one message. Returns its length (longer than the span: it was cut), 0 when the peer left, -1 when there is none; the descriptors that came with it are the caller's.
    /// </summary>
    public static int Receive(Descriptor socket, Span<byte> into, List<Descriptor> carried)
    {
        const int cloexec = 0x40000000, rights = 1, room = 16 + _maxDescriptors * sizeof(int);
        byte* control = stackalloc byte[room];
        fixed (byte* data = into)
        {
            Libc.IoVector vector = new() { Base = data, Length = (nuint)into.Length };
            MessageHeader header = new() { Vectors = &vector, VectorCount = 1, Control = control, ControlLength = room };
            nint got = recvmsg(socket.Number, &header, cloexec | Libc.MsgDontWait | Libc.MsgTruncate);
            if (got < 0) return Libc.LastError is Errors.Again or Errors.Interrupted ? -1 : 0;

            // Each block: length, level, type, data, padded to eight bytes.
            for (nuint at = 0; at + 16 <= header.ControlLength;)
            {
                nuint length = *(nuint*)(control + at);
                if (length < 16 || length > header.ControlLength - at) break;
                if (*(int*)(control + at + 8) == Libc.SolSocket && *(int*)(control + at + 12) == rights)
                    for (nuint i = 16; i + sizeof(int) <= length; i += sizeof(int)) carried.Add(new Descriptor(*(int*)(control + at + i)));
                at += (length + 7) & ~(nuint)7;
            }

            return (int)got;
        }
    }

    /// <summary>Adds a descriptor to an epoll set so that each signal wakes once and nothing has to be read from it: a peer could make a read block.</summary>
    public static void WatchEdges(Descriptor epoll, Descriptor fd)
    {
        const uint input = 1, edges = 1u << 31;
        byte* watched = stackalloc byte[16];
        new Span<byte>(watched, 16).Clear();
        *(uint*)watched = input | edges;
        if (epoll_ctl(epoll.Number, 1, fd.Number, watched) != 0) throw Libc.Failure("epoll_ctl");
    }

    /// <summary>Takes the edges that were seen out of the set; for the worker's side.</summary>
    public static void TakeEdges(int epoll)
    {
        const int most = 16;
        byte* events = stackalloc byte[most * 16];
        _ = epoll_wait(epoll, events, most, 0);
    }

    private static byte[] Address(string path)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(path);
        if (bytes.Length is 0 or > MaxPath) throw new KernelException("socket " + path, Errors.Invalid);
        return [_unix, 0, .. bytes, 0];
    }

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int memfd_create(string name, uint flags);

    [LibraryImport("libc", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    private static partial int open(string path, int flags, int mode);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int ftruncate(int fd, long length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fcntl(int fd, int command, int argument);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int fstatfs(int fd, long* status);

    [LibraryImport("libc", SetLastError = true)]
    private static partial long lseek(int fd, long offset, int from);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint mmap(nint address, nuint length, int protection, int flags, int fd, nint offset);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int listen(int fd, int backlog);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int accept4(int fd, void* address, void* length, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int connect(int fd, byte* address, uint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint sendmsg(int fd, MessageHeader* header, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint recvmsg(int fd, MessageHeader* header, int flags);

    [LibraryImport("libc", SetLastError = true)]
    private static partial nint read(int fd, void* data, nuint length);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_ctl(int epoll, int operation, int fd, byte* watched);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int epoll_wait(int epoll, byte* events, int count, int milliseconds);

    /// <summary>struct msghdr.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct MessageHeader
    {
        public void* Name;
        public uint NameLength;
        public Libc.IoVector* Vectors;
        public nuint VectorCount;
        public void* Control;
        public nuint ControlLength;
        public int Flags;
    }
}
