using Gateway.Policy.Journal;

namespace Gateway.Host.Control.Senders;

/// <summary>Counts what every principal has in flight and how fast it sends, and keeps it to its limits. Safe for all threads.</summary>
internal sealed class SenderGate(TimeProvider clock)
{
    /// <summary>Principals that are told apart; those idle are forgotten first, and all further ones share one count.</summary>
    public const int MaxPrincipals = 4096;

    private static readonly Principal _others = new("-", "others");
    private readonly Lock _gate = new();
    private readonly Dictionary<Principal, Count> _counts = [];

    /// <summary>Lets one more command in, to be ended with <see cref="Pass.Leave"/>; or says why not, in a sentence.</summary>
    public bool TryEnter(Standing standing, out Pass pass, out string? why)
    {
        var now = clock.GetTimestamp();
        lock (_gate)
        {
            var count = CountOf(standing, now);
            pass = new Pass(this, count);
            if (count.InFlight >= standing.InFlight)
            {
                why = $"{standing.InFlight} commands of {standing.Speaker.Principal} have no outcome yet; more are not taken.";
                return false;
            }

            if (standing.Rate > 0)
            {
                count.Tokens = Math.Min(standing.Burst, count.Tokens + (clock.GetElapsedTime(count.At, now).TotalSeconds * standing.Rate));
                count.At = now;
                if (count.Tokens < 1)
                {
                    why = FormattableString.Invariant($"At most {standing.Rate} commands a second are taken from {standing.Speaker.Principal}.");
                    return false;
                }

                count.Tokens--;
            }

            count.InFlight++;
            why = null;
            return true;
        }
    }

    private Count CountOf(Standing standing, long now)
    {
        var principal = standing.Speaker.Principal;
        if (_counts.TryGetValue(principal, out var count)) return count;
        if (_counts.Count >= MaxPrincipals) ForgetIdle(now);
        if (_counts.Count >= MaxPrincipals && !_counts.TryGetValue(_others, out count)) principal = _others;
        return count ?? (_counts[principal] = new Count { Tokens = standing.Burst, At = now });
    }

    // One minute is long enough to fill a bucket of the usual size again; whoever uses another pays at most one burst too few.
    private void ForgetIdle(long now)
    {
        foreach (var (principal, count) in _counts)
            if (count.InFlight == 0 && clock.GetElapsedTime(count.At, now) > TimeSpan.FromMinutes(1)) _counts.Remove(principal);
    }

    /// <summary>A command that was let in.</summary>
    internal readonly struct Pass(SenderGate gate, Count count)
    {
        public void Leave()
        {
            lock (gate._gate) count.InFlight--;
        }
    }

    internal sealed class Count
    {
        public int InFlight { get; set; }

        public double Tokens { get; set; }

        public long At { get; set; }
    }
}
