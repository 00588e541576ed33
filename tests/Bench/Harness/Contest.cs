using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Gateway.Bench.Harness;

/// <summary>One side of a comparison: does its work <c>iterations</c> times. The name of ours is <see cref="Contest.Gateway"/>.</summary>
internal sealed record Contender(string Name, Action<int> Work)
{
    /// <summary>What the work does besides that does not count, such as making packets, which a network card does; null nothing.</summary>
    internal Aside? Aside { get; init; }
}

/// <summary>Processor time of this thread that a contender's work spent on what is not measured.</summary>
internal sealed class Aside
{
    private TimeSpan _begun;
    private TimeSpan _spent;

    internal void Begin() => _begun = Contest.ThreadTime();

    internal void End() => _spent += Contest.ThreadTime() - _begun;

    /// <summary>What was spent since the last time it was asked.</summary>
    internal TimeSpan Take()
    {
        var spent = _spent;
        _spent = TimeSpan.Zero;
        return spent;
    }
}

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
                _ = contenders[i].Aside?.Take();
                var start = Now(wallClock);
                contenders[i].Work(iterations[i]);
                var time = Now(wallClock) - start - (contenders[i].Aside?.Take() ?? TimeSpan.Zero);
                samples[i][round] = time.TotalNanoseconds / ((double)iterations[i] * operationsPerIteration);
            }
        foreach (var s in samples) Array.Sort(s);
        return [.. contenders.Select((c, i) => new Samples(c.Name, samples[i]))];
    }

    /// <summary>
    /// Lets the runtime come to rest: it compiles what is used much anew, in the background, a tenth of a second after the last new method. Ours alone need it, and a gateway that forwards has it behind itself.
    /// </summary>
    private static void WarmUp(Contender contender)
    {
        if (contender.Name is "openssl" or "ipsec-mb") return;
        for (var pass = 0; pass < 3; pass++)
        {
            var start = Stopwatch.GetTimestamp();
            do contender.Work(1);
            while (Stopwatch.GetElapsedTime(start) < TimeSpan.FromMilliseconds(150));
            Thread.Sleep(150);
        }
    }

    private static int Calibrate(Contender contender, bool wallClock)
    {
        contender.Work(1);
        if (!wallClock) WarmUp(contender);
        for (var iterations = 1; ; iterations *= 2)
        {
            var start = Now(wallClock);
            contender.Work(iterations);
            var elapsed = Now(wallClock) - start;
            if (elapsed > SampleTime / 4 || iterations >= 1 << 28) return Math.Max(1, (int)(iterations * (SampleTime / elapsed)));
        }
    }

    private static TimeSpan Now(bool wallClock) => wallClock ? Stopwatch.GetElapsedTime(0) : ThreadTime();

    internal static TimeSpan ThreadTime()
    {
        const int threadCpuTime = 3;
        var time = stackalloc long[2];
        _ = clock_gettime(threadCpuTime, time);
        return TimeSpan.FromSeconds(time[0]) + TimeSpan.FromMicroseconds(time[1] / 1000.0);
    }

    [LibraryImport("libc")]
    private static partial int clock_gettime(int clock, long* time);
}
