using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>Where a route comes from; the first of several for one prefix is taken.</summary>
internal enum RouteSource
{
    /// <summary>An own address.</summary>
    Local,

    /// <summary>A route of the configuration.</summary>
    Static,

    /// <summary>The network of an own address.</summary>
    Connected,

    /// <summary>Network and broadcast address of a connected network.</summary>
    Broadcast,

    /// <summary>A neighbor on a connected network.</summary>
    Neighbor,
}

/// <summary>A prefix in a VRF.</summary>
internal readonly record struct PrefixKey(uint Vrf, AddressWords Prefix, int Length)
{
    public bool Equals(PrefixKey other) => Prefix.Low == other.Prefix.Low && Length == other.Length && Vrf == other.Vrf && Prefix.High == other.Prefix.High && Prefix.V6 == other.Prefix.V6;

    // A multiplication spreads what prefixes have in common; for a million of them the one that is made for records costs more than the table.
    public override int GetHashCode() => (int)(((Prefix.Low ^ (Prefix.High * 0x9E37_79B9_7F4A_7C15) ^ ((ulong)Length << 40) ^ ((ulong)Vrf << 48)) * 0x9E37_79B9_7F4A_7C15) >> 32);
}

/// <summary>All routes, with those that others hide; writes the best of each prefix into the forwarding tables.</summary>
internal sealed class Rib(DataplaneTables tables)
{
    private readonly record struct Candidate(RouteSource Source, uint Owner, uint Adjacency);

    /// <summary>The best route of each prefix. No entry holds an object, so that a million of them are nothing to the garbage collector, whose pauses stop the workers too.</summary>
    private readonly Dictionary<PrefixKey, Candidate> _best = [];

    /// <summary>What the best one hides, in order; of few prefixes.</summary>
    private readonly Dictionary<PrefixKey, List<Candidate>> _hidden = [];

    /// <summary>Every prefix with its best route.</summary>
    public IEnumerable<(PrefixKey Key, RouteSource Source, uint Owner, uint Adjacency)> Best => _best.Select(r => (r.Key, r.Value.Source, r.Value.Owner, r.Value.Adjacency));

    /// <summary>The longest prefix that holds an address, with its best route; known neighbors are no routes. False when there is none.</summary>
    public bool TryLongest(uint vrf, AddressWords address, out PrefixKey key, out RouteSource source, out uint owner)
    {
        for (var length = address.HostLength; length >= 0; length--)
        {
            key = new PrefixKey(vrf, address.Masked(length), length);
            if (!_best.TryGetValue(key, out var best)) continue;
            (source, owner) = (best.Source, best.Owner);
            if (source != RouteSource.Neighbor) return true;
        }

        (key, source, owner) = (default, default, 0);
        return false;
    }

    /// <summary>Adds or changes the route of a source and owner (an interface index or a number of the source's own).</summary>
    public void Set(PrefixKey key, RouteSource source, uint owner, uint adjacency)
    {
        key = key with { Prefix = key.Prefix.Masked(key.Length) };
        var route = new Candidate(source, owner, adjacency);
        if (_best.TryGetValue(key, out var best) && !IsOf(best, source, owner))
        {
            if (!_hidden.TryGetValue(key, out var hidden)) _hidden[key] = hidden = [];
            if (hidden.FindIndex(c => IsOf(c, source, owner)) is var there && there >= 0)
            {
                hidden[there] = route;
                return;
            }
            // Of equal rank the first one stays before those that came later.
            var loses = RankOf(best) <= RankOf(route);
            var loser = loses ? route : best;
            var at = hidden.FindIndex(c => loses ? RankOf(c) > RankOf(loser) : RankOf(c) >= RankOf(loser));
            hidden.Insert(at < 0 ? hidden.Count : at, loser);
            if (loses) route = best;
        }
        _best[key] = route;
        Publish(key, route.Adjacency);
    }

    /// <summary>Removes the route of a source and owner; false when there was none.</summary>
    public bool Clear(PrefixKey key, RouteSource source, uint owner)
    {
        key = key with { Prefix = key.Prefix.Masked(key.Length) };
        if (!_best.TryGetValue(key, out var best)) return false;
        var hidden = _hidden.GetValueOrDefault(key);
        if (!IsOf(best, source, owner))
        {
            if (hidden is null || hidden.RemoveAll(c => IsOf(c, source, owner)) == 0) return false;
            if (hidden.Count == 0) _hidden.Remove(key);
            return true;
        }
        if (hidden is not null)
        {
            _best[key] = hidden[0];
            Publish(key, hidden[0].Adjacency);
            hidden.RemoveAt(0);
            if (hidden.Count == 0) _hidden.Remove(key);
            return true;
        }
        _best.Remove(key);
        if (key.Prefix.V6) tables.Fib6.Remove(key.Vrf, key.Prefix.High, key.Prefix.Low, key.Length);
        else tables.Fib4.Remove(key.Vrf, (uint)key.Prefix.Low, key.Length);
        return true;
    }

    /// <summary>The lowest is taken. The owner of a route of the configuration is its preference.</summary>
    private static ulong RankOf(Candidate candidate) => (ulong)candidate.Source << 32 | (candidate.Source == RouteSource.Static ? candidate.Owner : 0);

    private static bool IsOf(Candidate candidate, RouteSource source, uint owner) => candidate.Source == source && candidate.Owner == owner;

    private void Publish(PrefixKey key, uint adjacency)
    {
        if (key.Prefix.V6) tables.Fib6.Set(key.Vrf, key.Prefix.High, key.Prefix.Low, key.Length, adjacency);
        else tables.Fib4.Set(key.Vrf, (uint)key.Prefix.Low, key.Length, adjacency);
    }
}
