namespace Gateway.Host.Journal;

/// <summary>
/// Sees that the machine's clock jumped: between two looks it went on by another span than the time since boot, which never jumps. Positions keep the
/// order in any case; who asks for a time must know that times are not in order there.
/// </summary>
internal sealed class ClockWatch
{
    /// <summary>A smaller step is the ordinary work of a time service.</summary>
    public static readonly TimeSpan Tolerance = TimeSpan.FromSeconds(30);

    private (DateTimeOffset Time, TimeSpan SinceBoot)? _last;

    /// <summary>By how much the clock was set ahead (negative: back) since the call before this one; null when it was not.</summary>
    /// <param name="time">By the machine's clock.</param>
    /// <param name="sinceBoot">Time since boot, sleep included.</param>
    public TimeSpan? Step(DateTimeOffset time, TimeSpan sinceBoot)
    {
        var before = _last;
        _last = (time, sinceBoot);
        if (before is not { } last) return null;
        var step = (time - last.Time) - (sinceBoot - last.SinceBoot);
        return step.Duration() > Tolerance ? step : null;
    }
}
