using System.Globalization;
using Gateway.Host.Api.Views;
using Gateway.Host.Descriptors;
using Gateway.Host.Journal.History;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>
/// Makes the rows of <c>gateway show</c> for a moment that is past, out of what the journal holds of it: what was configured, which SAs were alive, what
/// waited. Counters, learned neighbors and the state of devices are not journalled, and are left out.
/// </summary>
internal static class PastViews
{
    public static IReadOnlyList<string> Topics { get; } = ["interfaces", "routes", "neighbors", "connections", "pools", "sas", "policies", "nat-blocks", "plan", "items"];

    public static IReadOnlyList<object> Rows(string topic, string? name, JournalState state) => topic switch
    {
        "interfaces" => [.. Interfaces(state).Where(r => name is null || r.Name == name)],
        "routes" => [.. Routes(state).Where(r => name is null || r.To == name)],
        "neighbors" => [.. Neighbors(state).Where(r => name is null || r.Address == name || r.Interface == name)],
        "connections" => [.. Connections(state).Where(r => name is null || r.Name == name)],
        "pools" => PoolViews.Rows(state.Configuration.Configuration.OfKind(ItemCatalog.Pool), name, state.Fold.Leases),
        "sas" => [.. Sas(state.Sas).Where(r => name is null || r.Connection == name || r.Children.Any(c => c.Name == name))],
        "policies" => [.. Policies(state).Where(r => name is null || r.Name == name)],
        "nat-blocks" => [.. FlowViews.Blocks(state.Fold.NatBlocks, name)],
        "plan" => [.. state.Configuration.Pending.Order(ItemOrder.Instance).Select(k => new PlanRow(k.ToString(), "pending", null, 0, null)).Where(r => name is null || r.Item == name)],
        "items" => [.. state.Configuration.Configuration.Ordered().Select(i => new ItemRow(i.Key.ToString(), i.Owner?.ToString(), StateOf(i.Key, state))).Where(r => name is null || r.Item == name || r.Owner == name)],
        _ => [],
    };

    private static string StateOf(ItemKey key, JournalState state) => state.Configuration.Pending.Contains(key) ? "pending" : "configured";

    private static IEnumerable<InterfaceRow> Interfaces(JournalState state) => Items<InterfaceSpec>(ItemCatalog.Interface, state).Select(i => new InterfaceRow
    {
        Name = i.Key.Name,
        Type = System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(i.Spec.Type.ToString()),
        State = i.Spec.Enabled ? StateOf(i.Key, state) : "disabled",
        Device = ShowViews.DeviceOf(i.Spec, i.Key.Name),
        Mtu = i.Spec.Mtu,
        Addresses = [.. i.Spec.Addresses.Select(a => $"{a.Address}/{a.PrefixLength}")],
    });

    private static IEnumerable<RouteRow> Routes(JournalState state) =>
        Items<RouteSpec>(ItemCatalog.Route, state).Select(r => new RouteRow(r.Spec.To.ToString(), r.Spec.Via?.ToString(), r.Spec.Interface, "static", StateOf(r.Key, state)))
            .Concat(Items<RouteListSpec>(ItemCatalog.RouteList, state).SelectMany(l => l.Spec.To.Select(to => new RouteRow(to.ToString(), l.Spec.Via?.ToString(), l.Spec.Interface, "static", StateOf(l.Key, state)))));

    private static IEnumerable<NeighborRow> Neighbors(JournalState state) =>
        Items<NeighborSpec>(ItemCatalog.Neighbor, state).Select(n => new NeighborRow(n.Spec.Interface, n.Spec.Address.ToString(), n.Spec.Mac.ToString(), "permanent"));

    private static IEnumerable<ConnectionRow> Connections(JournalState state)
    {
        var up = state.Sas.IkeSas.Values.Select(s => s.Established.Connection.Value).ToHashSet();
        foreach (var (key, spec) in Items<ConnectionSpec>(ItemCatalog.Connection, state))
        {
            state.Sas.LastFailures.TryGetValue(new ConnectionName(key.Name), out var failure);
            yield return new ConnectionRow
            {
                Name = key.Name,
                State = up.Contains(key.Name) ? "established" : "down",
                LocalAddrs = spec.LocalAddrs.Count == 0 ? "%any" : string.Join(",", spec.LocalAddrs),
                RemoteAddrs = spec.RemoteAddrs.Count == 0 ? "%any" : string.Join(",", spec.RemoteAddrs),
                LocalId = spec.Local.Count > 0 ? spec.Local[0].Id ?? "address" : "",
                RemoteId = spec.Remote.Count > 0 ? spec.Remote[0].Id ?? "%any" : "",
                Children = [.. spec.Children.Keys],
                LastFailure = failure is null ? null : string.Create(CultureInfo.InvariantCulture, $"{failure.Time:yyyy-MM-ddTHH:mm:ssZ} {failure.Reason}: {failure.Detail}"),
                WaitsFor = state.Configuration.Pending.Contains(key) ? "was pending" : null,
            };
        }
    }

    private static IEnumerable<SaRow> Sas(SaInventory inventory)
    {
        var children = inventory.ChildSas.Values.ToLookup(c => c.IkeSa);
        return inventory.IkeSas.Values.Select(sa => new SaRow
        {
            Connection = sa.Established.Connection.Value,
            Id = sa.Id.Value,
            State = "established",
            Initiator = sa.Established.Initiator,
            InitiatorSpi = sa.Established.InitiatorSpi,
            ResponderSpi = sa.Established.ResponderSpi,
            Local = $"{sa.Established.LocalAddress}[{sa.Established.LocalPort}]",
            LocalId = sa.Established.LocalId,
            Remote = $"{sa.Established.RemoteAddress}[{sa.Established.RemotePort}]",
            RemoteId = sa.Established.RemoteId,
            Proposal = sa.Established.Proposal,
            Established = sa.Since,
            NatLocal = sa.Established.NatLocal,
            NatRemote = sa.Established.NatRemote,
            Children = [.. children[sa.Id].Select(Child)],
        });
    }

    private static ChildSaRow Child(ChildSaEntry child) => new()
    {
        Name = child.Parameters.Child.Value,
        Id = child.Id.Value,
        State = "installed",
        Mode = child.Parameters.Mode.ToString().ToLowerInvariant(),
        Encap = child.Parameters.Encapsulation is not null,
        Proposal = child.Proposal,
        SpiIn = child.Parameters.InboundSpi.ToString(),
        SpiOut = child.Parameters.OutboundSpi.ToString(),
        LocalTs = [.. child.Parameters.LocalSelectors.Select(s => s.ToString())],
        RemoteTs = [.. child.Parameters.RemoteSelectors.Select(s => s.ToString())],
        Installed = child.Since,
    };

    private static IEnumerable<PolicyRow> Policies(JournalState state)
    {
        // An SA of a child serves the child's policy; of two during a rekey the younger one.
        var sas = state.Sas.ChildSas.Values.ToLookup(c => $"{c.Parameters.Connection}/{c.Parameters.Child}", c => c.Id);
        return SecurityPolicies.Of(state.Configuration.Configuration).OrderBy(p => p.Priority == 0 ? int.MaxValue : p.Priority).Select((p, order) => new PolicyRow(
            order + 1, p.Action.ToString().ToLowerInvariant(), p.Name, [.. p.Local.Select(s => s.ToString())], [.. p.Remote.Select(s => s.ToString())],
            sas[p.Name].Select(id => id.ToString()).LastOrDefault(), p.IfId == 0 ? null : p.IfId));
    }

    private static IEnumerable<(ItemKey Key, T Spec)> Items<T>(string kind, JournalState state)
        where T : ItemSpec => state.Configuration.Configuration.OfKind(kind).OrderBy(i => i.Key.Name, StringComparer.Ordinal).Select(i => (i.Key, (T)i.Spec));
}
