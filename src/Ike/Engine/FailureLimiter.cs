using System.Net;
using Gateway.Ike.Sa;
using Gateway.Policy.Events;

namespace Gateway.Ike.Engine;

/// <summary>
/// Keeps strangers from filling the journal with failed attempts: one fact per peer and reason in an interval, and a bounded number of facts in all.
/// What was left out is counted in the next one of the same peer and reason.
/// </summary>
internal sealed class FailureLimiter(TimeSpan interval)
{
    private const int MaxPeers = 4096;
    private const int MaxPerInterval = 100;

    private readonly Dictionary<(IPAddress Remote, string Reason), (Timestamp At, int Suppressed)> _peers = [];
    private Timestamp _began;
    private int _sent;

    /// <summary>The fact to journal, or null.</summary>
    public IkeSaFailed? Pass(IkeSaFailed failure, Timestamp now)
    {
        if (now - _began >= interval || _sent == 0) (_began, _sent) = (now, 0);
        var key = (failure.RemoteAddress, failure.Reason);
        var known = _peers.TryGetValue(key, out var last);
        if ((known && now - last.At < interval) || _sent >= MaxPerInterval)
        {
            if (known) _peers[key] = last with { Suppressed = last.Suppressed + 1 };
            return null;
        }

        if (!known && _peers.Count >= MaxPeers) _peers.Clear();
        _peers[key] = (now, 0);
        _sent++;
        return failure with { Suppressed = failure.Suppressed + last.Suppressed };
    }
}
