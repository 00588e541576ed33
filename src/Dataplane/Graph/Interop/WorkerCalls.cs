using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Dataplane.Graph.Interop;

/// <summary>A descriptor to wait for, as poll(2) takes it.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct PollEntry
{
    public int Fd;
    public short Events;
    public short Happened;
}

/// <summary>The few system calls of a worker: sleeping, waking, staying on its core.</summary>
internal static unsafe partial class WorkerCalls
{
    private const int NonBlockCloseOnExec = 0x800 | 0x80000;

    public const short Readable = 1;

    /// <summary>eventfd(2), non-blocking.</summary>
    public static SafeFileHandle OpenEvent()
    {
        var fd = eventfd(0, NonBlockCloseOnExec);
        if (fd < 0) throw new IOException($"eventfd failed with errno {Marshal.GetLastPInvokeError()}.");
        return new SafeFileHandle(fd, ownsHandle: true);
    }

    public static void Signal(SafeFileHandle handle)
    {
        ulong one = 1;
        _ = write((int)handle.DangerousGetHandle(), &one, sizeof(ulong));
    }

    /// <summary>Takes the signal back.</summary>
    public static void Drain(int fd)
    {
        ulong value;
        _ = read(fd, &value, sizeof(ulong));
    }

    /// <summary>Waits until a descriptor is ready or the time is over.</summary>
    public static int Poll(PollEntry* entries, int count, int milliseconds) => poll(entries, (nuint)count, milliseconds);

    /// <summary>Binds the calling thread to a core; false when the system does not let it.</summary>
    public static bool PinThread(int core)
    {
        if (core is < 0 or >= 1024) return false;
        var mask = stackalloc ulong[16];
        new Span<ulong>(mask, 16).Clear();
        mask[core / 64] = 1ul << (core % 64);
        return sched_setaffinity(0, 16 * sizeof(ulong), mask) == 0;
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int eventfd(uint initial, int flags);

    [LibraryImport("libc")]
    private static partial nint write(int fd, void* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial nint read(int fd, void* buffer, nuint count);

    [LibraryImport("libc")]
    private static partial int poll(PollEntry* entries, nuint count, int timeout);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int pid, nuint size, ulong* mask);
}
