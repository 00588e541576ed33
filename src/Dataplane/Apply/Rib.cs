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
internal readonly record struct PrefixKey(uint Vrf, AddressWords Prefix, int Length);

/// <summary>All routes, with those that others hide; writes the best of each prefix into the forwarding tables.</summary>
internal sealed class Rib(DataplaneTables tables)
{
    private readonly record struct Candidate(RouteSource Source, uint Owner, uint Adjacency);

    private readonly Dictionary<PrefixKey, List<Candidate>> _routes = [];

    /// <summary>Every prefix with its best route.</summary>
    public IEnumerable<(PrefixKey Key, RouteSource Source, uint Adjacency)> Best =>
        _routes.Select(r => (r.Key, r.Value[0].Source, r.Value[0].Adjacency));

    /// <summary>Adds or changes the route of a source and owner (an interface index or a number of the source's own).</summary>
    public void Set(PrefixKey key, RouteSource source, uint owner, uint adjacency)
    {
        key = key with { Prefix = key.Prefix.Masked(key.Length) };
        if (!_routes.TryGetValue(key, out var candidates)) _routes[key] = candidates = [];
        candidates.RemoveAll(c => c.Source == source && c.Owner == owner);
        var at = candidates.FindIndex(c => c.Source > source);
        candidates.Insert(at < 0 ? candidates.Count : at, new Candidate(source, owner, adjacency));
        Publish(key, candidates[0].Adjacency);
    }

    /// <summary>Removes the route of a source and owner; false when there was none.</summary>
    public bool Clear(PrefixKey key, RouteSource source, uint owner)
    {
        key = key with { Prefix = key.Prefix.Masked(key.Length) };
        if (!_routes.TryGetValue(key, out var candidates)) return false;
        if (candidates.RemoveAll(c => c.Source == source && c.Owner == owner) == 0) return false;
        if (candidates.Count > 0)
        {
            Publish(key, candidates[0].Adjacency);
            return true;
        }
        _routes.Remove(key);
        if (key.Prefix.V6) tables.Fib6.Remove(key.Vrf, key.Prefix.High, key.Prefix.Low, key.Length);
        else tables.Fib4.Remove(key.Vrf, (uint)key.Prefix.Low, key.Length);
        return true;
    }

    private void Publish(PrefixKey key, uint adjacency)
    {
        if (key.Prefix.V6) tables.Fib6.Set(key.Vrf, key.Prefix.High, key.Prefix.Low, key.Length, adjacency);
        else tables.Fib4.Set(key.Vrf, (uint)key.Prefix.Low, key.Length, adjacency);
    }
}
