using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Gateway.Interop.BadInput;

/// <summary>
/// The files of a gateway that has run and ended in good order, in a folder of its own: a configuration with a secret and a loopback interface, no ports.
/// A test spoils them and starts the built <c>gateway</c> on them.
/// </summary>
internal sealed class Box : IDisposable
{
    public const string Id = "gwbad";

    public Box(bool hasRun = true)
    {
        Assert.SkipUnless(File.Exists(GatewayProcess.Binary), $"The gateway is not built at {GatewayProcess.Binary}");
        Folder = Directory.CreateTempSubdirectory("gwbad-").FullName;
        WriteAppliance(_ => { });
        if (hasRun) Run();
    }

    public string Folder { get; }

    public string Db => In("data/journal.db");

    public string Vault => In("data/vault");

    public string Key => In("data/vault.key");

    public string In(string name) => Path.Combine(Folder, name);

    public void WriteAppliance(Action<JsonObject> change)
    {
        var box = new JsonObject
        {
            ["id"] = Id,
            ["journal"] = new JsonObject { ["path"] = "data/journal.db" },
            ["vault"] = new JsonObject { ["path"] = "data/vault", ["key"] = "data/vault.key" },
            ["api"] = new JsonObject { ["socket"] = "gateway.sock" },
            ["dataplane"] = new JsonObject { ["buffers"] = 4096, ["hugepages"] = false },
            ["config"] = new JsonArray(
                Item("interface", "lo0", new JsonObject { ["type"] = "loopback", ["addresses"] = new JsonArray("192.0.2.1/32") }),
                Item("secret", "psk", new JsonObject { ["type"] = "ike", ["ids"] = new JsonArray("a.lab", "b.lab"), ["secret"] = "a-canary-of-a-secret" })),
        };
        change(box);
        File.WriteAllText(In("appliance.json"), box.ToJsonString());
    }

    /// <summary>Starts it, waits until it is up, does what is given, and ends it with SIGTERM; its log.</summary>
    public string Run(Action? meanwhile = null, string before = "")
    {
        using var gateway = Start(before);
        Netns.Await(() => gateway.HasExited || gateway.Output.Contains($"Gateway {Id} ", StringComparison.Ordinal), "the gateway is up", 120);
        Assert.False(gateway.HasExited, gateway.Output);
        meanwhile?.Invoke();
        gateway.Terminate();
        Assert.True(gateway.WaitForExit(60) == 0, gateway.Output);
        return gateway.Output;
    }

    /// <summary>Starts it in vain; what it said.</summary>
    public string Refused(string before = "")
    {
        using var gateway = Start(before);
        Assert.True(gateway.WaitForExit(120) == 1, $"It was not refused:\n{gateway.Output}");
        Assert.DoesNotContain("Unhandled exception", gateway.Output, StringComparison.Ordinal);
        return gateway.Output;
    }

    /// <summary>A verb on its files.</summary>
    public ShellResult Cli(string arguments, string before = "") => Shell.Try("unshare", ["-m", "sh", "-ec", $"{before}exec {GatewayProcess.Binary} {arguments} --config {In("appliance.json")}"], 120);

    /// <summary>Shell words that make the data folder read-only in the mount namespace of what follows.</summary>
    public string ReadOnly(string folder = "data") => $"mount --bind {In(folder)} {In(folder)}; mount -o remount,bind,ro {In(folder)}; ";

    /// <summary>What every file of the data folder holds, but for SQLite's index and the lock, which say nothing.</summary>
    public SortedDictionary<string, string> Content() => new(
        Directory.GetFiles(In("data"), "*", SearchOption.AllDirectories).Where(f => !f.EndsWith("-shm", StringComparison.Ordinal) && !f.EndsWith(".lock", StringComparison.Ordinal))
            .ToDictionary(f => Path.GetRelativePath(Folder, f), f => Convert.ToHexString(SHA256.HashData(File.ReadAllBytes(f)))));

    public void Sql(string sql, string? file = null)
    {
        using var connection = new SqliteConnection($"Data Source={file ?? Db};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    public void Dispose() => Directory.Delete(Folder, recursive: true);

    // A mount namespace of its own, so that whatever is mounted for it ends with it.
    private BackgroundProcess Start(string before) => new("unshare", ["-m", "sh", "-ec", $"{before}exec {GatewayProcess.Binary} run --config {In("appliance.json")}"]);

    private static JsonObject Item(string kind, string name, JsonObject spec) => new() { ["kind"] = kind, ["name"] = name, ["spec"] = spec };
}
