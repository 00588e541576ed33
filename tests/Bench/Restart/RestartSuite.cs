using System.Diagnostics;
using System.Globalization;
using System.Text.Json.Nodes;
using Gateway.Bench.Harness;
using Gateway.Bench.Journal;
using Gateway.Bench.Lab;
using Gateway.Host.Cli;
using Gateway.Host.Cli.Verbs;
using Gateway.Host.Journal.Snapshots;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy.Commands;

namespace Gateway.Bench.Restart;

/// <summary>How long a gateway is away when its process ends and is started again, and how much memory it takes; against stated bounds.</summary>
internal sealed class RestartSuite : ISuite
{
    private const int _rounds = 5;
    private const int _events = 10_000;
    private const int _connections = 1000;
    private const int _buffers = 16_384;

    /// <summary>A packet of the pool: its chunk and its description.</summary>
    private const int _bufferBytes = 4096 + 64;

    public string Name => "restart";

    public bool Pinned => false;

    public void Run(Report report)
    {
        Needs.Ensure(withPeer: report.Wants("gap-kill9", 0));
        if (report.Wants("first-packet-10000-events", 0)) FirstPacket(report);
        if (report.Wants("first-packet-10000-events-1000-sas", 0)) FirstPacketWithSas(report);
        if (report.Wants("gap-kill9", 0)) AddBound(report, "gap-kill9", "s", Gap.Measure(_rounds, Quiet), 1.5, "longest gap in 1,000 packets/s through a tunnel; the peer, a strongSwan, notices nothing");
        if (report.Wants("first-packet-1000000-events", 0)) FirstPacketOfMany(report);
        if (report.Wants("rss-1000-connections", 0)) Memory(report);
    }

    private static void FirstPacket(Report report)
    {
        const double bound = 1;
        using var net = new LabNet(leftIsBare: true, rightIsBare: true);
        using var gateway = new GatewayProcess(net.Left, Place.Left, "", appliance: Quiet);
        Journal(gateway);
        // The host does not have to find its router again: what is measured is the gateway.
        net.LeftHost.Must($"ip neigh replace 10.1.0.1 lladdr {net.Left.Mac("lan")} dev eth0 nud permanent");
        using var path = new UdpPath(net.LeftHost, net.Net, LabNet.LeftNextHop, 128);
        path.SendUntilOneArrives(TimeSpan.FromSeconds(30));
        AddBound(report, "first-packet-10000-events", "s", Restarts(gateway, path), bound, "after kill -9, with ip netns exec and the shell that start it");
    }

    /// <summary>A million events, with the snapshots that the gateway itself has made of them in the background.</summary>
    private static void FirstPacketOfMany(Report report)
    {
        const int events = 1_000_000;
        const double bound = 1.5;
        using var net = new LabNet(leftIsBare: true, rightIsBare: true);
        using var gateway = new GatewayProcess(net.Left, Place.Left, "", appliance: Quiet);
        var folder = Path.GetDirectoryName(gateway.Socket)!;
        var journal = Path.Combine(folder, "journal.db");
        var shown = gateway.Get("/v1/gateway");
        var (id, revision) = (shown.GetProperty("id").GetString()!, shown.GetProperty("revision").GetInt64());
        gateway.Vanish();
        new JournalBuilder(DateTimeOffset.UtcNow.AddYears(-2), revision).FillAsync(journal, id, events, sasLive: false).GetAwaiter().GetResult();
        gateway.StartAgain();
        for (var tries = 0; Directory.GetFiles(SnapshotStore.FolderOf(journal), "*.snapshot").Length < (events / 5_000) - 1; tries++)
        {
            if (tries > 600) throw new InvalidOperationException("The gateway made no snapshots.");
            Thread.Sleep(1000);
        }

        net.LeftHost.Must($"ip neigh replace 10.1.0.1 lladdr {net.Left.Mac("lan")} dev eth0 nud permanent");
        using var path = new UdpPath(net.LeftHost, net.Net, LabNet.LeftNextHop, 128);
        path.SendUntilOneArrives(TimeSpan.FromSeconds(30));
        AddBound(report, "first-packet-1000000-events", "s", Restarts(gateway, path), bound, "after kill -9, with snapshots, with ip netns exec and the shell that start it");
    }

    /// <summary>Seconds from the start of the process to the first packet that it forwards.</summary>
    private static double[] Restarts(GatewayProcess gateway, UdpPath path)
    {
        var seconds = new double[_rounds];
        for (var round = -1; round < _rounds; round++)
        {
            gateway.Vanish();
            Thread.Sleep(200);
            var arrival = Task.Run(() => path.SendUntilOneArrives(TimeSpan.FromSeconds(60)));
            var start = Stopwatch.GetTimestamp();
            gateway.StartAgain();
            var taken = Stopwatch.GetElapsedTime(start, arrival.GetAwaiter().GetResult()).TotalSeconds;
            if (round >= 0) seconds[round] = taken;
        }

        return seconds;
    }

    private static void FirstPacketWithSas(Report report)
    {
        using var tunnels = new ResumedSas(_connections, Quiet);
        Journal(tunnels.Left);
        var seconds = new double[_rounds];
        for (var round = -1; round < _rounds; round++)
        {
            var taken = tunnels.Restart();
            if (round >= 0) seconds[round] = taken;
        }

        AddBound(report, "first-packet-10000-events-1000-sas", "s", seconds, 1, "after kill -9, through one of 1,000 tunnels that go on");
    }

    private static void Memory(Report report)
    {
        const double bound = 150;
        using var net = new LabNet(leftIsBare: true, rightIsBare: true);
        using var gateway = new GatewayProcess(net.Left, Place.Left, "", appliance: Quiet);
        for (var first = 0; first < _connections; first += 100) Command(gateway, [.. Enumerable.Range(first, 100).SelectMany(Connection)]);
        AddBound(report, "rss-1000-connections", "MB", Rss(net.Left), bound, $"as just commanded, without {_buffers} packet buffers");
        gateway.Vanish();
        gateway.StartAgain();
        AddBound(report, "rss-1000-connections-restarted", "MB", Rss(net.Left), bound, $"after a restart, without {_buffers} packet buffers");
    }

    private static double[] Rss(Netns ns)
    {
        var process = Needs.Process(ns, "gateway");
        var samples = new double[_rounds];
        for (var round = 0; round < _rounds; round++)
        {
            Thread.Sleep(500);
            var line = File.ReadLines($"/proc/{process}/status").Single(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            var kilobytes = double.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[^2], CultureInfo.InvariantCulture);
            samples[round] = (kilobytes * 1024 - (double)_buffers * _bufferBytes) / 1e6;
        }

        return samples;
    }

    private static void AddBound(Report report, string @case, string unit, double[] samples, double bound, string note)
    {
        Array.Sort(samples);
        var ours = new Samples(Contest.Gateway, samples);
        report.Add(new ResultLine("restart", @case, 0, "bound", unit, ours.Median, ours.Min, ours.Max, bound / ours.Median, bound, bound, bound, note));
    }

    /// <summary>Commands a hundred routes at a time, each time by another next hop, until the journal holds enough events.</summary>
    private static void Journal(GatewayProcess gateway)
    {
        for (var (hop, position) = (0, 0L); position < _events; hop = (hop + 1) % 10)
            position = Command(gateway, [.. Enumerable.Range(0, 100).Select(i =>
                Item("route", $"r{i}", new JsonObject { ["to"] = $"192.0.{i}.0/24", ["via"] = $"198.51.100.{10 + hop}" }))]);
    }

    private static IEnumerable<JsonObject> Connection(int i)
    {
        var peer = $"peer{i}.example";
        yield return Item("secret", $"ike-{i}", new JsonObject { ["type"] = "ike", ["ids"] = new JsonArray("left.lab", peer), ["secret"] = $"not so secret {i}" });
        yield return Item("connection", $"c{i}", new JsonObject
        {
            ["local_addrs"] = new JsonArray(LabNet.LeftAddress),
            ["remote_addrs"] = new JsonArray($"203.0.{i / 250}.{1 + i % 250}"),
            ["proposals"] = new JsonArray("aes128gcm16-prfsha256-x25519"),
            ["local"] = new JsonArray(new JsonObject { ["auth"] = "psk", ["id"] = "left.lab" }),
            ["remote"] = new JsonArray(new JsonObject { ["auth"] = "psk", ["id"] = peer }),
            ["children"] = new JsonObject
            {
                ["net"] = new JsonObject
                {
                    ["local_ts"] = new JsonArray("10.1.0.0/24"),
                    ["remote_ts"] = new JsonArray($"10.{100 + i / 250}.{i % 250}.0/24"),
                    ["esp_proposals"] = new JsonArray("aes128gcm16-x25519"),
                },
            },
        });
    }

    internal static JsonObject Item(string kind, string name, JsonObject spec) => new() { ["kind"] = kind, ["name"] = name, ["spec"] = spec };

    /// <summary>Commands a transaction and gives the journal's position after it.</summary>
    internal static long Command(GatewayProcess gateway, JsonNode[] items)
    {
        using var client = new GatewayClient(gateway.Socket);
        var outcome = client.CommandAsync(ApplyVerb.Bytes(new JsonObject { ["put"] = new JsonArray(items), ["issuer"] = "bench" }), CancellationToken.None).GetAwaiter().GetResult();
        return outcome.Status == OutcomeStatus.Accepted ? outcome.Position ?? 0 : throw new InvalidOperationException($"The gateway refused a command: {string.Join("; ", outcome.Errors.Take(3))}");
    }

    private static void Quiet(JsonObject appliance)
    {
        appliance["log"] = new JsonObject { ["level"] = "information" };
        appliance["dataplane"] = new JsonObject { ["buffers"] = _buffers };
    }
}
