using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply;

/// <summary>
/// The routes of the configuration, single ones and lists. Each leads through an interface or a next hop that lies on one, or through a list of those; a route whose next hop is nowhere waits until it is, and one with
/// the next higher preference is taken meanwhile. Routes that lead the same way share it: what happens to a next hop is looked at once, and only the routes through it are touched.
/// </summary>
internal sealed class RouteBook(Rib rib, NeighborBook neighbors, InterfaceBook interfaces, PathBook paths)
{
    /// <summary>Of the routes to one prefix each has a preference of its own.</summary>
    private readonly record struct RouteKey(PrefixKey Prefix, uint Preference);

    /// <summary>What tells one way from another; <paramref name="Vrf"/> is that in which the next hop lies, <paramref name="Paths"/> the number of a list of next hops, 0 none.</summary>
    private readonly record struct WayKey(RouteKind Kind, bool V6, AddressWords? Via, uint? Interface, uint Vrf, uint Paths);

    /// <summary>Where routes lead, and whether that is anywhere now.</summary>
    private sealed class Way(int number, WayKey key)
    {
        public int Number => number;

        public WayKey Key => key;

        public bool Active { get; set; }

        public uint Adjacency { get; set; }

        public NeighborKey? Through { get; set; }

        /// <summary>The tunnel that it leads into.</summary>
        public uint? Tunnel { get; set; }

        /// <summary>Routes and lists that lead this way.</summary>
        public int Users { get; set; }
    }

    private sealed record RouteList(uint Vrf, uint Preference, PrefixList Prefixes, Way Way)
    {
        public RouteKey KeyAt(int index) => RouteBook.KeyOf(Vrf, Prefixes.OctetsAt(index), Preference);
    }

    /// <summary>The number of each route's way. No entry holds an object, see <see cref="Rib"/>.</summary>
    private readonly Dictionary<RouteKey, int> _routes = [];
    private readonly Dictionary<string, RouteList> _lists = new(StringComparer.Ordinal);
    private readonly Dictionary<WayKey, Way> _ways = [];
    private readonly Dictionary<int, Way> _byNumber = [];

    /// <summary>Neighbors that a way used until just now.</summary>
    private readonly List<NeighborKey> _left = [];
    private int _last;

    /// <summary>How many ways there are, for tests: none is left when the routes are gone.</summary>
    public int Ways => _ways.Count;

    /// <summary>Those that lead nowhere now.</summary>
    public IEnumerable<RouteSettings> Waiting =>
        _routes.Where(r => !_byNumber[r.Value].Active).Select(r => Row(r.Key, _byNumber[r.Value]))
            .Concat(_lists.Values.Where(l => !l.Way.Active).SelectMany(l => Enumerable.Range(0, l.Prefixes.Count).Select(i => Row(l.KeyAt(i), l.Way))));

    /// <summary>Adds or replaces the route of a prefix and preference; says whether it leads anywhere now.</summary>
    public bool Set(RouteSettings settings)
    {
        var key = KeyOf(settings.Vrf, settings.To, settings.Preference);
        // Taken before that of the route that it replaces is let go, so that next hops of both stay what they are.
        var way = Take(settings, key.Prefix.Prefix.V6);
        ref var number = ref CollectionsMarshal.GetValueRefOrAddDefault(_routes, key, out var exists);
        var before = exists ? _byNumber[number] : null;
        number = way.Number;
        if (way.Active) Publish(key, way);
        else if (before is { Active: true }) Withdraw(key);
        Let(before);
        return way.Active;
    }

    public bool Remove(uint vrf, System.Net.IPNetwork to, uint preference = 0)
    {
        var key = KeyOf(vrf, to, preference);
        if (!_routes.Remove(key, out var number)) return false;
        var way = _byNumber[number];
        if (way.Active) Withdraw(key);
        Let(way);
        return true;
    }

    /// <summary>
    /// Adds or replaces a list of routes that lead where <paramref name="settings"/> say. A list that it replaces has the same VRF, preference and family; what both have is exchanged in place, and what did not change is not touched.
    /// </summary>
    public bool SetList(string name, RouteSettings settings, PrefixList prefixes)
    {
        var way = Take(settings, prefixes.IsV6);
        var list = new RouteList(settings.Vrf, settings.Preference, prefixes, way);
        _lists.Remove(name, out var before);
        if (before is not null && (before.Vrf != list.Vrf || before.Preference != list.Preference || before.Prefixes.IsV6 != prefixes.IsV6))
        {
            Withdraw(before, kept: null);
            Let(before.Way);
            before = null;
        }

        _lists[name] = list;
        for (int i = 0, j = 0; i < prefixes.Count; i++)
        {
            var had = before is not null && IsAmong(before.Prefixes, prefixes.OctetsAt(i), ref j);
            if (had && ReferenceEquals(before!.Way, way)) continue;
            if (way.Active) Publish(list.KeyAt(i), way);
            else if (had && before!.Way.Active) Withdraw(list.KeyAt(i));
        }

        if (before is null) return way.Active;
        Withdraw(before, kept: prefixes);
        Let(before.Way);
        return way.Active;
    }

    public bool RemoveList(string name)
    {
        if (!_lists.Remove(name, out var list)) return false;
        Withdraw(list, kept: null);
        Let(list.Way);
        return true;
    }

    /// <summary>Lets go of what leads through an interface that is about to change or vanish.</summary>
    public void Release(uint index)
    {
        paths.Refresh(without: index);
        Change(way =>
        {
            if (!way.Active) return;
            if (way.Key.Paths != 0 ? paths.AdjacencyOf(way.Key.Paths) == 0 : way.Through?.Interface == index || way.Tunnel == index || way.Key.Interface == index) Close(way);
        });
    }

    /// <summary>Tries those that wait, and moves those whose next hop lies on another interface now.</summary>
    public void Resolve()
    {
        paths.Refresh();
        Change(way =>
        {
            if (way.Active && IsElsewhere(way)) Close(way);
            if (!way.Active) Open(way);
        });
    }

    private bool IsElsewhere(Way way) =>
        (way.Key.Via is { } via && way.Key.Interface is null && interfaces.Towards(way.Key.Vrf, via) != (way.Through?.Interface ?? way.Tunnel))
        || IsLost(way.Through?.Interface ?? way.Key.Interface)
        || (way.Key.Paths != 0 && paths.AdjacencyOf(way.Key.Paths) == 0);

    /// <summary>Does something to each way and brings the routes through those that are otherwise than before up to date. Neighbors are let go when nothing leads to them any more.</summary>
    private void Change(Action<Way> look)
    {
        HashSet<int>? changed = null;
        foreach (var way in _ways.Values)
        {
            var (active, adjacency) = (way.Active, way.Adjacency);
            look(way);
            if (way.Active != active || (active && way.Adjacency != adjacency)) (changed ??= []).Add(way.Number);
        }

        if (changed is not null) Update(changed);
        foreach (var neighbor in _left) neighbors.Unuse(neighbor);
        _left.Clear();
    }

    private void Update(HashSet<int> changed)
    {
        foreach (var (key, number) in _routes)
            if (changed.Contains(number)) Renew(key, _byNumber[number]);
        foreach (var list in _lists.Values)
        {
            if (!changed.Contains(list.Way.Number)) continue;
            for (var i = 0; i < list.Prefixes.Count; i++) Renew(list.KeyAt(i), list.Way);
        }
    }

    private void Renew(RouteKey key, Way way)
    {
        if (way.Active) Publish(key, way);
        else rib.Clear(key.Prefix, RouteSource.Static, key.Preference);
    }

    private void Publish(RouteKey key, Way way) => rib.Set(key.Prefix, RouteSource.Static, key.Preference, way.Adjacency);

    /// <summary>Takes a route out, unless another item holds the same prefix: then its way counts. Within a transaction a prefix may move from one to another, and the new holder be there before the old one lets go.</summary>
    private void Withdraw(RouteKey key) => Withdraw(key, _lists.Values);

    /// <summary>Takes the routes of a list out, but for those that stay.</summary>
    private void Withdraw(RouteList list, PrefixList? kept)
    {
        if (!list.Way.Active || list.Prefixes.Count == 0) return;
        var others = _lists.Values.Where(o => o.Prefixes != list.Prefixes && o.Prefixes.Meets(list.Prefixes)).ToList();
        for (int i = 0, j = 0; i < list.Prefixes.Count; i++)
            if (kept is null || !IsAmong(kept, list.Prefixes.OctetsAt(i), ref j)) Withdraw(list.KeyAt(i), others);
    }

    private void Withdraw(RouteKey key, IReadOnlyCollection<RouteList> lists)
    {
        if (HolderOf(key, lists) is { Active: true } other) Publish(key, other);
        else rib.Clear(key.Prefix, RouteSource.Static, key.Preference);
    }

    private Way? HolderOf(RouteKey key, IReadOnlyCollection<RouteList> lists)
    {
        if (_routes.TryGetValue(key, out var number)) return _byNumber[number];
        if (lists.Count == 0) return null;
        Span<byte> octets = stackalloc byte[17];
        octets = octets[..OctetsOf(key.Prefix, octets)];
        foreach (var list in lists)
            if (list.Vrf == key.Prefix.Vrf && list.Preference == key.Preference && list.Prefixes.Holds(octets)) return list.Way;
        return null;
    }

    private Way Take(RouteSettings settings, bool v6)
    {
        var vrf = settings.NextHopVrf ?? settings.Vrf;
        var list = settings.NextHops.Count == 0 ? 0 : paths.Take(vrf, v6, settings.NextHops);
        var key = new WayKey(settings.Kind, v6, settings.Via is { } via ? AddressWords.From(via) : null, settings.Interface, vrf, list);
        if (!_ways.TryGetValue(key, out var way))
        {
            _ways[key] = _byNumber[++_last] = way = new Way(_last, key);
            Open(way);
        }
        else if (list != 0)
        {
            // The way counts as one user of its list.
            paths.Drop(list);
        }

        way.Users++;
        return way;
    }

    private void Let(Way? way)
    {
        if (way is null || --way.Users > 0) return;
        _ways.Remove(way.Key);
        _byNumber.Remove(way.Number);
        if (way is { Active: true, Through: { } through }) neighbors.Unuse(through);
        if (way.Key.Paths != 0) paths.Drop(way.Key.Paths);
    }

    private void Close(Way way)
    {
        if (way.Through is { } through) _left.Add(through);
        (way.Active, way.Adjacency, way.Through, way.Tunnel) = (false, 0, null, null);
    }

    private void Open(Way way)
    {
        var key = way.Key;
        switch (key.Kind)
        {
            case RouteKind.Blackhole:
                (way.Active, way.Adjacency) = (true, AdjacencyTable.Blackhole);
                break;
            case RouteKind.Prohibit:
                (way.Active, way.Adjacency) = (true, AdjacencyTable.Prohibit);
                break;
            case RouteKind.Unreachable:
                (way.Active, way.Adjacency) = (true, AdjacencyTable.Unreachable);
                break;
            default:
                if (key.Paths != 0)
                {
                    way.Adjacency = paths.AdjacencyOf(key.Paths);
                    way.Active = way.Adjacency != 0;
                }
                else
                {
                    way.Active = TryNext(way);
                }

                break;
        }
    }

    /// <summary>Where the one next hop of a way leads; false nowhere.</summary>
    private bool TryNext(Way way)
    {
        var (onLink, v6) = (way.Key.Interface, way.Key.V6);
        if (way.Key.Via is not { } via)
        {
            if (onLink is not { } on || !interfaces.Exists(on) || IsLost(on)) return false;
            way.Adjacency = interfaces.GleanOf(on, v6);
            return true;
        }

        var index = onLink ?? interfaces.Towards(way.Key.Vrf, via);
        if (index is null or 0 || !interfaces.Exists(index.Value) || IsLost(index)) return false;
        // A tunnel has no neighbors: whoever is behind it, its other end is next.
        if (interfaces.Get(index.Value).IsPointToPoint)
        {
            way.Adjacency = interfaces.GleanOf(index.Value, v6);
            way.Tunnel = index;
            return true;
        }

        var through = new NeighborKey(index.Value, via);
        way.Adjacency = neighbors.Use(through);
        if (way.Adjacency == 0) return false;
        way.Through = through;
        return true;
    }

    // As on any router: what leads through a port without a link gives way to what is less specific.
    private bool IsLost(uint? index) => index is { } i && interfaces.Exists(i) && interfaces.Get(i).LinkLost;

    private RouteSettings Row(RouteKey key, Way way) => new()
    {
        Vrf = key.Prefix.Vrf,
        To = new System.Net.IPNetwork(key.Prefix.Prefix.ToAddress(), key.Prefix.Length),
        Via = way.Key.Via?.ToAddress(),
        Interface = way.Key.Interface,
        Kind = way.Key.Kind,
        NextHopVrf = way.Key.Vrf,
        Preference = key.Preference,
        NextHops = way.Key.Paths == 0 ? [] : paths.HopsOf(way.Key.Paths),
    };

    /// <summary>Whether a list has the prefix, when it is asked for one after the other in order.</summary>
    private static bool IsAmong(PrefixList list, ReadOnlySpan<byte> prefix, ref int at)
    {
        for (; at < list.Count; at++)
        {
            var order = list.OctetsAt(at).SequenceCompareTo(prefix);
            if (order >= 0) return order == 0;
        }

        return false;
    }

    private static RouteKey KeyOf(uint vrf, System.Net.IPNetwork to, uint preference)
    {
        var words = AddressWords.From(to.BaseAddress);
        return new RouteKey(new PrefixKey(vrf, words.Masked(to.PrefixLength), to.PrefixLength), preference);
    }

    private static RouteKey KeyOf(uint vrf, ReadOnlySpan<byte> prefix, uint preference) => new(
        new PrefixKey(
            vrf,
            prefix.Length == 5 ? new AddressWords(false, 0, BinaryPrimitives.ReadUInt32BigEndian(prefix)) : new AddressWords(true, BinaryPrimitives.ReadUInt64BigEndian(prefix), BinaryPrimitives.ReadUInt64BigEndian(prefix[8..])),
            prefix[^1]),
        preference);

    private static int OctetsOf(PrefixKey key, Span<byte> to)
    {
        if (key.Prefix.V6)
        {
            BinaryPrimitives.WriteUInt64BigEndian(to, key.Prefix.High);
            BinaryPrimitives.WriteUInt64BigEndian(to[8..], key.Prefix.Low);
            to[16] = (byte)key.Length;
            return 17;
        }

        BinaryPrimitives.WriteUInt32BigEndian(to, (uint)key.Prefix.Low);
        to[4] = (byte)key.Length;
        return 5;
    }
}
