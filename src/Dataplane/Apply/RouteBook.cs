using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The routes of the configuration. Each leads through an interface or a next hop that lies on one, or through a list of those; a route whose next hop is nowhere waits until it is, and one with
/// the next higher preference is taken meanwhile.
/// </summary>
internal sealed class RouteBook(Rib rib, NeighborBook neighbors, InterfaceBook interfaces, PathBook paths)
{
    /// <summary>Of the routes to one prefix each has a preference of its own.</summary>
    private readonly record struct RouteKey(PrefixKey Prefix, uint Preference);

    /// <summary>A route without its prefix. It holds no object, see <see cref="Rib"/>.</summary>
    private record struct Held(RouteKind Kind, AddressWords? Via, uint? Interface)
    {
        /// <summary>The VRF in which its next hop lies.</summary>
        public uint Vrf;
        public NeighborKey? Through;

        /// <summary>The tunnel that it leads into.</summary>
        public uint? Tunnel;

        /// <summary>Number of its list of next hops; 0 none.</summary>
        public uint Paths;
        public bool Active;
    }

    private readonly Dictionary<RouteKey, Held> _routes = [];

    public IEnumerable<(RouteSettings Settings, bool Active)> All => _routes.Select(r => (
        new RouteSettings
        {
            Vrf = r.Key.Prefix.Vrf,
            To = new System.Net.IPNetwork(r.Key.Prefix.Prefix.ToAddress(), r.Key.Prefix.Length),
            Via = r.Value.Via?.ToAddress(),
            Interface = r.Value.Interface,
            Kind = r.Value.Kind,
            NextHopVrf = r.Value.Vrf,
            Preference = r.Key.Preference,
            NextHops = r.Value.Paths == 0 ? [] : paths.HopsOf(r.Value.Paths),
        },
        r.Value.Active));

    /// <summary>Adds or replaces the route of a prefix and preference; says whether it leads anywhere now.</summary>
    public bool Set(RouteSettings settings)
    {
        var key = KeyOf(settings.Vrf, settings.To, settings.Preference);
        // Taken before those of the route that it replaces are let go, so that next hops of both stay what they are.
        var list = settings.NextHops.Count == 0 ? 0 : paths.Take(settings.NextHopVrf ?? settings.Vrf, key.Prefix.Prefix.V6, settings.NextHops);
        ref var held = ref CollectionsMarshal.GetValueRefOrAddDefault(_routes, key, out var exists);
        if (exists)
        {
            var before = held.Paths;
            Deactivate(key, ref held);
            if (before != 0) paths.Drop(before);
        }
        held = new Held(settings.Kind, settings.Via is { } via ? AddressWords.From(via) : null, settings.Interface) { Paths = list, Vrf = settings.NextHopVrf ?? settings.Vrf };
        return Activate(key, ref held);
    }

    public bool Remove(uint vrf, System.Net.IPNetwork to, uint preference = 0)
    {
        var key = KeyOf(vrf, to, preference);
        if (!_routes.Remove(key, out var held)) return false;
        Deactivate(key, ref held);
        if (held.Paths != 0) paths.Drop(held.Paths);
        return true;
    }

    /// <summary>Lets go of what leads through an interface that is about to change or vanish.</summary>
    public void Release(uint index)
    {
        paths.Refresh(without: index);
        foreach (var key in _routes.Keys)
        {
            ref var held = ref Ref(key);
            if (!held.Active) continue;
            if (held.Paths != 0 ? paths.AdjacencyOf(held.Paths) == 0 : held.Through?.Interface == index || held.Tunnel == index || held.Interface == index) Deactivate(key, ref held);
        }
    }

    /// <summary>Tries those that wait, and moves those whose next hop lies on another interface now.</summary>
    public void Resolve()
    {
        paths.Refresh();
        foreach (var key in _routes.Keys)
        {
            ref var held = ref Ref(key);
            if (held.Active && held.Via is { } via && held.Interface is null && interfaces.Towards(held.Vrf, via) != (held.Through?.Interface ?? held.Tunnel)) Deactivate(key, ref held);
            if (held.Active && IsLost(held.Through?.Interface ?? held.Interface)) Deactivate(key, ref held);
            if (held.Active && held.Paths != 0 && paths.AdjacencyOf(held.Paths) == 0) Deactivate(key, ref held);
            if (!held.Active) Activate(key, ref held);
        }
    }

    // A route is changed in place: no entry comes or goes while they are enumerated.
    private ref Held Ref(RouteKey key) => ref CollectionsMarshal.GetValueRefOrNullRef(_routes, key);

    // As on any router: what leads through a port without a link gives way to what is less specific.
    private bool IsLost(uint? index) => index is { } i && interfaces.Exists(i) && interfaces.Get(i).LinkLost;

    private static RouteKey KeyOf(uint vrf, System.Net.IPNetwork to, uint preference)
    {
        var words = AddressWords.From(to.BaseAddress);
        return new RouteKey(new PrefixKey(vrf, words.Masked(to.PrefixLength), to.PrefixLength), preference);
    }

    private bool Activate(RouteKey key, ref Held held)
    {
        uint adjacency;
        switch (held.Kind)
        {
            case RouteKind.Blackhole:
                adjacency = AdjacencyTable.Blackhole;
                break;
            case RouteKind.Prohibit:
                adjacency = AdjacencyTable.Prohibit;
                break;
            case RouteKind.Unreachable:
                adjacency = AdjacencyTable.Unreachable;
                break;
            default:
                if (held.Paths != 0)
                {
                    adjacency = paths.AdjacencyOf(held.Paths);
                    if (adjacency == 0) return false;
                }
                else if (!TryNext(key.Prefix, ref held, out adjacency))
                {
                    return false;
                }
                break;
        }
        rib.Set(key.Prefix, RouteSource.Static, key.Preference, adjacency);
        held.Active = true;
        return true;
    }

    /// <summary>Where the one next hop of a route leads; false nowhere.</summary>
    private bool TryNext(PrefixKey key, ref Held held, out uint adjacency)
    {
        adjacency = 0;
        if (held.Via is not { } via)
        {
            if (held.Interface is not { } onLink || !interfaces.Exists(onLink) || IsLost(onLink)) return false;
            adjacency = interfaces.GleanOf(onLink, key.Prefix.V6);
            return true;
        }
        var index = held.Interface ?? interfaces.Towards(held.Vrf, via);
        if (index is null or 0 || !interfaces.Exists(index.Value) || IsLost(index)) return false;
        // A tunnel has no neighbors: whoever is behind it, its other end is next.
        if (interfaces.Get(index.Value).IsPointToPoint)
        {
            adjacency = interfaces.GleanOf(index.Value, key.Prefix.V6);
            held.Tunnel = index;
            return true;
        }
        var through = new NeighborKey(index.Value, via);
        adjacency = neighbors.Use(through);
        if (adjacency == 0) return false;
        held.Through = through;
        return true;
    }

    private void Deactivate(RouteKey key, ref Held held)
    {
        if (!held.Active) return;
        held.Active = false;
        rib.Clear(key.Prefix, RouteSource.Static, key.Preference);
        if (held.Through is { } through) neighbors.Unuse(through);
        held.Through = null;
        held.Tunnel = null;
    }
}
