using System.Diagnostics;
using Gateway.Host.Vault;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy.Events;
using Xunit;

namespace Gateway.Interop.BadInput;

/// <summary>
/// The built gateway on files that it cannot use: it ends with code 1 and a sentence that names the file and what is wrong, and leaves the files as they are,
/// so that the right ones can be put in place.
/// </summary>
public sealed class BadStartTests
{
    /// <summary>A way of spoiling, and what is said then.</summary>
    private sealed record Spoilt(Action<Box> Spoil, string Says);

    private static readonly Dictionary<string, Spoilt> _ways = new()
    {
        ["journal that is no database"] = new(b => File.WriteAllText(b.Db, new string('x', 9000)), "is damaged"),
        ["journal of another program"] = new(b => { Remove(b, "journal.db*"); b.Sql("CREATE TABLE photos (name TEXT)"); }, "a database of something else"),
        ["journal of another gateway"] = new(b => b.Sql("UPDATE owner SET gateway='other'"), "belongs to the gateway other, not to gwbad"),
        ["truncated journal"] = new(b => Truncate(b.Db, 0.5), "damaged"),
        ["journal without its tail"] = new(b => b.Sql("DELETE FROM events WHERE position > 3"), "its tail is lost (first missing position 4)"),
        ["journal with a hole"] = new(b => b.Sql("DELETE FROM events WHERE position = 3"), "Position 3 is missing"),
        ["journal with a changed event"] = new(b => b.Sql("UPDATE events SET who='somebody' WHERE position=2"), "position 2 was changed"),
        ["journal with an event of a newer gateway"] = new(b => Forge(b, "config.teleport-put.v1"), "config.teleport-put.v1"),
        ["journal with a newer version of an event"] = new(b => Forge(b, "gateway.started.v9"), "gateway.started.v9"),
        ["journal that is gone"] = new(b => Remove(b, "journal.*"), "is empty, but the vault belongs to one that reached position"),
        ["vault that is something else"] = new(b => File.WriteAllText(b.Vault, new string('x', 9 * VaultFile.UnitLength)), "is not a vault"),
        ["truncated vault"] = new(b => Truncate(b.Vault, 0.5), "is truncated"),
        ["vault cut within a page"] = new(b => { using var file = File.OpenWrite(b.Vault); file.SetLength(5000); }, "is damaged: its length is 5000"),
        ["vault of a later format"] = new(b => Write(b.Vault, 8, VaultHeader.CurrentVersion + 1), $"has format {VaultHeader.CurrentVersion + 1}; this gateway reads format {VaultHeader.CurrentVersion}"),
        ["vault under another key"] = new(b => File.WriteAllBytes(b.Key, new byte[32]), "another gateway or to another key-encryption key"),
        ["vault of another gateway"] = new(b => b.WriteAppliance(a => a["id"] = "other"), "another gateway or to another key-encryption key"),
        ["lost key-encryption key"] = new(b => File.Delete(b.Key), "vault.key is missing; without it nothing in the vault can be read"),
        ["cut key-encryption key"] = new(b => Truncate(b.Key, 0.5), "has 16 octets instead of 32"),
        ["key-encryption key that others may read"] = new(b => File.SetUnixFileMode(b.Key, (UnixFileMode)0b110_100_100), "it must be 0600"),
    };

    public static TheoryData<string> Ways => [.. _ways.Keys];

    [Theory]
    [MemberData(nameof(Ways))]
    public void What_cannot_be_used_is_refused_with_the_reason_and_left_as_it_is(string way)
    {
        using var box = new Box();
        _ways[way].Spoil(box);
        var before = box.Content();
        var said = box.Refused();
        Assert.Contains(_ways[way].Says, said, StringComparison.Ordinal);
        Assert.DoesNotContain("canary", said, StringComparison.Ordinal);
        var after = box.Content();
        foreach (var (file, content) in before) Assert.True(after.TryGetValue(file, out var now) && (now == content || MayChange(way, file)), $"{file} was changed\n{said}");
    }

    [Fact]
    [Trait("set", "quick")]
    public void On_a_read_only_file_system_it_says_so_and_the_journal_can_be_read()
    {
        using var box = new Box();
        var before = box.Content();
        var said = box.Refused(box.ReadOnly());
        Assert.Contains("cannot be opened: Read-only file system", said, StringComparison.Ordinal);
        Assert.Contains("data/vault", said, StringComparison.Ordinal);
        Assert.DoesNotContain("another process", said, StringComparison.Ordinal);

        // The vault where it can be written, the journal not: then it is the journal that says so.
        Directory.CreateDirectory(box.In("elsewhere"));
        foreach (var file in new[] { box.Vault, box.Key }) Shell.Must("mv", [file, box.In("elsewhere")]);
        box.WriteAppliance(a => a["vault"] = new System.Text.Json.Nodes.JsonObject { ["path"] = "elsewhere/vault", ["key"] = "elsewhere/vault.key" });
        said = box.Refused(box.ReadOnly());
        Assert.Contains($"The journal {box.Db} cannot be written: Read-only file system", said, StringComparison.Ordinal);
        Assert.DoesNotContain("another process", said, StringComparison.Ordinal);
        // Somebody who looks at a copy on such a medium is answered.
        foreach (var (verb, says) in new[] { ("verify", "The journal is intact"), ("config --at 1", "192.0.2.1"), ("history", "POSITION"), ("show connections --at 1", "") })
        {
            var result = box.Cli(verb, box.ReadOnly());
            Assert.True(result.Ok, $"{verb}: {result.Output}");
            Assert.Contains(says, result.Output, StringComparison.Ordinal);
        }

        Assert.Equal(before.Where(f => f.Key.Contains("journal", StringComparison.Ordinal)), box.Content().Where(f => f.Key.Contains("journal", StringComparison.Ordinal)));
        box.Run();
    }

    [Fact]
    public void A_journal_that_was_not_closed_is_not_read_without_its_log_on_a_read_only_file_system()
    {
        using var box = new Box();
        using (var open = new Microsoft.Data.Sqlite.SqliteConnection($"Data Source={box.Db};Pooling=False"))
        {
            // As a crash leaves it: the last events in the log beside the database.
            open.Open();
            using var command = open.CreateCommand();
            command.CommandText = "PRAGMA wal_autocheckpoint=0; CREATE TABLE beside (x); DROP TABLE beside";
            command.ExecuteNonQuery();
            File.Copy(box.Db, box.In("copy.db"));
            File.Copy(box.Db + "-wal", box.In("copy.db-wal"));
        }

        Directory.CreateDirectory(box.In("copy"));
        foreach (var file in Directory.GetFiles(box.Folder, "copy.db*")) File.Move(file, Path.Combine(box.In("copy"), Path.GetFileName(file)));
        var result = Shell.Try("unshare", ["-m", "sh", "-ec", $"{box.ReadOnly("copy")}exec {GatewayProcess.Binary} verify --journal {box.In("copy/copy.db")}"], 60);
        Assert.False(result.Ok, result.Output);
        Assert.Contains("was not closed and lies where nothing can be written", result.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Unhandled exception", result.Output, StringComparison.Ordinal);
        // Where it can be written it is read with its log.
        Assert.Contains("is intact", Shell.Must(GatewayProcess.Binary, ["verify", "--journal", box.In("copy/copy.db")], 60), StringComparison.Ordinal);
    }

    [Fact]
    public void A_first_start_where_nothing_can_be_written_leaves_nothing()
    {
        using var box = new Box(hasRun: false);
        Directory.CreateDirectory(box.In("data"));
        Assert.Contains("vault.key cannot be made: Read-only file system", box.Refused(box.ReadOnly()), StringComparison.Ordinal);
        Assert.Empty(box.Content());
    }

    [Fact]
    public void On_a_full_disk_a_first_start_is_refused_and_the_next_one_with_room_is_not()
    {
        using var box = new Box(hasRun: false);
        Directory.CreateDirectory(box.In("data"));
        // A file system in memory with room for a page or two, and then none.
        foreach (var kilobytes in new[] { 4, 8, 24 })
        {
            var said = box.Refused($"mount -t tmpfs -o size={kilobytes}k none {box.In("data")}; ");
            Assert.Matches("The disk of the (vault|journal .*) is full|vault.key cannot be made: No space left", said);
        }

        box.Run();
    }

    [Fact]
    public void Two_processes_cannot_have_one_vault_or_one_journal()
    {
        using var box = new Box();
        box.Run(() =>
        {
            Assert.Contains("vault", box.Refused(), StringComparison.Ordinal);
            // With another vault it is the journal that is held.
            box.WriteAppliance(a =>
            {
                a["vault"] = new System.Text.Json.Nodes.JsonObject { ["path"] = "other/vault", ["key"] = "other/vault.key" };
                a["api"] = new System.Text.Json.Nodes.JsonObject { ["socket"] = "other.sock" };
            });
            Assert.Contains($"The journal {box.Db} is in use by another process.", box.Refused(), StringComparison.Ordinal);
            box.WriteAppliance(_ => { });
        });
        Assert.Contains("is intact", box.Cli("verify").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void A_journal_that_was_put_back_with_its_anchor_starts_and_its_vaults_secrets_are_kept_once()
    {
        using var box = new Box();
        Shell.Must("cp", ["-a", box.In("data"), box.In("backup")]);
        box.Run(() =>
        {
            File.WriteAllText(box.In("more.json"), """[{"kind":"secret","name":"later","spec":{"type":"ike","ids":["c.lab"],"secret":"a-later-canary"}}]""");
            var applied = box.Cli($"apply {box.In("more.json")}");
            Assert.True(applied.Ok, applied.Output);
        });
        // The newer journal is kept aside, the older one is put in its place with all that lies beside it.
        Directory.CreateDirectory(box.In("newer"));
        foreach (var file in Directory.GetFileSystemEntries(box.In("data"), "journal.db*")) Directory.Move(file, Path.Combine(box.In("newer"), Path.GetFileName(file)));
        Shell.Must("sh", ["-c", $"cp -a {box.In("backup")}/journal.db* {box.In("data")}/"]);
        var said = box.Run();
        Assert.Contains("The vault and the journal do not belong together, and 1 secrets of the vault are named by no item of this journal", said, StringComparison.Ordinal);
        // It was the wrong one: with the right one the secret is there again.
        foreach (var file in Directory.GetFileSystemEntries(box.In("data"), "journal.db*")) Shell.Must("rm", ["-r", file]);
        Shell.Must("sh", ["-c", $"cp -a {box.In("newer")}/journal.db* {box.In("data")}/"]);
        box.Run(() => Assert.Contains("\"state\": \"applied\"", box.Cli("show items secret/later --json").Output, StringComparison.Ordinal));
    }

    [Fact]
    public void A_last_event_from_the_future_is_told_and_the_gateway_starts()
    {
        using var box = new Box();
        Forge(box, "gateway.stopped.v1", DateTimeOffset.UtcNow.AddDays(1000).UtcTicks);
        Assert.Contains("ahead of this machine's clock: one of the two was wrong", box.Run(), StringComparison.Ordinal);
        var verified = box.Cli("verify");
        Assert.True(verified.Ok, verified.Output);
        Assert.Contains("The clock was set back 1 time", verified.Output, StringComparison.Ordinal);
    }

    // SQLite takes its log in when it opens a database, and a vault notes that somebody looked before its journal was found wanting.
    private static bool MayChange(string way, string file) => way.Contains("journal", StringComparison.Ordinal) && (file is "data/vault" || file.EndsWith("-wal", StringComparison.Ordinal));

    private static void Remove(Box box, string pattern)
    {
        foreach (var file in Directory.GetFileSystemEntries(box.In("data"), pattern)) Shell.Must("rm", ["-r", file]);
    }

    private static void Truncate(string path, double kept)
    {
        using var file = File.Open(path, FileMode.Open);
        file.SetLength((long)(file.Length * kept) / (file.Length > 8192 ? 4096 : 1) * (file.Length > 8192 ? 4096 : 1));
    }

    private static void Write(string path, long at, uint value)
    {
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.Write(file, BitConverter.GetBytes(value), at);
    }

    /// <summary>One more event at the end, chained as it should be, with the anchor moved on: as another build of the gateway, or one with a wrong clock, would have left it.</summary>
    private static void Forge(Box box, string name, long? ticks = null)
    {
        var journal = new Gateway.Host.Journal.SqliteJournal(box.Db, Box.Id);
        try
        {
            var head = journal.OpenAsync(default).AsTask().GetAwaiter().GetResult();
            var envelope = new Gateway.Policy.Journal.Envelope
            {
                Position = head.Position + 1,
                Subject = "gateway",
                Name = name,
                Time = new DateTimeOffset(ticks ?? DateTimeOffset.UtcNow.UtcTicks, TimeSpan.Zero),
                Principal = Gateway.Policy.Journal.Principal.Gateway,
                Data = EventCatalog.Encode(new GatewayStopped("x")).Data,
                Hash = Gateway.Policy.Octets.Empty,
            };
            envelope = envelope with { Hash = Gateway.Policy.Journal.HashChain.Next(head.Hash, envelope) };
            journal.AppendAsync(new Gateway.Policy.Journal.AppendBatch([envelope], [], Gateway.Policy.Journal.Durability.Synced), default).AsTask().GetAwaiter().GetResult();
        }
        finally
        {
            journal.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }
}
