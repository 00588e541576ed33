using System.Diagnostics;
using System.Globalization;
using System.Text;
using Gateway.Bench.Harness;
using Gateway.Scenarios.Control;

namespace Gateway.Bench.Control;

/// <summary>A million routes as an orchestrator gives them: lists of 20,000 prefixes, ten to a command, the commands one behind the other without waiting for outcomes. And what they cost a start.</summary>
internal static class MillionRoutes
{
    private const int Rounds = 5, Routes = 1_000_000, PerList = 20_000, ListsPerCommand = 10;

    internal static async Task RunAsync(Report report)
    {
        await using var gateway = await CommandToPacket.BeginAsync();
        var probe = new Probe(gateway);
        var lists = Enumerable.Range(0, Routes / PerList).ToList();
        var (made, moved, gone) = (new double[Rounds], new double[Rounds], new double[Rounds]);
        var before = Rest();
        long after = 0;
        var octets = 0;
        for (var round = -1; round < Rounds; round++)
        {
            var put = Puts($"{round}-p", lists, "203.0.113.2");
            octets = put.Sum(c => c.Length);
            var first = await TimeAsync(gateway, put, () => probe.Of(Address(Routes - 1)) == Fate.Dmz);
            after = Rest();
            // To another next hop: each prefix is changed in place.
            var second = await TimeAsync(gateway, Puts($"{round}-m", lists, "10.1.0.2"), () => probe.Of(Address(Routes - 1)) == Fate.Lan);
            var deletes = Commands($"{round}-d", "delete", lists, KeyOf);
            var third = await TimeAsync(gateway, deletes, () => probe.Of(Address(Routes - 1)) == Fate.Wan);
            if (round < 0) continue;
            (made[round], moved[round], gone[round]) = (first, second, third);
        }

        var note = $"{Routes} routes in {lists.Count} lists of {PerList}, {lists.Count / ListsPerCommand} commands, {octets / 1e6:0.0} MB";
        report.AddBelow("control", "routes-1000000", 0, "s", made, 3, $"{note}, from the first octet until a packet takes the last one, synced; {(after - before) / 1e6:0} MB of memory more than before");
        report.AddBelow("control", "routes-1000000-moved", 0, "s", moved, 3, "all of them to another next hop");
        report.AddBelow("control", "routes-1000000-deleted", 0, "s", gone, 3, "all of them deleted");
        await RestartAsync(report, gateway, probe, lists);
    }

    private static async Task RestartAsync(Report report, MemoryGateway gateway, Probe probe, List<int> lists)
    {
        await TimeAsync(gateway, Puts("again", lists, "203.0.113.2"), () => probe.Of(Address(Routes - 1)) == Fate.Dmz);
        var (starts, effects) = (new double[Rounds], new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
        {
            await gateway.StopAsync();
            var start = Stopwatch.GetTimestamp();
            await gateway.StartAgainAsync();
            var started = Stopwatch.GetElapsedTime(start).TotalSeconds;
            while (probe.Of(Address(Routes - 1)) != Fate.Dmz)
            {
            }

            if (round >= 0) (starts[round], effects[round]) = (started, Stopwatch.GetElapsedTime(start).TotalSeconds);
        }

        report.AddBelow("control", "restart-1000000", 0, "s", effects, 3, string.Create(CultureInfo.InvariantCulture, $"a start with a million routes until a packet takes the last one; the doors are open after {starts[Rounds / 2]:0.00} s; the journal has {gateway.JournalBytes / 1e6:0} MB"));
    }

    private static async Task<double> TimeAsync(MemoryGateway gateway, List<byte[]> commands, Func<bool> see)
    {
        var start = Stopwatch.GetTimestamp();
        var outcomes = commands.Select(c => Task.Run(() => gateway.SendAsync(c))).ToList();
        foreach (var outcome in outcomes) CommandToPacket.Accept(await outcome, mayLast: true);
        while (gateway.Runtime.Gateway().Pending > 0) await Task.Delay(1);
        while (!see())
        {
        }

        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static List<byte[]> Puts(string id, List<int> lists, string via) =>
        Commands(id, "put", lists, l => $$$"""{"kind":"route-list","name":"full-{{{l}}}","spec":{"to":[{{{string.Join(',', Enumerable.Range(l * PerList, PerList).Select(n => $"\"{Prefix(n)}\""))}}}],"via":"{{{via}}}"}}""");

    private static string KeyOf(int list) => $$$"""{"kind":"route-list","name":"full-{{{list}}}"}""";

    private static List<byte[]> Commands(string id, string verb, List<int> lists, Func<int, string> item) =>
        [.. lists.Chunk(ListsPerCommand).Select((c, i) => Encoding.UTF8.GetBytes($$$"""{"id":"{{{id}}}{{{i}}}","{{{verb}}}":[{{{string.Join(',', c.Select(item))}}}]}"""))];

    /// <summary>Sixteen /24 and their /20 after each other.</summary>
    private static string Prefix(int n) => n % 17 == 16 ? $"{Text(Base(n))}/20" : $"{Text(Base(n) + (uint)(n % 17 * 256))}/24";

    private static string Address(int n) => Text(Base(n) + (uint)(n % 17 % 16 * 256) + 1);

    private static uint Base(int n) => (20u << 24) + (uint)(n / 17 * 4096);

    private static string Text(uint address) => $"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}";

    /// <summary>Resident octets of this process once the garbage is out.</summary>
    private static long Rest()
    {
        GC.Collect(2, GCCollectionMode.Aggressive, blocking: true, compacting: true);
        using var self = Process.GetCurrentProcess();
        return self.WorkingSet64;
    }
}
