using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Interop.Store;

/// <summary>The gateway's own binary with its journal in an event store: commands, a lost store, a kill, and the way from a file into the store and back.</summary>
public sealed class GatewayOnStoreTests
{
    [Fact]
    public async Task Commands_are_refused_while_the_store_is_away_and_taken_when_it_is_back()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var box = new Box(lab);
        box.OnStore();
        await box.StartAsync();
        Assert.Equal("accepted", box.Apply("c1", "lo1", "192.0.2.1"));
        Assert.Equal("ok", box.Journal());

        // One node of three is lost: nobody notices.
        lab.Elect(1);
        await lab.Nodes[0].StopAsync();
        Assert.Equal("accepted", box.Apply("c2", "lo2", "192.0.2.2"));

        // All are.
        await lab.Nodes[1].StopAsync();
        await lab.Nodes[2].StopAsync();
        await EventuallyAsync(() => box.Journal() != "ok");
        Assert.Contains("has not been reachable since", box.Journal(), StringComparison.Ordinal);
        Assert.Equal("rejected journal-unavailable", box.Apply("c3", "lo3", "192.0.2.3"));
        // It still shows what it does.
        Assert.Contains("lo2", box.Must("show", "interfaces"), StringComparison.Ordinal);
        Assert.Equal("planned", box.Apply("c4", "lo4", "192.0.2.4", plan: true));

        foreach (var node in lab.Nodes) await node.StartAsync();
        await EventuallyAsync(() => box.Journal() == "ok");
        // The same command again is the first: it left no trace.
        Assert.Equal("accepted", box.Apply("c3", "lo3", "192.0.2.3"));
        Assert.Equal("duplicate", box.Apply("c1", "lo1", "192.0.2.1"));
        Assert.Contains("The journal is intact", box.Must("verify"), StringComparison.Ordinal);
        Assert.Single(lab.State.Stream("gateway-box")!, e => e.Type == "config.interface-put.v1" && System.Text.Encoding.UTF8.GetString(e.Data).Contains("lo3", StringComparison.Ordinal));
        await box.StopAsync();
        Assert.DoesNotContain("s3cret", box.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_start_waits_for_the_store_and_a_signal_ends_the_waiting()
    {
        await using var lab = await StoreLab.StartAsync();
        await lab.Leader.StopAsync();
        await using var box = new Box(lab);
        box.OnStore();
        box.Launch();
        await EventuallyAsync(() => box.Log.Contains("cannot be used yet", StringComparison.Ordinal));
        await box.StopAsync();
        Assert.Equal(0, box.ExitCode);
        box.Launch();
        await EventuallyAsync(() => box.Log.Contains("cannot be used yet", StringComparison.Ordinal));
        await lab.Leader.StartAsync();
        await box.ReadyAsync();
        Assert.Equal("accepted", box.Apply("c1", "lo1", "192.0.2.1"));
        await box.StopAsync();

        box.OnStore(startTimeout: 0);
        await lab.Leader.StopAsync();
        box.Launch();
        await box.EndedAsync();
        Assert.Equal(1, box.ExitCode);
        Assert.Contains("cannot be reached", box.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task After_kill_nine_at_any_time_every_acknowledged_command_is_there_once()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var box = new Box(lab);
        box.OnStore();
        var acknowledged = new List<string>();
        for (var round = 0; round < 4; round++)
        {
            await box.StartAsync();
            for (var i = 0; i < 5; i++)
            {
                var name = string.Create(CultureInfo.InvariantCulture, $"lo{round}x{i}");
                if (box.Apply($"k-{name}", name, string.Create(CultureInfo.InvariantCulture, $"192.0.2.{(round * 10) + i + 1}")) == "accepted") acknowledged.Add(name);
            }

            // A command is on its way when it dies; the store holds back every second one.
            if (round % 2 == 1) foreach (var node in lab.Nodes) node.Faults = m => m == "Append" ? Fault.HangAfter : Fault.None;
            var last = Task.Run(() => box.Apply($"k-last{round}", $"last{round}", string.Create(CultureInfo.InvariantCulture, $"198.51.100.{round + 1}")));
            await Task.Delay(30 * round);
            await box.KillAsync();
            await last;
            foreach (var node in lab.Nodes) node.Faults = _ => Fault.None;
        }

        await box.StartAsync();
        Assert.Contains("The journal is intact", box.Must("verify"), StringComparison.Ordinal);
        var puts = lab.State.Stream("gateway-box")!.Where(e => e.Type == "config.interface-put.v1").Select(e => JsonDocument.Parse(e.Data).RootElement.GetProperty("name").GetString()!).ToList();
        Assert.All(acknowledged, name => Assert.Single(puts, p => p == name));
        Assert.Equal(puts.Count, puts.Distinct().Count());
        foreach (var name in acknowledged.Take(3)) Assert.Equal("duplicate", box.Apply($"k-{name}", name, AddressOf(name)));
        await box.StopAsync();

        static string AddressOf(string name) => string.Create(CultureInfo.InvariantCulture, $"192.0.2.{((name[2] - '0') * 10) + (name[4] - '0') + 1}");
    }

    [Fact]
    [Trait("set", "quick")]
    public async Task A_gateway_moves_from_its_file_into_the_store_and_back_and_knows_everything_it_knew()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3, tls: true);
        foreach (var node in lab.Nodes) node.Credentials = "gateway:s3cret";
        await using var box = new Box(lab);
        box.OnFile();
        await box.StartAsync();
        Assert.Equal("accepted", box.Apply("c1", "lo1", "192.0.2.1"));
        Assert.Equal("accepted", box.Apply("c2", "lo2", "192.0.2.2"));
        // The first copy is made while the gateway runs, the rest when it has stopped.
        box.OnStore();
        Assert.Contains("still writes to the source", box.MustCopy("sqlite:" + box.JournalPath, box.Appliance), StringComparison.Ordinal);
        Assert.Equal("accepted", box.Apply("c3", "lo3", "192.0.2.3"));
        await box.StopAsync();
        Assert.Contains("The copy is intact", box.MustCopy("sqlite:" + box.JournalPath, box.Appliance), StringComparison.Ordinal);
        var before = box.Must("config", "--at", "3");

        await box.StartAsync();
        Assert.Equal("ok", box.Journal());
        Assert.Equal(before, box.Must("config", "--at", "3"));
        Assert.Equal("duplicate", box.Apply("c1", "lo1", "192.0.2.1"));
        Assert.Equal("accepted", box.Apply("c4", "lo4", "192.0.2.4"));
        await box.StopAsync();

        Assert.Contains("The copy is intact", box.MustCopy(box.Appliance, "sqlite:" + box.JournalPath), StringComparison.Ordinal);
        box.OnFile();
        await box.StartAsync();
        Assert.Equal(before, box.Must("config", "--at", "3"));
        Assert.Equal("duplicate", box.Apply("c4", "lo4", "192.0.2.4"));
        Assert.Equal("accepted", box.Apply("c5", "lo5", "192.0.2.5"));
        Assert.Contains("The journal is intact", box.Must("verify"), StringComparison.Ordinal);
        await box.StopAsync();
        Assert.DoesNotContain("s3cret", box.Log, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_second_gateway_on_the_same_stream_ends_itself()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var first = new Box(lab);
        await using var second = new Box(lab);
        first.OnStore();
        second.OnStore();
        await first.StartAsync();
        second.Launch();
        // The second's first event stands where the first one would write: one of them must go, and says why.
        await EventuallyAsync(() => first.HasEnded || second.HasEnded);
        Assert.Contains("Somebody else wrote", first.HasEnded ? first.Log : second.Log, StringComparison.Ordinal);
    }

    private static async Task EventuallyAsync(Func<bool> done)
    {
        var watch = Stopwatch.StartNew();
        while (!done())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), "It did not happen.");
            await Task.Delay(50);
        }
    }

    /// <summary>A gateway with loopback interfaces only, in a folder of its own.</summary>
    private sealed class Box : IAsyncDisposable
    {
        private readonly string _binary = Path.Combine(NodeClientTests.RepositoryRoot(), "src/Gateway.Host/bin/Release/net10.0/gateway");
        private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("gwstore-");
        private readonly StoreLab _lab;
        private readonly System.Text.StringBuilder _log = new();
        private Process? _process;

        public Box(StoreLab lab)
        {
            Assert.SkipUnless(File.Exists(_binary), $"The gateway is not built at {_binary}");
            _lab = lab;
            File.WriteAllText(Path.Combine(_folder.FullName, "password"), "s3cret\n");
        }

        public string Appliance => Path.Combine(_folder.FullName, "appliance.json");

        public string JournalPath => Path.Combine(_folder.FullName, "var/journal.db");

        public string Log
        {
            get
            {
                lock (_log) return _log.ToString();
            }
        }

        public bool HasEnded => _process!.HasExited;

        public int ExitCode => _process!.ExitCode;

        public void OnFile() => Write(new JsonObject { ["kind"] = "sqlite" });

        public void OnStore(int startTimeout = 300) => Write(new JsonObject
        {
            ["kind"] = "eventstoredb",
            ["uri"] = _lab.Uri.Replace("esdb://", "esdb://gateway@", StringComparison.Ordinal),
            ["password_file"] = "password",
            ["stream"] = "gateway-box",
            ["start_timeout"] = startTimeout,
        });

        public void Launch()
        {
            lock (_log) _log.Clear();
            _process = Process.Start(new ProcessStartInfo(_binary, ["run", "--config", Appliance]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            _process.ErrorDataReceived += (_, e) =>
            {
                lock (_log) _log.AppendLine(e.Data);
            };
            _process.BeginErrorReadLine();
            _process.BeginOutputReadLine();
        }

        public async Task StartAsync()
        {
            Launch();
            await ReadyAsync();
        }

        public Task ReadyAsync() => EventuallyAsync(() =>
        {
            Assert.False(_process!.HasExited, Log);
            return Run("show", "gateway", "--json").Code == 0;
        });

        public async Task StopAsync()
        {
            if (_process is null or { HasExited: true }) return;
            Process.Start("/bin/kill", ["-TERM", $"{_process.Id}"]).WaitForExit();
            await EndedAsync();
        }

        public async Task KillAsync()
        {
            _process!.Kill();
            await EndedAsync();
        }

        public async Task EndedAsync()
        {
            using var patience = new CancellationTokenSource(TimeSpan.FromSeconds(60));
            await _process!.WaitForExitAsync(patience.Token);
        }

        /// <summary>Puts a loopback interface; gives the status, and the code of a rejection.</summary>
        public string Apply(string id, string name, string address, bool plan = false)
        {
            var file = Path.Combine(_folder.FullName, $"{id}.json");
            var command = new JsonObject
            {
                ["id"] = id,
                ["issuer"] = "test",
                ["reason"] = "test",
                ["put"] = new JsonArray(new JsonObject { ["kind"] = "interface", ["name"] = name, ["spec"] = new JsonObject { ["type"] = "loopback", ["addresses"] = new JsonArray($"{address}/32") } }),
            };
            if (plan) command["mode"] = "plan";
            File.WriteAllText(file, command.ToJsonString());
            var result = Run("apply", file, "--json");
            try
            {
                var outcome = JsonDocument.Parse(result.Output).RootElement;
                var status = outcome.GetProperty("status").GetString()!;
                return status == "rejected" ? $"rejected {outcome.GetProperty("errors")[0].GetProperty("code").GetString()}" : status;
            }
            catch (JsonException)
            {
                return result.Output;
            }
        }

        public string Journal() => JsonDocument.Parse(Must("show", "gateway", "--json")).RootElement.GetProperty("journal").GetString()!;

        public string Must(params string[] arguments)
        {
            var result = Run(arguments);
            Assert.True(result.Code == 0, $"{string.Join(' ', arguments)}: {result.Output}\n{Log}");
            return result.Output;
        }

        public string MustCopy(string from, string to)
        {
            var result = Start(["journal", "copy", "--from", from, "--to", to]);
            Assert.True(result.Code == 0, result.Output);
            return result.Output;
        }

        public async ValueTask DisposeAsync()
        {
            if (_process is { HasExited: false }) _process.Kill();
            if (_process is not null) await EndedAsync();
            _process?.Dispose();
            _folder.Delete(recursive: true);
        }

        private (int Code, string Output) Run(params string[] arguments) => Start([.. arguments, "--config", Appliance]);

        private (int Code, string Output) Start(string[] arguments)
        {
            using var process = Process.Start(new ProcessStartInfo(_binary, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
            var errors = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, output + errors.Result);
        }

        private void Write(JsonObject journal) => File.WriteAllText(
            Appliance,
            new JsonObject { ["id"] = "box", ["journal"] = journal, ["dataplane"] = new JsonObject { ["buffers"] = 4096, ["hugepages"] = false } }.ToJsonString());
    }
}
