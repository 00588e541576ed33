using System.Diagnostics;
using System.Globalization;
using System.Text;
using Gateway.Bench.Harness;
using Gateway.Policy.Commands;
using Gateway.Scenarios.Control;

namespace Gateway.Bench.Control;

/// <summary>
/// From a command's octets to the first packet that shows its effect, in a gateway as its process composes it: decision, journal with a sync, planner, descriptors, tables, worker. Only its wires are memory.
/// </summary>
internal static class CommandToPacket
{
    private const int Rounds = 5, Commands = 320, Items = 10_000;

    internal static async Task RunAsync(Report report)
    {
        if (report.Wants("one-item", 0)) await OneItemAsync(report);
        if (report.Wants("items-10000", 0)) await ManyAsync(report, "items-10000", Mixed);
        if (report.Wants("routes-10000", 0)) await ManyAsync(report, "routes-10000", Routes);
        if (report.Wants("routes-1000000", 0) || report.Wants("restart-1000000", 0)) await MillionRoutes.RunAsync(report);
    }

    /// <summary>One command after the other, of five kinds by turns.</summary>
    private static async Task OneItemAsync(Report report)
    {
        await using var gateway = await BeginAsync();
        var probe = new Probe(gateway);
        var (p50, p99) = (new double[Rounds], new double[Rounds]);
        var byKind = new SortedDictionary<string, List<double>>(StringComparer.Ordinal);
        for (var round = -2; round < Rounds; round++)
        {
            var times = new double[Commands];
            for (var i = 0; i < Commands; i++)
            {
                var (kind, put, see) = Change(probe, (round + 2) * Commands + i);
                var command = Encoding.UTF8.GetBytes($$$"""{"id":"{{{round}}}-{{{i}}}","put":[{{{put}}}]}""");
                var start = Stopwatch.GetTimestamp();
                var outcome = Task.Run(() => gateway.SendAsync(command));
                while (!see())
                    if (outcome.IsCompleted && outcome.Result is { Status: not OutcomeStatus.Accepted } refused) throw new InvalidOperationException($"{kind}: {refused}");
                times[i] = Stopwatch.GetElapsedTime(start).TotalMilliseconds;
                Accept(await outcome);
                if (round >= 0) (byKind.TryGetValue(kind, out var list) ? list : byKind[kind] = []).Add(times[i]);
            }

            if (round < 0) continue;
            Array.Sort(times);
            (p50[round], p99[round]) = (times[Commands / 2], times[(int)(Commands * 0.99)]);
        }

        foreach (var (kind, times) in byKind)
        {
            times.Sort();
            report.Note($"one-item, {kind}: p50 {Text(times[times.Count / 2])} ms, p99 {Text(times[(int)(times.Count * 0.99)])} ms of {times.Count}.");
        }

        report.AddBelow("control", "one-item", 0, "ms", p99, 10, $"p99 of {Commands} commands, from its octets to the first packet that shows it, synced");
        report.AddBelow("control", "one-item-p50", 0, "ms", p50, 10, $"median of {Commands} commands, same");
    }

    /// <summary>Something that a packet shows, each time another.</summary>
    private static (string Kind, string Put, Func<bool> See) Change(Probe probe, int n)
    {
        var turn = n / 5;
        var net = $"20.{turn / 250}.{turn % 250}";
        var odd = turn % 2 == 1;
        return (n % 5) switch
        {
            0 => ("route", $$$"""{"kind":"route","name":"r{{{turn}}}","spec":{"to":"{{{net}}}.0/24","via":"203.0.113.2"}}""", () => probe.Of($"{net}.1") == Fate.Dmz),
            1 => ("acl", $$$"""{"kind":"acl","name":"guard","spec":{"rules":[{"action":"{{{(odd ? "permit" : "deny")}}}","to":["21.0.0.0/24"]}]}}""", () => probe.Of("21.0.0.1") == (odd ? Fate.Wan : Fate.Dropped)),
            2 => ("nat", $$$"""{"kind":"nat","name":"n{{{turn}}}","spec":{"type":"static","outside":"198.51.100.200","protocol":"udp","outside_port":{{{1000 + turn}}},"inside":"203.0.113.2","inside_port":53}}""", () => probe.Of("198.51.100.200", (ushort)(1000 + turn)) == Fate.Dmz),
            3 => ("interface", $$$"""{"kind":"interface","name":"lan","spec":{"type":"tap","mac":"02:00:00:00:01:01","mtu":1500,"addresses":["10.1.0.1/24","10.{{{50 + turn / 250}}}.{{{turn % 250}}}.1/24"],"acl_in":["guard"],"acl_default":"permit"}}""", () => probe.Of($"10.{50 + turn / 250}.{turn % 250}.1", ping: true) == Fate.Lan),
            _ => ("policy", $$$"""{"kind":"policy","name":"p","spec":{"action":"{{{(odd ? "bypass" : "discard")}}}","remote_ts":["22.0.0.0/24"]}}""", () => probe.Of("22.0.0.1") == (odd ? Fate.Wan : Fate.Dropped)),
        };
    }

    /// <summary>One transaction of ten thousand items; its last route is effective last.</summary>
    private static async Task ManyAsync(Report report, string @case, Func<int, string> item)
    {
        await using var gateway = await BeginAsync();
        var probe = new Probe(gateway);
        var puts = string.Join(',', Enumerable.Range(0, Items).Select(item));
        var names = string.Join(',', Enumerable.Range(0, Items).Select(i => KeyOf(item(i))));
        var (made, gone) = (new double[Rounds], new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
        {
            var put = await TimeAsync(gateway, $"{round}-put", $"\"put\":[{puts}]", () => probe.Of("25.39.15.1") == Fate.Dmz);
            var delete = await TimeAsync(gateway, $"{round}-delete", $"\"delete\":[{names}]", () => probe.Of("25.39.15.1") == Fate.Wan);
            if (round >= 0) (made[round], gone[round]) = (put, delete);
        }

        report.AddBelow("control", @case, 0, "s", made, 1, $"{Items} items in one transaction of {puts.Length / 1000} kB, from its octets until all are applied and a packet takes the last route, synced");
        report.AddBelow("control", @case + "-deleted", 0, "s", gone, 1, "the same items deleted in one transaction");
    }

    private static async Task<double> TimeAsync(MemoryGateway gateway, string id, string members, Func<bool> see)
    {
        var command = Encoding.UTF8.GetBytes($$$"""{"id":"{{{id}}}",{{{members}}}}""");
        var start = Stopwatch.GetTimestamp();
        Accept(await gateway.SendAsync(command), mayLast: true);
        // An outcome is not held back for longer than two seconds.
        while (gateway.Runtime.Gateway().Pending > 0) await Task.Delay(1);
        while (!see())
        {
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static string Routes(int i) => $$$"""{"kind":"route","name":"many-{{{i}}}","spec":{"to":"25.{{{i / 256}}}.{{{i % 256}}}.0/24","via":"203.0.113.2"}}""";

    /// <summary>Of a hundred items: 60 routes, 15 ACLs with three rules each, 5 groups, 10 neighbors, 5 rules of NAT, 3 policies, 2 loopbacks.</summary>
    private static string Mixed(int i) => (i % 100) switch
    {
        < 15 => $$$"""{"kind":"acl","name":"many-{{{i}}}","spec":{"rules":[{"action":"permit","protocol":"tcp","to":["25.{{{i / 256}}}.{{{i % 256}}}.0/24"],"to_ports":["443"]},{"action":"permit","protocol":"icmp"},{"action":"deny"}]}}""",
        < 20 => $$$"""{"kind":"group","name":"many-{{{i}}}","spec":{"addresses":["10.{{{i / 256}}}.{{{i % 256}}}.0/24","192.0.2.{{{i % 256}}}"]}}""",
        < 30 => $$$"""{"kind":"neighbor","name":"many-{{{i}}}","spec":{"interface":"wan","address":"100.64.{{{1 + Rank(i, 20, 10) / 250}}}.{{{1 + Rank(i, 20, 10) % 250}}}","mac":"02:00:00:01:{{{Rank(i, 20, 10) / 256:x2}}}:{{{Rank(i, 20, 10) % 256:x2}}}"}}""",
        < 35 => $$$"""{"kind":"nat","name":"many-{{{i}}}","spec":{"type":"static","outside":"198.51.100.200","protocol":"tcp","outside_port":{{{1000 + Rank(i, 30, 5)}}},"inside":"203.0.113.2","inside_port":80}}""",
        < 38 => $$$"""{"kind":"policy","name":"many-{{{i}}}","spec":{"action":"discard","remote_ts":["26.{{{i / 256}}}.{{{i % 256}}}.0/24"]}}""",
        < 40 => $$$"""{"kind":"interface","name":"many-{{{i}}}","spec":{"type":"loopback","addresses":["192.0.{{{3 + Rank(i, 38, 2) / 250}}}.{{{1 + Rank(i, 38, 2) % 250}}}/32"]}}""",
        _ => Routes(i),
    };

    /// <summary>The how manieth of its sort an item is.</summary>
    private static int Rank(int i, int first, int each) => i / 100 * each + i % 100 - first;

    private static string KeyOf(string item) => item[..item.IndexOf(",\"spec\"", StringComparison.Ordinal)] + "}";

    internal static async Task<MemoryGateway> BeginAsync()
    {
        var gateway = await MemoryGateway.StartAsync();
        Accept(await gateway.SendAsync(Probe.Configuration));
        return gateway;
    }

    internal static void Accept(Outcome outcome, bool mayLast = false)
    {
        if (outcome.Status != OutcomeStatus.Accepted || outcome.Errors.Count > 0) throw new InvalidOperationException($"Not accepted: {string.Join(" ", outcome.Errors.Take(3))}");
        if (outcome.Items.FirstOrDefault(i => i.State == ItemState.Pending && !(mayLast && i.WaitsFor == "being applied")) is { } pending) throw new InvalidOperationException($"Pending: {pending}");
    }

    private static string Text(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);
}
