namespace Gateway.Bench.Io;

/// <summary>The pauses of the garbage collector while something is done, in which no thread of managed code runs.</summary>
internal sealed class PauseWatch
{
    private TimeSpan _before;
    private int _collections;
    private long _last;

    /// <summary>The longest one seen by <see cref="Look"/>.</summary>
    internal TimeSpan Longest { get; private set; }

    internal TimeSpan Sum => GC.GetTotalPauseDuration() - _before;

    internal int Collections => Count() - _collections;

    internal void Begin() => (_before, _collections, Longest, _last) = (GC.GetTotalPauseDuration(), Count(), TimeSpan.Zero, GC.GetGCMemoryInfo(GCKind.Any).Index);

    /// <summary>To be called often.</summary>
    internal void Look()
    {
        var info = GC.GetGCMemoryInfo(GCKind.Any);
        if (info.Index == _last) return;
        _last = info.Index;
        foreach (var pause in info.PauseDurations)
            if (pause > Longest) Longest = pause;
    }

    private static int Count() => GC.CollectionCount(0);
}
