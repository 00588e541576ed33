using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>The routes of the configuration. Each leads through an interface or a next hop that lies on one; a route whose next hop is nowhere waits until it is.</summary>
internal sealed class RouteBook(Rib rib, NeighborBook neighbors, InterfaceBook interfaces)
{
    private sealed class Held
    {
        public required RouteSettings Settings { get; init; }

        public NeighborKey? Through { get; set; }

        /// <summary>The ipsec interface that it leads into.</summary>
        public uint? Tunnel { get; set; }

        public bool Active { get; set; }
    }

    private readonly Dictionary<PrefixKey, Held> _routes = [];

    public IEnumerable<(RouteSettings Settings, bool Active)> All => _routes.Values.Select(r => (r.Settings, r.Active));

    /// <summary>Adds or replaces the route of a prefix; says whether it leads anywhere now.</summary>
    public bool Set(RouteSettings settings)
    {
        var key = KeyOf(settings.Vrf, settings.To);
        if (_routes.TryGetValue(key, out var old)) Deactivate(key, old);
        var held = _routes[key] = new Held { Settings = settings };
        return Activate(key, held);
    }

    public bool Remove(uint vrf, System.Net.IPNetwork to)
    {
        var key = KeyOf(vrf, to);
        if (!_routes.Remove(key, out var held)) return false;
        Deactivate(key, held);
        return true;
    }

    /// <summary>Lets go of what leads through an interface that is about to change or vanish.</summary>
    public void Release(uint index)
    {
        foreach (var (key, held) in _routes)
            if (held.Active && (held.Through?.Interface == index || held.Tunnel == index || held.Settings.Interface == index)) Deactivate(key, held);
    }

    /// <summary>Tries those that wait, and moves those whose next hop lies on another interface now.</summary>
    public void Resolve()
    {
        foreach (var (key, held) in _routes)
        {
            if (held.Active && held.Settings.Via is { } via && held.Settings.Interface is null && interfaces.Towards(held.Settings.Vrf, AddressWords.From(via)) != (held.Through?.Interface ?? held.Tunnel))
                Deactivate(key, held);
            if (held.Active && IsLost(held.Through?.Interface ?? held.Settings.Interface)) Deactivate(key, held);
            if (!held.Active) Activate(key, held);
        }
    }

    // As on any router: what leads through a port without a link gives way to what is less specific.
    private bool IsLost(uint? index) => index is { } i && interfaces.Exists(i) && interfaces.Get(i).LinkLost;

    private static PrefixKey KeyOf(uint vrf, System.Net.IPNetwork to)
    {
        var words = AddressWords.From(to.BaseAddress);
        return new PrefixKey(vrf, words.Masked(to.PrefixLength), to.PrefixLength);
    }

    private bool Activate(PrefixKey key, Held held)
    {
        var settings = held.Settings;
        uint adjacency;
        switch (settings.Kind)
        {
            case RouteKind.Blackhole:
                adjacency = AdjacencyTable.Blackhole;
                break;
            case RouteKind.Prohibit:
                adjacency = AdjacencyTable.Prohibit;
                break;
            default:
                if (settings.Via is { } via)
                {
                    var address = AddressWords.From(via);
                    var index = settings.Interface ?? interfaces.Towards(settings.Vrf, address);
                    if (index is null or 0 || !interfaces.Exists(index.Value) || IsLost(index)) return false;
                    // An ipsec interface has no neighbors: whoever is behind it, the SA's peer is next.
                    if (interfaces.Get(index.Value).IsTunnel)
                    {
                        adjacency = interfaces.GleanOf(index.Value, key.Prefix.V6);
                        held.Tunnel = index;
                        break;
                    }
                    var through = new NeighborKey(index.Value, address);
                    adjacency = neighbors.Use(through);
                    if (adjacency == 0) return false;
                    held.Through = through;
                }
                else
                {
                    if (settings.Interface is not { } onLink || !interfaces.Exists(onLink) || IsLost(onLink)) return false;
                    adjacency = interfaces.GleanOf(onLink, key.Prefix.V6);
                }
                break;
        }
        rib.Set(key, RouteSource.Static, 0, adjacency);
        held.Active = true;
        return true;
    }

    private void Deactivate(PrefixKey key, Held held)
    {
        if (!held.Active) return;
        held.Active = false;
        rib.Clear(key, RouteSource.Static, 0);
        if (held.Through is { } through) neighbors.Unuse(through);
        held.Through = null;
        held.Tunnel = null;
    }
}
