using System.Globalization;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Esp;
using Gateway.Host.Api.Views;
using Gateway.Host.Bus;
using Gateway.Host.Control;
using Gateway.Host.Ike;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Gateway.Projections;

namespace Gateway.Host.Runtime;

/// <summary>Makes the rows of <c>gateway show</c> from what the parts tell of themselves.</summary>
internal sealed class ShowViews(
    DataplaneControl dataplane, IkeDriver ike, Reconciler reconciler, Func<RunningConfiguration> running, CommandCounters commands, Func<BusCounters?> bus)
{
    public IReadOnlyList<object> Rows(string topic, string? name, SaInventory inventory) => topic switch
    {
        "interfaces" => [.. Interfaces().Where(r => name is null || r.Name == name)],
        "bridges" => [.. BridgeViews.Rows(dataplane.Switching, name)],
        "acls" => [.. AclViews.Rows(dataplane.Filtering, name)],
        "abf" => [.. AbfViews.Rows(dataplane.Steering, name)],
        "mac-acls" => [.. MacAclViews.Rows(dataplane.Guarding, name)],
        "source-limits" => [.. SourceLimitViews.Rows(dataplane.Guarding, running(), name)],
        "policers" => [.. PolicerViews.Rows(dataplane.Guarding, running(), name)],
        "routes" => [.. Routes().Where(r => name is null || r.To == name)],
        "route-lists" => [.. RouteLists().Where(r => name is null || r.Name == name)],
        "neighbors" => [.. Neighbors().Where(r => name is null || r.Address == name || r.Interface == name)],
        "connections" => [.. Connections(inventory).Where(r => name is null || r.Name == name)],
        "sas" => [.. Sas(inventory).Where(r => name is null || r.Connection == name || r.Children.Any(c => c.Name == name))],
        "policies" => [.. Policies().Where(r => name is null || r.Name == name)],
        "nat" => [.. FlowViews.Rules(dataplane.Flows, name)],
        "conntrack" => [.. ConntrackViews.Rows(dataplane.Flows, name)],
        "nat-blocks" => [.. FlowViews.Blocks(dataplane.Flows, name)],
        "sessions" => [.. FlowViews.Rows(dataplane.Flows, name)],
        "counters" => [.. Counters().Where(r => name is null || r.Area == name || r.Name == name)],
        "plan" => [.. Plan().Where(r => name is null || r.Item == name)],
        "workers" => [.. Workers()],
        "items" => [.. Items().Where(r => name is null || r.Item == name || r.Owner == name)],
        _ => [],
    };

    /// <summary>The pools with their leases.</summary>
    public IReadOnlyList<object> Pools(string? name, LeaseBook book) => PoolViews.Rows(running().OfKind(ItemCatalog.Pool), name, book);

    /// <summary>What an interface stands on: a device of the host, or the socket of a memif.</summary>
    internal static string? DeviceOf(InterfaceSpec spec, string name) => spec.Type switch
    {
        InterfaceType.Loopback or InterfaceType.Ipsec => null,
        InterfaceType.Memif => spec.Socket,
        InterfaceType.Gre or InterfaceType.Ipip or InterfaceType.Gretap => $"{spec.Local} to {spec.Remote}",
        InterfaceType.Vxlan => $"{spec.Vni} at {spec.Local}",
        InterfaceType.Vlan => $"{spec.Parent}, VLAN {spec.Vlan}{(spec.InnerVlan is { } inner ? $".{inner}" : "")}",
        _ => spec.Device ?? name,
    };

    private IEnumerable<Api.Views.InterfaceRow> Interfaces()
    {
        var there = dataplane.Interfaces();
        foreach (var row in there)
        {
            var spec = running().TryGetValue(new ItemKey(ItemCatalog.Interface, row.Name), out var item) ? (InterfaceSpec)item.Spec : null;
            yield return new Api.Views.InterfaceRow
            {
                Name = row.Name,
                Type = row.Type,
                State = !row.Enabled ? "disabled" : row.Up ? "up" : "down",
                Device = spec is null ? row.Name : DeviceOf(spec, row.Name),
                Mac = MacText(row.Mac),
                Mtu = row.Mtu,
                Vrf = dataplane.NameOfVrf(row.Vrf),
                Addresses = [.. row.Addresses.Select(a => $"{a.Address}/{a.PrefixLength}")],
                Unnumbered = spec?.Unnumbered,
                RxPackets = row.RxPackets,
                RxBytes = row.RxBytes,
                TxPackets = row.TxPackets,
                TxBytes = row.TxBytes,
                Drops = row.RxDropped + row.TxDropped,
            };
        }

        foreach (var item in running().OfKind(ItemCatalog.Interface).Where(i => there.All(r => r.Name != i.Key.Name)))
        {
            var spec = (InterfaceSpec)item.Spec;
            yield return new Api.Views.InterfaceRow
            {
                Name = item.Key.Name,
                Type = System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(spec.Type.ToString()),
                State = "pending",
                Device = DeviceOf(spec, item.Key.Name),
                Addresses = [.. spec.Addresses.Select(a => $"{a.Address}/{a.PrefixLength}")],
                WaitsFor = reconciler.StatusOf(item.Key)?.WaitsFor,
            };
        }
    }

    private IEnumerable<Api.Views.RouteRow> Routes()
    {
        var there = dataplane.Routes();
        foreach (var row in there) yield return new Api.Views.RouteRow(row.To.ToString(), HopsOf(row), row.Interface, row.Source, row.Active ? "active" : "pending") { Vrf = dataplane.NameOfVrf(row.Vrf) };
        foreach (var item in running().OfKind(ItemCatalog.Route))
        {
            var spec = (RouteSpec)item.Spec;
            if (reconciler.StatusOf(item.Key) is not { State: ItemState.Pending } status || there.Any(r => r.To.ToString() == spec.To.ToString() && (dataplane.NameOfVrf(r.Vrf) ?? VrfSpec.Default) == (spec.Vrf ?? VrfSpec.Default) && r.Source != "connected")) continue;
            yield return new Api.Views.RouteRow(spec.To.ToString(), spec.Via?.ToString(), spec.Interface, "static", "pending", status.WaitsFor) { Vrf = spec.Vrf };
        }
    }

    /// <summary>The lists, a row each: <c>show routes</c> has a row for every prefix.</summary>
    private IEnumerable<Api.Views.RouteListRow> RouteLists() => running().OfKind(ItemCatalog.RouteList).OrderBy(i => i.Key.Name, StringComparer.Ordinal).Select(item =>
    {
        var spec = (RouteListSpec)item.Spec;
        var status = reconciler.StatusOf(item.Key);
        return new Api.Views.RouteListRow
        {
            Name = item.Key.Name,
            Prefixes = spec.To.Count,
            First = spec.To[0].ToString(),
            Last = spec.To[^1].ToString(),
            Via = spec.Blackhole ? "blackhole" : spec.Unreachable ? "unreachable" : spec.Prohibit ? "prohibit" : spec.NextHops.Count > 0 ? string.Join(", ", spec.NextHops.Select(h => h.Via?.ToString() ?? h.Interface)) : spec.Via?.ToString() ?? spec.Interface,
            Vrf = spec.Vrf,
            Preference = spec.Preference,
            State = status is { State: ItemState.Pending } ? "pending" : "active",
            WaitsFor = status?.WaitsFor,
        };
    });

    /// <summary>The next hop, or all of several with what tells them apart.</summary>
    private static string? HopsOf(Gateway.Dataplane.Apply.RouteRow row) => row.NextHops.Count == 0 ? row.Via?.ToString() : string.Join(", ", row.NextHops.Select(h =>
        $"{h.Via?.ToString() ?? h.Interface}{(h.Weight == 1 ? "" : string.Create(CultureInfo.InvariantCulture, $" weight {h.Weight}"))}{(h.IsAway ? " (away)" : "")}"));

    private IEnumerable<Api.Views.NeighborRow> Neighbors() => dataplane.Neighbors().Select(n => new Api.Views.NeighborRow(
        n.Interface, n.Address.ToString(), n.Mac is { } mac ? MacText(mac) : null, Word(n.Phase))
    {
        SecondsSinceConfirmed = n.Static ? null : (long?)n.SinceConfirmed?.TotalSeconds,
        SecondsSinceUsed = (long?)n.SinceUsed?.TotalSeconds,
    });

    private IEnumerable<ConnectionRow> Connections(SaInventory inventory)
    {
        var sas = ike.Sas.ToLookup(s => s.Connection.Value);
        foreach (var item in running().OfKind(ItemCatalog.Connection).OrderBy(i => i.Key.Name, StringComparer.Ordinal))
        {
            var spec = (ConnectionSpec)item.Spec;
            var status = reconciler.StatusOf(item.Key);
            var states = sas[item.Key.Name].Select(s => s.State).ToList();
            inventory.LastFailures.TryGetValue(new ConnectionName(item.Key.Name), out var failure);
            yield return new ConnectionRow
            {
                Name = item.Key.Name,
                State = states.Exists(s => s is "ESTABLISHED" or "REKEYING") ? "established" : states.Contains("CONNECTING") ? "connecting" : "down",
                LocalAddrs = spec.LocalAddrs.Count == 0 ? "%any" : string.Join(",", spec.LocalAddrs),
                RemoteAddrs = spec.RemoteAddrs.Count == 0 ? "%any" : string.Join(",", spec.RemoteAddrs),
                LocalId = spec.Local.Count > 0 ? spec.Local[0].Id ?? "address" : "",
                RemoteId = spec.Remote.Count > 0 ? spec.Remote[0].Id ?? "%any" : "",
                Children = [.. spec.Children.Keys],
                LastFailure = failure is null ? null : string.Create(CultureInfo.InvariantCulture, $"{failure.Time:yyyy-MM-ddTHH:mm:ssZ} {failure.Reason}: {failure.Detail}"),
                WaitsFor = status is { State: ItemState.Pending } ? status.WaitsFor : null,
            };
        }
    }

    private IEnumerable<SaRow> Sas(SaInventory inventory)
    {
        var carried = dataplane.Security.Sas().ToDictionary(s => s.Parameters.Id);
        foreach (var sa in ike.Sas)
        {
            inventory.IkeSas.TryGetValue(sa.Id.Value, out var entry);
            yield return new SaRow
            {
                Connection = sa.Connection.Value,
                Id = sa.Id.Value,
                State = sa.State.ToLowerInvariant(),
                Initiator = sa.Initiator,
                InitiatorSpi = sa.InitiatorSpi,
                ResponderSpi = sa.ResponderSpi,
                Local = $"{sa.Local.Address}[{sa.Local.Port}]",
                LocalId = sa.LocalId,
                Remote = $"{sa.Remote.Address}[{sa.Remote.Port}]",
                RemoteId = sa.RemoteId,
                Proposal = sa.Proposal ?? "",
                Established = entry?.Since,
                RekeyInSeconds = (long?)sa.RekeyIn?.TotalSeconds,
                NatLocal = sa.NatLocal,
                NatRemote = sa.NatRemote,
                LocalVips = sa.LocalVips.Count == 0 ? null : [.. sa.LocalVips.Select(a => a.ToString())],
                RemoteVips = sa.RemoteVips.Count == 0 ? null : [.. sa.RemoteVips.Select(a => a.ToString())],
                Children = [.. sa.Children.Select(c => Child(c, inventory, carried.GetValueOrDefault(c.Parameters.Id)))],
            };
        }
    }

    private static ChildSaRow Child(ChildSaView child, SaInventory inventory, SaStatus? carried) => new()
    {
        Name = child.Parameters.Child.Value,
        Id = child.Parameters.Id.Value,
        State = child.State.ToLowerInvariant(),
        Mode = child.Parameters.Mode.ToString().ToLowerInvariant(),
        Encap = child.Parameters.Encapsulation is not null,
        Proposal = child.Proposal,
        SpiIn = child.Parameters.InboundSpi.ToString(),
        SpiOut = child.Parameters.OutboundSpi.ToString(),
        LocalTs = [.. child.Parameters.LocalSelectors.Select(s => s.ToString())],
        RemoteTs = [.. child.Parameters.RemoteSelectors.Select(s => s.ToString())],
        BytesIn = carried?.Inbound.Bytes ?? 0,
        PacketsIn = carried?.Inbound.Packets ?? 0,
        BytesOut = carried?.Outbound.Bytes ?? 0,
        PacketsOut = carried?.Outbound.Packets ?? 0,
        Installed = inventory.ChildSas.TryGetValue(child.Parameters.Id.Value, out var entry) ? entry.Since : null,
        RekeyInSeconds = (long?)child.RekeyIn?.TotalSeconds,
    };

    private IEnumerable<PolicyRow> Policies() => dataplane.Security.Rules().Select((rule, order) => new PolicyRow(
        order + 1, rule.Action.ToString().ToLowerInvariant(), rule.Policy, [rule.Local.ToString()], [rule.Remote.ToString()], rule.Sa?.ToString(), rule.IfId == 0 ? null : rule.IfId));

    private IEnumerable<Api.Views.CounterRow> Counters()
    {
        foreach (var row in dataplane.Counters()) yield return new Api.Views.CounterRow(row.Node, row.Name, row.Value, row.Sentence);
        foreach (var (reason, count) in ike.Drops)
            if (count > 0) yield return new Api.Views.CounterRow("ike", Word(reason), (ulong)count, reason.Sentence());
        if (ike.Overrun > 0) yield return new Api.Views.CounterRow("ike", "overrun", (ulong)ike.Overrun, "A datagram was dropped because IKE did not keep up.");
        foreach (var (name, value, text) in commands.Rows)
            if (value > 0) yield return new Api.Views.CounterRow("commands", name, (ulong)value, text);
        foreach (var (name, value, text) in bus()?.Rows ?? [])
            if (value > 0) yield return new Api.Views.CounterRow("bus", name, (ulong)value, text);
    }

    private IEnumerable<PlanRow> Plan() => reconciler.Statuses.Where(s => s.State == ItemState.Pending)
        .Select(s => new PlanRow(s.Key.ToString(), "pending", s.WaitsFor, s.Attempts, null));

    private IEnumerable<ItemRow> Items() => running().Ordered().Select(i =>
        new ItemRow(i.Key.ToString(), i.Owner?.ToString(), reconciler.StatusOf(i.Key)?.State == ItemState.Pending ? "pending" : "applied", reconciler.StatusOf(i.Key)?.WaitsFor));

    private IEnumerable<Api.Views.WorkerRow> Workers() => dataplane.WorkerRows().Select(w => new Api.Views.WorkerRow(
        w.Worker, w.Pinned ? w.Core : null, StateOf(w), w.Loops, w.Packets, w.Frames == 0 ? 0 : (double)w.Packets / w.Frames, w.Sleeps)
    {
        Interfaces = w.Interfaces,
        Sas = w.Sas,
        HandedOver = w.HandedOver,
        TakenOver = w.TakenOver,
    });

    private static string StateOf(Dataplane.Apply.WorkerRow worker) =>
        worker.Death is { } death ? $"dead: {death}" : !worker.Running ? "stopped" : worker is { Core: >= 0, Pinned: false } ? $"running, but not on core {worker.Core}" : "running";

    private static string Word<T>(T value)
        where T : struct, Enum => System.Text.Json.JsonNamingPolicy.KebabCaseLower.ConvertName(value.ToString());

    private static string MacText(System.Net.NetworkInformation.PhysicalAddress mac) => string.Join(':', mac.GetAddressBytes().Select(b => b.ToString("x2", CultureInfo.InvariantCulture)));
}
