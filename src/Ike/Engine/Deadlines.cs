using Gateway.Ike.Sa;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Engine;

/// <summary>
/// The timers of all IKE SAs, earliest first. Moving or cancelling leaves the old entry in the queue, to be passed over when its time comes;
/// when such entries outnumber the live ones the queue is made anew.
/// </summary>
internal sealed class Deadlines
{
    private readonly Dictionary<(IkeSaId Sa, TimerId Timer), Timestamp> _live = [];
    private readonly PriorityQueue<(IkeSaId Sa, TimerId Timer), long> _queue = new();

    public int Count => _live.Count;

    /// <summary>When <see cref="TryTake"/> will have something; null when no timer runs.</summary>
    public Timestamp? Next
    {
        get
        {
            while (_queue.TryPeek(out var key, out var at))
            {
                if (IsLive(key, at)) return new Timestamp(at);
                _queue.Dequeue();
            }

            return null;
        }
    }

    public void Set(IkeSaId sa, TimerId timer, Timestamp at)
    {
        _live[(sa, timer)] = at;
        if (_queue.Count > 1024 && _queue.Count > 2 * _live.Count)
        {
            _queue.Clear();
            foreach (var (key, when) in _live) _queue.Enqueue(key, when.Milliseconds);
        }
        else
        {
            _queue.Enqueue((sa, timer), at.Milliseconds);
        }
    }

    public void Cancel(IkeSaId sa, TimerId timer) => _live.Remove((sa, timer));

    /// <summary>Takes a timer that has run out.</summary>
    public bool TryTake(Timestamp now, out IkeSaId sa, out TimerId timer)
    {
        (sa, timer) = (default, default);
        if (Next is not { } next || next > now) return false;
        (sa, timer) = _queue.Dequeue();
        _live.Remove((sa, timer));
        return true;
    }

    private bool IsLive((IkeSaId Sa, TimerId Timer) key, long at) => _live.TryGetValue(key, out var live) && live.Milliseconds == at;
}
