using System.Globalization;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>One of several next hops as `show routes` prints it.</summary>
/// <param name="IsAway">No link, or it does not answer: flows go another way.</param>
/// <param name="Buckets">Its share of the flows, of <see cref="PathList.Buckets"/>.</param>
internal readonly record struct PathRow(RouteHop Hop, uint? Interface, bool IsAway, int Buckets);

/// <summary>
/// The lists of several next hops that routes lead through. Routes with the same next hops share one, so what happens to a next hop is one change for all of them. A next hop that is away leaves its
/// list; the flows of the others stay where they are.
/// </summary>
internal sealed unsafe class PathBook(DataplaneTables tables, NeighborBook neighbors, InterfaceBook interfaces)
{
    /// <summary>A next hop in a list.</summary>
    private struct Hop
    {
        public AddressWords? Via;
        public string? Interface;
        public int Weight;

        /// <summary>The neighbor that it uses now.</summary>
        public NeighborKey? Through;

        /// <summary>0 leads nowhere now.</summary>
        public uint Adjacency;
    }

    private sealed class Group
    {
        public required uint Number { get; init; }

        public required string Name { get; init; }

        public required uint Vrf { get; init; }

        public required bool V6 { get; init; }

        public required Hop[] Hops { get; init; }

        public required uint Adjacency { get; init; }

        /// <summary>Next hops that are silent leave it all the same when none speaks: then its packets have another way.</summary>
        public required bool LeavesWhenSilent { get; init; }

        public byte[] Owners { get; } = [.. Enumerable.Repeat(PathShares.None, PathList.Buckets)];

        public int Routes { get; set; }
    }

    private readonly Dictionary<string, Group> _byName = [];
    private readonly Dictionary<uint, Group> _groups = [];
    private uint _last;

    /// <summary>Counts a route through a list of next hops and gives its number; 0 when there are too many adjacencies.</summary>
    /// <param name="vrf">In which the next hops lie.</param>
    /// <param name="v6">For IPv6 packets.</param>
    /// <param name="hops">The next hops.</param>
    /// <param name="leavesWhenSilent">The list leads nowhere when none of its next hops answers; else they stay, and senders hear of it.</param>
    public uint Take(uint vrf, bool v6, IReadOnlyList<RouteHop> hops, bool leavesWhenSilent = false)
    {
        if (hops.Count > PathShares.None - 1) throw new ArgumentException($"A route has at most {PathShares.None - 1} next hops.", nameof(hops));
        var name = string.Create(CultureInfo.InvariantCulture, $"{vrf} {v6} {leavesWhenSilent} {string.Join(' ', hops.Select(h => $"{h.Via}|{h.Interface}|{h.Weight}"))}");
        if (!_byName.TryGetValue(name, out var group))
        {
            var buckets = (uint*)NativeMemory.AlignedAlloc(PathList.Buckets * sizeof(uint), 64);
            NativeMemory.Clear(buckets, PathList.Buckets * sizeof(uint));
            var adjacency = tables.Adjacencies.Add(new Adjacency { Kind = AdjacencyKind.Multipath, V6 = v6, NextHopLow = (ulong)buckets });
            if (adjacency == 0)
            {
                NativeMemory.AlignedFree(buckets);
                return 0;
            }
            group = new Group
            {
                Number = ++_last,
                Name = name,
                Vrf = vrf,
                V6 = v6,
                Adjacency = adjacency,
                LeavesWhenSilent = leavesWhenSilent,
                Hops = [.. hops.Select(h => new Hop { Via = h.Via is { } via ? AddressWords.From(via) : null, Interface = h.Interface, Weight = h.Weight })],
            };
            _byName[name] = _groups[group.Number] = group;
            Refresh(group, 0);
        }
        group.Routes++;
        return group.Number;
    }

    /// <summary>A route through a list is gone.</summary>
    public void Drop(uint number)
    {
        if (!_groups.TryGetValue(number, out var group) || --group.Routes > 0) return;
        _groups.Remove(number);
        _byName.Remove(group.Name);
        foreach (ref var hop in group.Hops.AsSpan()) Let(ref hop);
        var buckets = (nint)PathList.BucketsOf(tables.Adjacencies[group.Adjacency]);
        tables.Adjacencies.Remove(group.Adjacency);
        tables.Epochs.Retire(() => NativeMemory.AlignedFree((void*)buckets));
    }

    /// <summary>The adjacency of a list; 0 when none of its next hops leads anywhere.</summary>
    public uint AdjacencyOf(uint number) => _groups.TryGetValue(number, out var group) && group.Hops.Any(h => h.Adjacency != 0) ? group.Adjacency : 0;

    /// <summary>The adjacency of a list, whether it leads anywhere or not; 0 when there is no such list.</summary>
    public uint ListOf(uint number) => _groups.TryGetValue(number, out var group) ? group.Adjacency : 0;

    public IReadOnlyList<RouteHop> HopsOf(uint number) => [.. _groups[number].Hops.Select(h => new RouteHop(h.Via?.ToAddress(), h.Interface, h.Weight))];

    /// <summary>The next hops of the list that an adjacency is; empty when it is none.</summary>
    public IReadOnlyList<PathRow> RowsOf(uint adjacency) =>
        _groups.Values.FirstOrDefault(g => g.Adjacency == adjacency) is not { } group ? [] :
        [
            .. group.Hops.Select((h, i) => new PathRow(
                new RouteHop(h.Via?.ToAddress(), h.Interface, h.Weight),
                h.Adjacency == 0 ? null : tables.Adjacencies[h.Adjacency]->Interface,
                h.Adjacency == 0 || IsSilent(h),
                group.Owners.Count(o => o == i))),
        ];

    /// <summary>Looks anew where the next hops of all lists lead; those through an interface that goes (0 none) lead nowhere.</summary>
    public void Refresh(uint without = 0)
    {
        foreach (var group in _groups.Values) Refresh(group, without);
    }

    /// <summary>A neighbor fell silent, or speaks again.</summary>
    public void Turned(NeighborKey neighbor)
    {
        foreach (var group in _groups.Values)
            if (group.Hops.Any(h => h.Through == neighbor)) Publish(group);
    }

    private void Refresh(Group group, uint without)
    {
        foreach (ref var hop in group.Hops.AsSpan())
        {
            uint? index = hop.Interface is { } name ? interfaces.TryFind(name, out var named) ? named : null : hop.Via is { } towards ? interfaces.Towards(group.Vrf, towards) : null;
            if (index is null or 0 || index == without || !interfaces.Exists(index.Value) || interfaces.Get(index.Value).LinkLost)
            {
                Let(ref hop);
                continue;
            }
            if (hop.Via is not { } via || interfaces.Get(index.Value).IsPointToPoint)
            {
                Let(ref hop);
                hop.Adjacency = interfaces.GleanOf(index.Value, group.V6);
                continue;
            }
            var through = new NeighborKey(index.Value, via);
            if (hop.Through == through) continue;
            Let(ref hop);
            hop.Adjacency = neighbors.Use(through);
            if (hop.Adjacency != 0) hop.Through = through;
        }
        Publish(group);
    }

    private void Let(ref Hop hop)
    {
        if (hop.Through is { } through) neighbors.Unuse(through);
        hop.Through = null;
        hop.Adjacency = 0;
    }

    private bool IsSilent(in Hop hop) => hop.Through is { } through && neighbors.All.TryGetValue(through, out var state) && state.Failed;

    /// <summary>Fills the buckets. When all that have a link are silent they stay in a route's list, so that their senders hear of it.</summary>
    private void Publish(Group group)
    {
        var hops = group.Hops;
        var anySpeaks = group.LeavesWhenSilent || hops.Any(h => h.Adjacency != 0 && !IsSilent(h));
        Span<int> weights = stackalloc int[hops.Length];
        for (var i = 0; i < hops.Length; i++) weights[i] = hops[i].Adjacency != 0 && (!anySpeaks || !IsSilent(hops[i])) ? hops[i].Weight : 0;
        PathShares.Assign(group.Owners, weights);
        var list = tables.Adjacencies[group.Adjacency];
        var mtu = uint.MaxValue;
        for (var i = 0; i < hops.Length; i++)
            if (weights[i] > 0) mtu = Math.Min(mtu, tables.Adjacencies[hops[i].Adjacency]->Mtu);
        list->Mtu = mtu;
        var buckets = PathList.BucketsOf(list);
        for (var i = 0; i < PathList.Buckets; i++) Volatile.Write(ref buckets[i], group.Owners[i] == PathShares.None ? AdjacencyTable.NoRoute : hops[group.Owners[i]].Adjacency);
    }
}
