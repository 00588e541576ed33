using Gateway.Host.Cli;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.EventStore;
using Gateway.Host.Journal.History;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

public sealed class JournalCopyTests
{
    [Fact]
    public async Task A_journal_goes_into_the_store_and_back_with_positions_hashes_and_commands()
    {
        await using var lab = await StoreLab.StartAsync();
        var (first, back) = (Path.Combine(lab.Folder, "first.db"), Path.Combine(lab.Folder, "back.db"));
        var keys = await FillAsync(first, 700);
        var into = await CopyAsync(new SqliteCopySource(first), new EventStoreJournal(lab.Options() with { StatePath = null }));
        Assert.Equal((1400, 700, 1400), ((int)into.Copied, (int)into.Commands, (int)into.Verified));
        var outOf = await CopyAsync(new EventStoreJournal(lab.Options() with { StatePath = null }), new SqliteJournal(back));
        Assert.Equal(into.Head, outOf.Head);
        Assert.Equal(700, outOf.Commands);
        await using var a = SqliteJournal.OpenForReading(first);
        await using var b = SqliteJournal.OpenForReading(back);
        Assert.Equal(await JournalContract.AllAsync(a), await JournalContract.AllAsync(b));
        foreach (var key in keys.Where((_, i) => i % 97 == 0)) Assert.Equal(await a.FindCommandAsync(key, default), await b.FindCommandAsync(key, default));
        // A gateway with the same path goes on over there, and its anchor fits.
        await using var journal = new EventStoreJournal(lab.Options() with { StatePath = first });
        Assert.Equal(into.Head, await journal.OpenAsync(default));
        Assert.Equal(keys[5], (await journal.FindCommandAsync(keys[5], default))!.Key);
    }

    [Fact]
    public async Task A_copy_that_was_broken_off_goes_on_where_it_was()
    {
        await using var lab = await StoreLab.StartAsync();
        var source = Path.Combine(lab.Folder, "source.db");
        await FillAsync(source, 1500);
        var times = 0;
        lab.Leader.Faults = method => method == "Append" && Interlocked.Increment(ref times) > 2 ? Fault.BreakAfter : Fault.None;
        await Assert.ThrowsAsync<JournalUnavailableException>(() => CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options() with { StatePath = null })));
        lab.Leader.Faults = _ => Fault.None;
        var there = lab.State.Stream("gateway-test")!.Length;
        Assert.InRange(there, 1, 2999);
        var rest = await CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options() with { StatePath = null }));
        Assert.Equal((3000 - there, 3000), ((int)rest.Copied, (int)rest.Verified));
        // Again: nothing to do.
        Assert.Equal(0, (await CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options() with { StatePath = null }))).Copied);
        await using var reader = new EventStoreJournal(lab.Options() with { StatePath = null });
        Assert.NotNull(await reader.FindCommandAsync(new CommandKey(new Principal("cli", "uid:0"), "command-1499"), default));
    }

    [Fact]
    public async Task A_target_that_is_another_journal_is_refused_and_left_alone()
    {
        await using var lab = await StoreLab.StartAsync();
        var source = Path.Combine(lab.Folder, "source.db");
        await FillAsync(source, 20);
        await using (var other = new EventStoreJournal(lab.Options() with { StatePath = null })) await other.AppendAsync(JournalContract.Batch(await other.OpenAsync(default), 5), default);
        await Assert.ThrowsAsync<JournalConflictException>(() => CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options() with { StatePath = null })));
        Assert.Equal(5, lab.State.Stream("gateway-test")!.Length);
        // Longer than the source, too.
        await using (var other = new EventStoreJournal(lab.Options("longer") with { StatePath = null })) await other.AppendAsync(JournalContract.Batch(await other.OpenAsync(default), 100), default);
        await Assert.ThrowsAsync<JournalConflictException>(() => CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options("longer") with { StatePath = null })));
    }

    [Fact]
    public async Task A_damaged_source_is_copied_up_to_the_damage_and_no_further()
    {
        await using var lab = await StoreLab.StartAsync();
        var source = Path.Combine(lab.Folder, "source.db");
        await FillAsync(source, 20);
        using (var connection = new SqliteConnection($"Data Source={source};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "UPDATE events SET data=x'00' WHERE position=17";
            command.ExecuteNonQuery();
        }

        Assert.Equal(17, (await Assert.ThrowsAsync<JournalDamagedException>(() => CopyAsync(new SqliteCopySource(source), new EventStoreJournal(lab.Options() with { StatePath = null })))).Position);
        Assert.True((lab.State.Stream("gateway-test")?.Length ?? 0) < 17);
    }

    [Fact]
    public async Task The_verb_copies_says_what_it_did_and_refuses_what_it_does_not_know()
    {
        await using var lab = await StoreLab.StartAsync();
        var source = Path.Combine(lab.Folder, "journal.db");
        await FillAsync(source, 10);
        var appliance = Path.Combine(lab.Folder, "appliance.json");
        await File.WriteAllTextAsync(appliance, $$$"""{"id":"gw1","journal":{"kind":"eventstoredb","path":"journal.db","uri":"{{{lab.Uri}}}"}}""");
        var (code, text, error1) = await RunAsync("journal", "copy", "--from", "sqlite:" + source, "--to", appliance);
        Assert.True(code == 0, error1);
        Assert.StartsWith("Copied 20 events with 10 commands. The copy is intact: 20 events, head 20 ", text, StringComparison.Ordinal);
        Assert.Equal(20, lab.State.Stream("gateway-gw1")!.Length);

        var (again, json, why) = await RunAsync("journal", "copy", "--json", "--from", $"{lab.Uri}&stream=gateway-gw1", "--to", "sqlite:" + Path.Combine(lab.Folder, "back.db"));
        Assert.True(again == 0, why);
        Assert.Equal(20, System.Text.Json.JsonDocument.Parse(json).RootElement.GetProperty("copied").GetInt32());

        foreach (var (from, to, expected, says) in new[]
        {
            ("sqlite:/nowhere/journal.db", "sqlite:" + source, 1, "no journal"),
            ("mysql:x", "sqlite:x", 2, "sqlite:PATH"),
            (lab.Uri, "sqlite:x", 2, "stream=NAME"),
            ("sqlite:" + source, "sqlite:" + source, 2, "the same journal"),
            ("sqlite:" + source, "esdb://127.0.0.1:1?tls=false&stream=s&defaultDeadline=200", 3, "cannot be reached"),
        })
        {
            var (wrong, _, error) = await RunAsync("journal", "copy", "--from", from, "--to", to);
            Assert.Equal(expected, wrong);
            Assert.Contains(says, error, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_way_back_takes_up_the_old_file_where_it_ended_and_checks_the_anchor_of_what_came_after()
    {
        await using var lab = await StoreLab.StartAsync();
        var file = Path.Combine(lab.Folder, "journal.db");
        await FillAsync(file, 10);
        var store = Path.Combine(lab.Folder, "appliance.json");
        await File.WriteAllTextAsync(store, $$$"""{"id":"gw1","journal":{"kind":"eventstoredb","path":"journal.db","uri":"{{{lab.Uri}}}"}}""");
        Assert.Equal(0, (await RunAsync("journal", "copy", "--from", "sqlite:" + file, "--to", store)).Code);
        // The gateway goes on over there; its anchor lies at the same place.
        await using (var journal = new EventStoreJournal(lab.Options("gateway-gw1") with { StatePath = file }))
        {
            Assert.Equal(20, (await journal.OpenAsync(default)).Position);
            await journal.AppendAsync(JournalContract.Batch(await JournalContract.HeadAsync(journal), 7), default);
        }

        // The old file alone would lack what came after.
        await using (var stale = new SqliteJournal(file)) Assert.Equal(21, (await Assert.ThrowsAsync<JournalDamagedException>(async () => await stale.OpenAsync(default))).Position);
        // Nor may anything else take its place.
        var other = Path.Combine(lab.Folder, "other.db");
        await FillAsync(other, 30);
        var (refused, _, why) = await RunAsync("journal", "copy", "--from", "sqlite:" + other, "--to", "sqlite:" + file);
        Assert.Equal((1, true), (refused, why.Contains("anchor", StringComparison.Ordinal)));
        var (code, text, error) = await RunAsync("journal", "copy", "--from", store, "--to", "sqlite:" + file);
        Assert.True(code == 0, error);
        Assert.StartsWith("Copied 7 events", text, StringComparison.Ordinal);
        await using var back = new SqliteJournal(file);
        Assert.Equal(27, (await back.OpenAsync(default)).Position);
    }

    [Fact]
    public async Task What_was_archived_is_copied_out_of_its_bundles()
    {
        await using var lab = await StoreLab.StartAsync();
        using var world = new JournalWorld();
        await world.Random(41, 300).StoreAsync();
        await using (var journal = new SqliteJournal(world.Db, "gw"))
        {
            await journal.OpenAsync(default);
            await new Archiver(journal, new JournalHistory(journal, null), world.Archive).ArchiveAsync(100, new BundleSigning { Gateway = "gw", Key = world.Key }, default);
        }

        var report = await CopyAsync(new SqliteCopySource(world.Db, world.Archive), new EventStoreJournal(lab.Options() with { StatePath = null }));
        Assert.True(report.Head.Position > 100);
        Assert.Equal(report.Head.Position, report.Verified);
        File.Delete(Path.Combine(world.Archive, ArchivedJournal.NameOf("gw", 1, 100)));
        await Assert.ThrowsAsync<JournalArchivedException>(() => CopyAsync(new SqliteCopySource(world.Db, world.Archive), new EventStoreJournal(lab.Options("again") with { StatePath = null })));
        Assert.Null(lab.State.Stream("again"));
    }

    [Fact]
    public async Task Without_a_gateway_verify_and_history_read_the_store()
    {
        await using var lab = await StoreLab.StartAsync();
        var appliance = Path.Combine(lab.Folder, "appliance.json");
        await File.WriteAllTextAsync(appliance, $$$"""{"id":"gw1","journal":{"kind":"eventstoredb","uri":"{{{lab.Uri}}}"}}""");
        await using (var journal = new EventStoreJournal(lab.Options("gateway-gw1") with { StatePath = null })) await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 12), default);
        var (code, text, _) = await RunAsync("verify", "--config", appliance);
        Assert.Equal((0, true), (code, text.Contains("intact: 12 events", StringComparison.Ordinal)));
        lab.State.Change("gateway-gw1", 4, e => e with { Data = "\"forged\""u8.ToArray() });
        var (bad, _, error) = await RunAsync("verify", "--config", appliance);
        Assert.Equal((1, true), (bad, error.Contains("from position 5 on", StringComparison.Ordinal)));
        await lab.Leader.StopAsync();
        Assert.Equal(3, (await RunAsync("verify", "--config", appliance)).Code);
    }

    private static async Task<CopyReport> CopyAsync(ICopySource source, IJournal target)
    {
        await using ((IAsyncDisposable)source)
        await using (target)
            return await JournalCopy.RunAsync(source, target, null, default);
    }

    /// <summary>Commands of two events each.</summary>
    private static async Task<List<CommandKey>> FillAsync(string path, int commands)
    {
        await using var journal = new SqliteJournal(path);
        var head = await journal.OpenAsync(default);
        var keys = new List<CommandKey>();
        var (envelopes, records) = (new List<Envelope>(), new List<RecordedCommand>());
        for (var i = 0; i < commands; i++)
        {
            var key = new CommandKey(new Principal("cli", "uid:0"), $"command-{i}");
            var batch = JournalContract.Batch(head, 2, new EventContext(key.Principal, DateTimeOffset.UnixEpoch.AddSeconds(i), key.Id));
            records.Add(new RecordedCommand(key, Octets.FromHex("0102"), head.Position + 1, new Octets(System.Text.Encoding.UTF8.GetBytes($$"""{"id":"{{key.Id}}"}"""))));
            envelopes.AddRange(batch.Envelopes);
            head = new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash);
            keys.Add(key);
        }

        await journal.AppendAsync(new AppendBatch(envelopes, records, Durability.Synced), default);
        return keys;
    }

    private static async Task<(int Code, string Out, string Error)> RunAsync(params string[] arguments)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = await CommandLine.RunAsync(arguments, new Screen(output, error, false));
        return (code, output.ToString(), error.ToString());
    }
}
