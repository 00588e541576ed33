using System.Diagnostics;
using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Interop.Store;

/// <summary>
/// The event store's own Node client (<c>@eventstore/db-client</c>) speaks with the endpoint that the journal's tests use: what the client takes for a real
/// store, the journal was tested against.
/// </summary>
[Trait("set", "quick")]
public sealed class NodeClientTests
{
    private static readonly string _scripts = Path.Combine(RepositoryRoot(), "tests/Interop/Store/node");

    [Theory]
    [InlineData("append")]
    [InlineData("conflict")]
    [InlineData("idempotent")]
    [InlineData("read")]
    [InlineData("subscribe")]
    [InlineData("all")]
    public async Task The_client_finds_the_endpoint_as_it_finds_a_store(string name)
    {
        await using var lab = await StoreLab.StartAsync();
        await RunAsync($"esdb://127.0.0.1:{lab.Leader.Port}?tls=false", name);
    }

    [Fact]
    public async Task The_client_understands_its_refusals()
    {
        await using var lab = await StoreLab.StartAsync();
        lab.Leader.MaxAppendSize = 100_000;
        await RunAsync($"esdb://127.0.0.1:{lab.Leader.Port}?tls=false", "refusals");
    }

    [Fact]
    public async Task The_client_finds_the_leader_of_a_cluster_over_tls_with_credentials()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3, tls: true);
        lab.Elect(2);
        foreach (var node in lab.Nodes) node.Credentials = "gateway:changeit";
        var seeds = string.Join(',', lab.Nodes.Select(n => $"localhost:{n.Port}"));
        await RunAsync($"esdb://gateway:changeit@{seeds}?tls=true&tlsCAFile={lab.CaFile}", "append");
        Assert.Contains("BatchAppend", lab.Nodes[2].Calls);
        Assert.DoesNotContain(lab.Nodes[0].Calls, c => c is "Append" or "BatchAppend");
        await RunAsync($"esdb://{seeds}?tls=true&tlsCAFile={lab.CaFile}", "denied");
    }

    [Fact]
    public async Task The_client_follows_a_follower_to_the_leader()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await RunAsync($"esdb://127.0.0.1:{lab.Nodes[1].Port}?tls=false", "leader");
    }

    [Fact]
    public async Task The_client_reads_the_journal_of_a_gateway()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var journal = lab.Journal())
        {
            var head = await journal.OpenAsync(default);
            var envelopes = new List<Envelope>();
            for (var i = 0; i < 40; i++)
            {
                var e = new Envelope { Position = head.Position + 1, Subject = "gateway", Name = "test.v1", Time = DateTimeOffset.UtcNow, Principal = Principal.Gateway, Data = new Octets("\"text\""u8), Hash = Octets.Empty };
                envelopes.Add(e with { Hash = HashChain.Next(head.Hash, e) });
                head = new JournalHead(e.Position, envelopes[^1].Hash);
            }

            await journal.AppendAsync(new AppendBatch(envelopes, [], Durability.Synced), default);
        }

        await RunAsync($"esdb://127.0.0.1:{lab.Leader.Port}?tls=false", "journal");
    }

    /// <summary>A folder outside the working tree that holds the scripts and the client, installed once.</summary>
    private static string Installed()
    {
        Assert.SkipUnless(File.Exists("/usr/bin/npm") || File.Exists("/usr/local/bin/npm"), "Node is not installed");
        var folder = Path.Combine(Environment.GetEnvironmentVariable("XDG_CACHE_HOME") is { Length: > 0 } cache ? cache : Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".cache"), "gateway-tests", "eventstore-client");
        Directory.CreateDirectory(folder);
        lock (_scripts)
        {
            foreach (var file in Directory.GetFiles(_scripts)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)), overwrite: true);
            if (Directory.Exists(Path.Combine(folder, "node_modules/@eventstore/db-client"))) return folder;
            var (code, output) = Run("npm", ["install", "--prefix", folder, "--no-audit", "--no-fund", "--prefer-offline", "--ignore-scripts"]);
            Assert.SkipUnless(code == 0, $"npm cannot install @eventstore/db-client: {output}");
            return folder;
        }
    }

    private static async Task RunAsync(string uri, string name)
    {
        var folder = Installed();
        var (code, output) = await Task.Run(() => Run("node", [Path.Combine(folder, "conformance.mjs"), uri, name]));
        Assert.True(code == 0, $"{name}: {output}");
        Assert.Contains($"{name} ok", output, StringComparison.Ordinal);
    }

    private static (int Code, string Output) Run(string program, string[] arguments)
    {
        using var process = Process.Start(new ProcessStartInfo(program, arguments) { RedirectStandardOutput = true, RedirectStandardError = true })!;
        var errors = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEndAsync();
        if (!process.WaitForExit(120_000)) process.Kill(entireProcessTree: true);
        process.WaitForExit();
        return (process.ExitCode, output.Result + errors.Result);
    }

    internal static string RepositoryRoot()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
            if (File.Exists(Path.Combine(folder.FullName, "Gateway.sln"))) return folder.FullName;
        throw new InvalidOperationException("The tests must run inside the working tree that holds Gateway.sln.");
    }
}
