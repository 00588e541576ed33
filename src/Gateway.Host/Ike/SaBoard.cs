using System.Collections.Concurrent;
using Gateway.Host.Ike.Interop;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy.Sa;

namespace Gateway.Host.Ike;

/// <summary>
/// The IKE SAs as others than the loop see them: as of its last round. A round costs as much as it changed, and what a reader is shown is made when he asks.
/// </summary>
internal sealed class SaBoard
{
    private readonly ConcurrentDictionary<IkeSaId, IkeSaState> _states = new(concurrencyLevel: 1, capacity: 31);
    private readonly Dictionary<IkeSaId, IkeSaState?> _changed = [];

    /// <summary>All of them, oldest first.</summary>
    public IReadOnlyList<IkeSaView> Views()
    {
        var now = BootClock.Now;
        var states = _states.ToArray();
        Array.Sort(states, static (a, b) => a.Key.Value.CompareTo(b.Key.Value));
        return Array.ConvertAll(states, s => IkeSaView.Of(s.Value, now));
    }

    /// <summary>Notes a new state, null for an SA that is gone; it is seen after <see cref="Publish"/>. On the loop.</summary>
    public void Note(IkeSaId id, IkeSaState? state) => _changed[id] = state;

    /// <summary>What was done by the last round is done: its states may be seen. On the loop.</summary>
    public void Publish()
    {
        if (_changed.Count == 0) return;
        foreach (var (id, state) in _changed)
        {
            if (state is null) _states.TryRemove(id, out _);
            else _states[id] = state;
        }

        _changed.Clear();
    }
}
