namespace Gateway.Dataplane.Apply;

/// <summary>When router advertisements are due (RFC 4861 §6.2.4, §6.2.6). Times are monotonic nanoseconds.</summary>
internal sealed class Advertiser(Random random)
{
    private const long Second = 1_000_000_000;

    /// <summary>RFC 4861 §10: MAX_INITIAL_RTR_ADVERT_INTERVAL and MAX_INITIAL_RTR_ADVERTISEMENTS, MIN_DELAY_BETWEEN_RAS.</summary>
    private const long InitialInterval = 16 * Second, MinDelay = 3 * Second;
    private const int Initial = 3;

    private sealed class Schedule
    {
        public required RouterAdvertisement Told { get; set; }

        public long Next { get; set; }

        public long? Last { get; set; }

        public int Sent { get; set; }
    }

    private readonly Dictionary<uint, Schedule> _schedules = [];

    /// <summary>What an interface tells from now on; null nothing more. True when it told something before and ceases to.</summary>
    public bool Set(uint index, RouterAdvertisement? told, long now)
    {
        var before = _schedules.GetValueOrDefault(index);
        if (told is null) return _schedules.Remove(index);
        if (before is null)
        {
            _schedules[index] = new Schedule { Told = told, Next = now };
        }
        else if (before.Told != told)
        {
            before.Told = told;
            // Hosts hear of a change as soon as they may.
            (before.Sent, before.Next) = (0, Soonest(before, now));
        }
        return false;
    }

    /// <summary>A host asks. It gets the answer that all get, at once or when the last one is three seconds old.</summary>
    public void Solicited(uint index, long now)
    {
        if (_schedules.TryGetValue(index, out var schedule)) schedule.Next = Math.Min(schedule.Next, Soonest(schedule, now));
    }

    /// <summary>The advertisements that are due, which count as sent.</summary>
    public List<(uint Index, RouterAdvertisement Told)> Due(long now)
    {
        List<(uint, RouterAdvertisement)> due = [];
        foreach (var (index, schedule) in _schedules)
        {
            if (schedule.Next > now) continue;
            due.Add((index, schedule.Told));
            (schedule.Last, schedule.Sent) = (now, schedule.Sent + 1);
            // RFC 4861 §6.2.1: MinRtrAdvInterval is a third of the longest, and at least three seconds.
            var longest = schedule.Told.Interval * Second;
            var shortest = Math.Max(MinDelay, longest / 3);
            var wait = shortest + (long)(random.NextDouble() * Math.Max(0, longest - shortest));
            schedule.Next = now + (schedule.Sent <= Initial ? Math.Min(wait, InitialInterval) : wait);
        }
        return due;
    }

    private static long Soonest(Schedule schedule, long now) => schedule.Last is { } last ? Math.Max(now, last + MinDelay) : now;
}
