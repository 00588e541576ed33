using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gateway.Bench.Harness;

/// <summary>One side of a comparison: does its work <c>iterations</c> times. The name of ours is <see cref="Contest.Gateway"/>.</summary>
internal sealed record Contender(string Name, Action<int> Work);

/// <summary>Samples of one contender, in nanoseconds per operation.</summary>
internal sealed record Samples(string Contender, double[] Sorted)
{
    internal double Median => Sorted.Length % 2 == 1 ? Sorted[Sorted.Length / 2] : (Sorted[Sorted.Length / 2 - 1] + Sorted[Sorted.Length / 2]) / 2;

    internal double Min => Sorted[0];

    internal double Max => Sorted[^1];
}

/// <summary>
/// Runs contenders by turns in this one pinned process, so that whatever slows the machine down for a moment slows each of them.
/// Absolute times do not hold from run to run; ratios do. Time is the processor time of this thread, so that other programs on the machine
/// count only by what they do to the caches; work that waits or uses other threads asks for <c>wallClock</c>.
/// </summary>
internal static unsafe partial class Contest
{
    internal const string Gateway = "gateway";

    /// <summary>Time of one sample; long against the clock's grain, short against the machine's moods.</summary>
    private static readonly TimeSpan SampleTime = TimeSpan.FromMilliseconds(8);

    internal static IReadOnlyList<Samples> Run(IReadOnlyList<Contender> contenders, int operationsPerIteration = 1, int rounds = 21, bool wallClock = false)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rounds, 5);
        var iterations = contenders.Select(c => Calibrate(c, wallClock)).ToArray();
        var samples = contenders.Select(_ => new double[rounds]).ToArray();
        for (var round = 0; round < rounds; round++)
            for (var i = 0; i < contenders.Count; i++)
            {
                var start = Now(wallClock);
                contenders[i].Work(iterations[i]);
                samples[i][round] = (Now(wallClock) - start).TotalNanoseconds / ((double)iterations[i] * operationsPerIteration);
            }
        foreach (var s in samples) Array.Sort(s);
        return [.. contenders.Select((c, i) => new Samples(c.Name, samples[i]))];
    }

    private static int Calibrate(Contender contender, bool wallClock)
    {
        contender.Work(1);
        for (var iterations = 1; ; iterations *= 2)
        {
            var start = Now(wallClock);
            contender.Work(iterations);
            var elapsed = Now(wallClock) - start;
            if (elapsed > SampleTime / 4 || iterations >= 1 << 28) return Math.Max(1, (int)(iterations * (SampleTime / elapsed)));
        }
    }

    private static TimeSpan Now(bool wallClock)
    {
        const int threadCpuTime = 3;
        if (wallClock) return Stopwatch.GetElapsedTime(0);
        var time = stackalloc long[2];
        _ = clock_gettime(threadCpuTime, time);
        return TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000.0);
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);
}
