namespace Gateway.Dataplane.Graph;

/// <summary>Lets so many events a second pass, and a burst; belongs to one worker.</summary>
internal struct TokenBucket(int perSecond, int burst)
{
    private readonly long _interval = 1_000_000_000L / perSecond;
    private readonly long _span = 1_000_000_000L / perSecond * burst;
    private long _empty = long.MinValue / 2;

    /// <summary>One whose burst is a fifth of a second.</summary>
    public static TokenBucket Of(int perSecond) => new(perSecond, Math.Max(1, perSecond / 5));

    /// <summary>Takes one token at a time in nanoseconds.</summary>
    public bool Take(long now)
    {
        var start = Math.Max(_empty, now - _span);
        if (start + _interval > now) return false;
        _empty = start + _interval;
        return true;
    }
}
