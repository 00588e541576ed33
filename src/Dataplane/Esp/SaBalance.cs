using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>What an SA carried within the last second, in packets, and for which worker.</summary>
internal readonly record struct SaLoad(ChildSaId Sa, int Worker, ulong Packets);

/// <summary>An SA to be given to another worker.</summary>
internal readonly record struct SaMove(ChildSaId Sa, int To);

/// <summary>
/// Evens out the workers' load of SAs, slowly: an SA moves only when its owner had a quarter more than another worker for three seconds on end, and only one that lessens the difference. A worker that
/// carries little is left alone, because a packet that changes cores costs more than it brings there.
/// </summary>
internal sealed class SaBalance
{
    /// <summary>Packets a second below which one worker is not too much.</summary>
    public const ulong Busy = 50_000;

    /// <summary>Seconds on end that a difference must last.</summary>
    public const int Patience = 3;

    private int _seconds;

    /// <summary>Called once a second; null when nothing should move.</summary>
    public SaMove? Choose(IReadOnlyList<SaLoad> loads, int workers)
    {
        Span<ulong> sums = stackalloc ulong[workers];
        foreach (var load in loads) sums[load.Worker] += load.Packets;
        var (most, least) = (0, 0);
        for (var w = 1; w < workers; w++)
        {
            if (sums[w] > sums[most]) most = w;
            if (sums[w] < sums[least]) least = w;
        }
        var gap = sums[most] - sums[least];
        if (sums[most] < Busy || gap * 4 < sums[most])
        {
            _seconds = 0;
            return null;
        }
        if (++_seconds < Patience) return null;

        // The best one carries half the gap; one that carries the whole gap or more would only swap the two workers' places.
        SaLoad? best = null;
        foreach (var load in loads)
            if (load.Worker == most && load.Packets < gap && (best is not { } other || Distance(load) < Distance(other))) best = load;
        _seconds = 0;
        return best is { } chosen ? new SaMove(chosen.Sa, least) : null;

        ulong Distance(SaLoad load) => load.Packets * 2 > gap ? (load.Packets * 2) - gap : gap - (load.Packets * 2);
    }
}
