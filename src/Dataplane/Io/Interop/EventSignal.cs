using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Io.Interop;

/// <summary>
/// Signals eventfds that an untrusted process holds as well. A write(2) to one may block: the other process can fill the counter and take O_NONBLOCK away. What the kernel signals itself when an
/// asynchronous operation ends never waits; so a poll of something that is always ready is submitted, with the eventfd to be told of its end (io_submit(2), IOCB_FLAG_RESFD).
/// </summary>
internal sealed unsafe partial class EventSignal : IDisposable
{
    // io_setup, io_destroy, io_submit and io_getevents have no wrappers in the C library.
    private static readonly bool _arm = RuntimeInformation.ProcessArchitecture == Architecture.Arm64;
    private static readonly long _setup = _arm ? 0 : 206, _destroy = _arm ? 1 : 207, _submit = _arm ? 2 : 209, _reap = _arm ? 4 : 208;

    private readonly Descriptor _ready = MemifCalls.MakeEvent();
    private readonly Work* _work = (Work*)NativeMemory.AllocZeroed((nuint)sizeof(Work));
    private nuint _context;

    public EventSignal()
    {
        nuint context = 0;
        if (syscall(_setup, 1, (nint)(&context), 0, 0, 0) != 0)
        {
            KernelException failure = Libc.Failure("io_setup");
            Free();
            throw failure;
        }

        const ushort poll = 5;
        const ulong output = 4;
        const uint tellEvent = 1;
        _context = context;
        *_work = new Work { Operation = poll, Fd = (uint)_ready.Number, Buffer = output, Flags = tellEvent };
    }

    /// <summary>Signals; never waits. One thread at a time.</summary>
    public void Signal(int eventFd)
    {
        _work->EventFd = (uint)eventFd;
        Work* work = _work;
        Span<byte> ended = stackalloc byte[32];
        if (syscall(_submit, (nint)_context, 1, (nint)(&work), 0, 0) != 1) return;
        long* now = stackalloc long[2] { 0, 0 };
        fixed (byte* e = ended) _ = syscall(_reap, (nint)_context, 0, 1, (nint)e, (nint)now);
    }

    public void Dispose()
    {
        if (_context == 0) return;
        _ = syscall(_destroy, (nint)_context, 0, 0, 0, 0);
        _context = 0;
        Free();
    }

    private void Free()
    {
        NativeMemory.Free(_work);
        _ready.Dispose();
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial long syscall(long number, nint a, nint b, nint c, nint d, nint e);

    /// <summary>struct iocb.</summary>
    [StructLayout(LayoutKind.Sequential)]
    private struct Work
    {
        public ulong Data;
        public uint Key;
        public int Priority;
        public ushort Operation;
        public short RequestPriority;
        public uint Fd;
        public ulong Buffer;
        public ulong Bytes;
        public long Offset;
        public ulong Reserved;
        public uint Flags;
        public uint EventFd;
    }
}
