using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The neighbors of one interface in the order in which they give way to others: first come first go, except that one that was used since it was looked at last goes to the end again. So a flood of made-up neighbors pushes out its like,
/// not those that carry traffic.
/// </summary>
internal sealed unsafe class NeighborQueue
{
    /// <summary>Neighbors that are looked at for one that may go; all those used, the newcomer is refused.</summary>
    private const int MaxLooks = 256;

    private readonly LinkedList<(NeighborKey Key, NeighborState State)> _order = [];

    public int Count => _order.Count;

    public void Add(NeighborKey key, NeighborState state) => state.Place = _order.AddLast((key, state));

    public void Remove(NeighborState state)
    {
        if (state.Place is { } place) _order.Remove(place);
        state.Place = null;
    }

    /// <summary>The neighbor that gives way; null when all that were looked at are needed.</summary>
    public NeighborKey? Victim(AdjacencyTable adjacencies, uint now)
    {
        for (var looks = Math.Min(MaxLooks, _order.Count); looks > 0; looks--)
        {
            var first = _order.First!;
            var (key, state) = first.Value;
            var used = adjacencies[state.Adjacency]->LastUsed;
            if (!state.Static && state.Routes == 0 && (used == 0 || used < state.Seen)) return key;
            state.Seen = now;
            _order.RemoveFirst();
            _order.AddLast(first);
        }
        return null;
    }
}
