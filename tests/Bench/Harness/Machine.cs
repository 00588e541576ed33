using System.Runtime.InteropServices;

namespace Gateway.Bench.Harness;

/// <summary>The processor that the figures belong to.</summary>
internal static unsafe partial class Machine
{
    internal static string Processor { get; } = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(": ", 2)[^1] ?? "unknown";

    /// <summary>Ties the calling thread to the last processor, away from most interrupts. The contest runs on this thread.</summary>
    internal static void Pin()
    {
        Span<ulong> mask = stackalloc ulong[16];
        mask.Clear();
        var processor = Environment.ProcessorCount - 1;
        mask[processor / 64] = 1UL << (processor % 64);
        Set(mask);
    }

    /// <summary>Gives the calling thread all processors again.</summary>
    internal static void Unpin()
    {
        Span<ulong> mask = stackalloc ulong[16];
        mask.Fill(ulong.MaxValue);
        Set(mask);
    }

    /// <summary>Processor time that a process has used with all its threads, those that ended too; the kernel's clock behind utime + stime.</summary>
    internal static TimeSpan ProcessorTime(int process)
    {
        // The clock id that clock_getcpuclockid(3) makes of a process id: its complement, shifted, with CPUCLOCK_SCHED.
        const int scheduled = 2;
        var time = stackalloc long[2];
        if (clock_gettime((~process << 3) | scheduled, time) != 0) throw new InvalidOperationException($"Process {process} has ended.");
        return TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000.0);
    }

    private static void Set(ReadOnlySpan<ulong> mask)
    {
        fixed (ulong* m = mask) _ = sched_setaffinity(0, (nuint)(mask.Length * sizeof(ulong)), m);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, long* time);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);
}
