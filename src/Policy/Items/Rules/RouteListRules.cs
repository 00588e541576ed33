using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of lists of routes.</summary>
internal sealed class RouteListRules : ItemRules<RouteListSpec>
{
    /// <summary>Prefixes of one list: its event stays below a megabyte, which is as much as an event store takes at once.</summary>
    public const int MaxPrefixes = 20_000;

    /// <summary>Lists, and prefixes of all of them together: these bound the memory, and the time to hold lists to each other.</summary>
    public const int MaxLists = 10_000, MaxPrefixesOfAll = 4_000_000;

    /// <summary>Where two routes to one prefix are in each other's way.</summary>
    private readonly record struct Table(string? Vrf, int Preference, bool V6);

    protected override void Check(string name, RouteListSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.To.Count == 0)
        {
            at["to"].Add(ErrorCode.MissingField, "The list is empty.");
            return;
        }

        if (spec.To.Count > MaxPrefixes) at["to"].Add(ErrorCode.TooMany, $"A list has at most {MaxPrefixes} prefixes; there may be several lists.");
        for (var i = 0; i < spec.To.Count; i++)
        {
            if (!IsMulticast(spec.To.OctetsAt(i))) continue;
            at["to"].Add(ErrorCode.NotSupported, $"{spec.To[i]} is multicast, which is not routed.");
            break;
        }

        RouteRules.CheckWay(spec.AsRoute(), at);
    }

    protected override IEnumerable<Reference> References(RouteListSpec spec) => RouteRules.ReferencesOf(spec.AsRoute());

    protected override void CheckAmong(RouteListSpec spec, RunningConfiguration all, ErrorScope at) => RouteRules.CheckNextHops(spec.AsRoute(), all, at);

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        var lists = all.OfKind(ItemCatalog.RouteList).ToList();
        var first = put.First().Value;
        if (lists.Count > MaxLists)
        {
            first.Add(ErrorCode.TooMany, $"There are at most {MaxLists} lists of routes.");
            return;
        }

        if (lists.Sum(l => (long)((RouteListSpec)l.Spec).To.Count) > MaxPrefixesOfAll)
        {
            first["to"].Add(ErrorCode.TooMany, $"All lists of routes have at most {MaxPrefixesOfAll} prefixes together.");
            return;
        }

        CheckLists(lists, put);
        CheckRoutes(lists.Where(l => put.ContainsKey(l.Key)), all.OfKind(ItemCatalog.Route), (list, _) => put[list]["to"]);
    }

    /// <summary>Holds lists and single routes to each other; <paramref name="at"/> is told a list and a route and says where their conflict is shown.</summary>
    internal static void CheckRoutes(IEnumerable<Item> lists, IEnumerable<Item> routes, Func<ItemKey, ItemKey, ErrorScope> at)
    {
        var tables = lists.ToLookup(l => TableOf((RouteListSpec)l.Spec));
        if (tables.Count == 0) return;
        foreach (var route in routes)
        {
            var spec = (RouteSpec)route.Spec;
            byte[]? octets = null;
            foreach (var list in tables[TableOf(spec)])
                if (((RouteListSpec)list.Spec).To.Holds(octets ??= PrefixList.OctetsOf(spec.To)))
                    at(list.Key, route.Key).Add(ErrorCode.Conflict, $"{list.Key} and {route.Key} both have {spec.To}; with preferences of their own they may.");
        }
    }

    private static void CheckLists(List<Item> lists, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        foreach (var table in lists.GroupBy(l => TableOf((RouteListSpec)l.Spec)))
        {
            var here = table.ToList();
            foreach (var list in here)
            {
                if (!put.TryGetValue(list.Key, out var at)) continue;
                foreach (var other in here)
                {
                    if (ReferenceEquals(other, list) || ((RouteListSpec)list.Spec).To.FirstCommon(((RouteListSpec)other.Spec).To) is not { } both) continue;
                    // Of two that are put the one whose name comes later is told.
                    if (put.ContainsKey(other.Key) && string.CompareOrdinal(other.Key.Name, list.Key.Name) > 0) continue;
                    at["to"].Add(ErrorCode.Conflict, $"{other.Key} has {both} too; with preferences of their own they may.");
                    if (at.Errors.IsFull) return;
                }
            }
        }
    }

    private static Table TableOf(RouteListSpec spec) => new(VrfSpec.Canonical(spec.Vrf), spec.Preference, spec.To.IsV6);

    private static Table TableOf(RouteSpec spec) => new(VrfSpec.Canonical(spec.Vrf), spec.Preference, spec.To.Family == System.Net.Sockets.AddressFamily.InterNetworkV6);

    private static bool IsMulticast(ReadOnlySpan<byte> prefix) => prefix.Length == 5 ? prefix[4] >= 4 && prefix[0] >> 4 == 0xe : prefix[16] >= 8 && prefix[0] == 0xff;
}
