using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>The routes of the configuration. Each leads through an interface or a next hop that lies on one; a route whose next hop is nowhere waits until it is.</summary>
internal sealed class RouteBook(Rib rib, NeighborBook neighbors, InterfaceBook interfaces)
{
    /// <summary>A route without its prefix. It holds no object, see <see cref="Rib"/>.</summary>
    private record struct Held(RouteKind Kind, AddressWords? Via, uint? Interface)
    {
        public NeighborKey? Through;

        /// <summary>The tunnel that it leads into.</summary>
        public uint? Tunnel;
        public bool Active;
    }

    private readonly Dictionary<PrefixKey, Held> _routes = [];

    public IEnumerable<(RouteSettings Settings, bool Active)> All => _routes.Select(r => (
        new RouteSettings
        {
            Vrf = r.Key.Vrf,
            To = new System.Net.IPNetwork(r.Key.Prefix.ToAddress(), r.Key.Length),
            Via = r.Value.Via?.ToAddress(),
            Interface = r.Value.Interface,
            Kind = r.Value.Kind,
        },
        r.Value.Active));

    /// <summary>Adds or replaces the route of a prefix; says whether it leads anywhere now.</summary>
    public bool Set(RouteSettings settings)
    {
        var key = KeyOf(settings.Vrf, settings.To);
        ref var held = ref CollectionsMarshal.GetValueRefOrAddDefault(_routes, key, out var exists);
        if (exists) Deactivate(key, ref held);
        held = new Held(settings.Kind, settings.Via is { } via ? AddressWords.From(via) : null, settings.Interface);
        return Activate(key, ref held);
    }

    public bool Remove(uint vrf, System.Net.IPNetwork to)
    {
        var key = KeyOf(vrf, to);
        if (!_routes.Remove(key, out var held)) return false;
        Deactivate(key, ref held);
        return true;
    }

    /// <summary>Lets go of what leads through an interface that is about to change or vanish.</summary>
    public void Release(uint index)
    {
        foreach (var key in _routes.Keys)
        {
            ref var held = ref Ref(key);
            if (held.Active && (held.Through?.Interface == index || held.Tunnel == index || held.Interface == index)) Deactivate(key, ref held);
        }
    }

    /// <summary>Tries those that wait, and moves those whose next hop lies on another interface now.</summary>
    public void Resolve()
    {
        foreach (var key in _routes.Keys)
        {
            ref var held = ref Ref(key);
            if (held.Active && held.Via is { } via && held.Interface is null && interfaces.Towards(key.Vrf, via) != (held.Through?.Interface ?? held.Tunnel)) Deactivate(key, ref held);
            if (held.Active && IsLost(held.Through?.Interface ?? held.Interface)) Deactivate(key, ref held);
            if (!held.Active) Activate(key, ref held);
        }
    }

    // A route is changed in place: no entry comes or goes while they are enumerated.
    private ref Held Ref(PrefixKey key) => ref CollectionsMarshal.GetValueRefOrNullRef(_routes, key);

    // As on any router: what leads through a port without a link gives way to what is less specific.
    private bool IsLost(uint? index) => index is { } i && interfaces.Exists(i) && interfaces.Get(i).LinkLost;

    private static PrefixKey KeyOf(uint vrf, System.Net.IPNetwork to)
    {
        var words = AddressWords.From(to.BaseAddress);
        return new PrefixKey(vrf, words.Masked(to.PrefixLength), to.PrefixLength);
    }

    private bool Activate(PrefixKey key, ref Held held)
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
            default:
                if (held.Via is { } via)
                {
                    var index = held.Interface ?? interfaces.Towards(key.Vrf, via);
                    if (index is null or 0 || !interfaces.Exists(index.Value) || IsLost(index)) return false;
                    // A tunnel has no neighbors: whoever is behind it, its other end is next.
                    if (interfaces.Get(index.Value).IsPointToPoint)
                    {
                        adjacency = interfaces.GleanOf(index.Value, key.Prefix.V6);
                        held.Tunnel = index;
                        break;
                    }
                    var through = new NeighborKey(index.Value, via);
                    adjacency = neighbors.Use(through);
                    if (adjacency == 0) return false;
                    held.Through = through;
                }
                else
                {
                    if (held.Interface is not { } onLink || !interfaces.Exists(onLink) || IsLost(onLink)) return false;
                    adjacency = interfaces.GleanOf(onLink, key.Prefix.V6);
                }
                break;
        }
        rib.Set(key, RouteSource.Static, 0, adjacency);
        held.Active = true;
        return true;
    }

    private void Deactivate(PrefixKey key, ref Held held)
    {
        if (!held.Active) return;
        held.Active = false;
        rib.Clear(key, RouteSource.Static, 0);
        if (held.Through is { } through) neighbors.Unuse(through);
        held.Through = null;
        held.Tunnel = null;
    }
}
