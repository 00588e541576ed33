using Gateway.Policy.Journal;

namespace Gateway.Host.Control;

/// <summary>
/// Bounds how many rejections of one principal are journalled, so that a hostile or broken sender cannot fill the disk: a bucket of
/// <see cref="Burst"/>, refilled by one a second. Used by one thread.
/// </summary>
public sealed class RejectionBudget(TimeProvider clock)
{
    public const int Burst = 50;

    /// <summary>Principals that are told apart; all further ones share one bucket.</summary>
    public const int MaxPrincipals = 1024;

    private static readonly Principal _others = new("-", "others");
    private readonly Dictionary<Principal, Bucket> _buckets = [];

    /// <summary>True when one more may be journalled; <paramref name="suppressed"/> tells how many were not since the last one that was.</summary>
    public bool TryTake(Principal principal, out int suppressed)
    {
        var now = clock.GetTimestamp();
        if (!_buckets.TryGetValue(principal, out var bucket))
        {
            if (_buckets.Count >= MaxPrincipals && !_buckets.TryGetValue(_others, out bucket)) principal = _others;
            if (bucket is null) _buckets[principal] = bucket = new Bucket { At = now };
        }

        bucket.Tokens = Math.Min(Burst, bucket.Tokens + clock.GetElapsedTime(bucket.At, now).TotalSeconds);
        bucket.At = now;
        suppressed = bucket.Suppressed;
        if (bucket.Tokens < 1)
        {
            bucket.Suppressed++;
            return false;
        }

        bucket.Tokens--;
        bucket.Suppressed = 0;
        return true;
    }

    private sealed class Bucket
    {
        public double Tokens { get; set; } = Burst;

        public long At { get; set; }

        public int Suppressed { get; set; }
    }
}
