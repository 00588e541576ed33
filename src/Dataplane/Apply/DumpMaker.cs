using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Apply;

/// <summary>Makes the rows that `show` prints.</summary>
internal static unsafe class DumpMaker
{
    public static IReadOnlyList<InterfaceRow> Interfaces(InterfaceBook book, Worker[] workers, DataplaneTables tables) =>
        [.. book.All.OrderBy(s => s.Index).Select(s => Interface(s, workers, tables))];

    public static IReadOnlyList<RouteRow> Routes(Rib rib, RouteBook routes, PathBook paths, InterfaceBook interfaces, DataplaneTables tables)
    {
        List<RouteRow> rows = [];
        foreach (var (key, source, owner, index) in rib.Best)
        {
            var adjacency = tables.Adjacencies[index];
            var via = adjacency->Kind is AdjacencyKind.Neighbor or AdjacencyKind.Incomplete && source == RouteSource.Static
                ? new AddressWords(adjacency->V6, adjacency->NextHopHigh, adjacency->NextHopLow).ToAddress()
                : null;
            var kind = adjacency->Kind switch
            {
                AdjacencyKind.Blackhole => RouteKind.Blackhole,
                AdjacencyKind.Prohibit => RouteKind.Prohibit,
                AdjacencyKind.Unreachable => RouteKind.Unreachable,
                _ => RouteKind.Unicast,
            };
            var on = adjacency->Interface == 0 ? null : interfaces.NameOf(adjacency->Interface);
            rows.Add(new RouteRow(key.Vrf, new IPNetwork(key.Prefix.ToAddress(), key.Length), Word(source), via, on, kind, true)
            {
                Preference = source == RouteSource.Static ? owner : 0,
                NextHops = adjacency->Kind != AdjacencyKind.Multipath ? [] :
                    [.. paths.RowsOf(index).Select(p => new RouteHopRow(p.Hop.Via, p.Interface is { } at ? interfaces.NameOf(at) : p.Hop.Interface, p.Hop.Weight, p.IsAway, p.Buckets))],
            });
        }
        rows.AddRange(routes.Waiting.Select(r => new RouteRow(
            r.Vrf,
            r.To,
            Word(RouteSource.Static),
            r.Via,
            r.Interface is { } on ? interfaces.NameOf(on) : null,
            r.Kind,
            false)
        {
            Preference = r.Preference,
            NextHops = [.. r.NextHops.Select(h => new RouteHopRow(h.Via, h.Interface, h.Weight, true, 0))],
        }));
        return [.. rows.OrderBy(r => r.Vrf).ThenBy(r => r.To.BaseAddress.AddressFamily).ThenBy(r => AddressWords.From(r.To.BaseAddress).High)
            .ThenBy(r => AddressWords.From(r.To.BaseAddress).Low).ThenBy(r => r.To.PrefixLength)];
    }

    public static IReadOnlyList<NeighborRow> Neighbors(NeighborBook book, InterfaceBook interfaces, DataplaneTables tables)
    {
        var now = (uint)(WorkerContext.Clock() / 1_000_000_000);
        return [.. book.All.OrderBy(n => n.Key.Interface).ThenBy(n => n.Key.Address.V6).ThenBy(n => n.Key.Address.High).ThenBy(n => n.Key.Address.Low).Select(n =>
        {
            var adjacency = tables.Adjacencies[n.Value.Adjacency];
            return new NeighborRow(
                interfaces.NameOf(n.Key.Interface),
                n.Key.Address.ToAddress(),
                n.Value.Complete ? new PhysicalAddress(MacAddress.ToBytes(n.Value.Mac)) : null,
                book.PhaseOf(n.Key, n.Value, now),
                Since(adjacency->LastConfirmed, now),
                Since(adjacency->LastUsed, now));
        })];
    }

    public static IReadOnlyList<CounterRow> Counters(GraphDefinition graph, Worker[] workers, bool withZeros)
    {
        List<CounterRow> rows = [];
        for (var i = 0; i < graph.Drops.Length; i++)
        {
            ulong sum = 0;
            foreach (var worker in workers) sum += Volatile.Read(ref worker.Context.Drops[i]);
            if (sum > 0 || withZeros) rows.Add(new CounterRow(graph.Drops[i].Node, graph.Drops[i].Row.Name, true, sum, graph.Drops[i].Row.Sentence));
        }
        for (var i = 0; i < graph.Counts.Length; i++)
        {
            ulong sum = 0;
            foreach (var worker in workers) sum += Volatile.Read(ref worker.Context.Counts[i]);
            if (sum > 0 || withZeros) rows.Add(new CounterRow(graph.Counts[i].Node, graph.Counts[i].Row.Name, false, sum, graph.Counts[i].Row.Sentence));
        }
        return rows;
    }

    public static IEnumerable<CounterRow> NeighborPressure(NeighborBook book, bool withZeros) =>
        from row in (CounterRow[])
        [
            new("neighbors", "gave-way", false, book.Pressed.Evicted, "Neighbors that were forgotten for others, since their interface had as many as it may."),
            new("neighbors", "refused", true, book.Pressed.Refused, "Neighbors that were not taken, since their interface had as many as it may and all were in use."),
        ]
        where withZeros || row.Value > 0
        select row;

    public static IEnumerable<CounterRow> PortReasons(InterfaceBook interfaces) =>
        from state in interfaces.All
        where state.Port is IReasonedPort
        from reason in ((IReasonedPort)state.Port!).Reasons
        select new CounterRow(state.Settings.Name, reason.Name, false, reason.Value, reason.Sentence);

    public static IReadOnlyList<NodeRunRow> NodeRuns(GraphDefinition graph, Worker[] workers)
    {
        List<NodeRunRow> rows = [];
        for (var n = 0; n < graph.Nodes.Length; n++)
        {
            ulong packets = 0, frames = 0;
            foreach (var worker in workers)
            {
                packets += Volatile.Read(ref worker.Context.NodePackets[n]);
                frames += Volatile.Read(ref worker.Context.NodeFrames[n]);
            }
            if (packets > 0) rows.Add(new NodeRunRow(graph.Nodes[n].Info.Name, packets, frames));
        }
        return rows;
    }

    public static IReadOnlyList<WorkerRow> Workers(Worker[] workers, InterfaceBook interfaces, int[] sas) =>
        [.. workers.Select(w => new WorkerRow(
            w.Context.Worker,
            w.Core,
            w.IsPinned,
            w.IsRunning && w.Death is null,
            w.Death,
            [.. w.Ports.Select(p => interfaces.NameOf(p.Interface)).Distinct()],
            w.Loops,
            w.IdleLoops,
            w.Sleeps,
            w.Context.Notices.Lost)
        {
            Packets = Sum(w.Context.NodePackets, w.Context.Graph.Nodes.Length),
            Frames = Sum(w.Context.NodeFrames, w.Context.Graph.Nodes.Length),
            HandedOver = Volatile.Read(ref w.Context.HandedOver),
            TakenOver = Volatile.Read(ref w.Context.TakenOver),
            Sas = sas[w.Context.Worker],
        })];

    private static ulong Sum(ulong* counters, int count)
    {
        ulong sum = 0;
        for (var i = 0; i < count; i++) sum += Volatile.Read(ref counters[i]);
        return sum;
    }

    private static InterfaceRow Interface(InterfaceState state, Worker[] workers, DataplaneTables tables)
    {
        InterfaceCounters sum = default;
        foreach (var worker in workers)
        {
            var counters = worker.Context.Interfaces + state.Index;
            sum.RxPackets += counters->RxPackets;
            sum.RxBytes += counters->RxBytes;
            sum.RxDisabled += counters->RxDisabled;
            sum.TxPackets += counters->TxPackets;
            sum.TxBytes += counters->TxBytes;
            sum.TxFull += counters->TxFull;
            sum.Punted += counters->Punted;
        }
        var port = state.Port?.Counters ?? default;
        var up = state.Settings.Enabled && state.IsUp;
        return new InterfaceRow(
            state.Index,
            state.Settings.Name,
            state.Settings.Type,
            new PhysicalAddress(MacAddress.ToBytes(tables.Interfaces[state.Index]->Mac)),
            state.Settings.Mtu,
            state.Settings.Enabled,
            up,
            state.Addresses,
            sum.RxPackets,
            sum.RxBytes,
            sum.RxDisabled + port.RxDropped,
            sum.TxPackets,
            sum.TxBytes,
            sum.TxFull + port.TxErrors,
            sum.Punted)
        {
            Vrf = state.Settings.Vrf,
        };
    }

    private static TimeSpan? Since(uint then, uint now) => then == 0 ? null : TimeSpan.FromSeconds(now - Math.Min(then, now));

    private static string Word(RouteSource source) => source.ToString().ToLowerInvariant();
}
