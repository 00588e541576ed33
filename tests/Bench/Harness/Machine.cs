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
        fixed (ulong* m = mask) _ = sched_setaffinity(0, (nuint)(mask.Length * sizeof(ulong)), m);
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int sched_setaffinity(int thread, nuint size, ulong* mask);
}
