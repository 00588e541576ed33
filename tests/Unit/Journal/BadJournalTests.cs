using System.Diagnostics;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Gateway.Unit.Journal;

/// <summary>Journals that cannot be used: each is told by a clear message, and nothing is guessed.</summary>
public sealed class BadJournalTests : IDisposable
{
    private readonly JournalWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task The_journal_of_another_gateway_is_refused()
    {
        await _world.Random(1, 10).StoreAsync();
        await using var journal = new SqliteJournal(_world.Db, "other");
        var refused = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default));
        Assert.Contains("belongs to the gateway gw, not to other", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_database_of_another_program_is_refused_and_left_alone()
    {
        using (var connection = new SqliteConnection($"Data Source={_world.Db};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = "CREATE TABLE photos (name TEXT)";
            command.ExecuteNonQuery();
        }

        await using (var journal = new SqliteJournal(_world.Db, "gw"))
            Assert.Contains("a database of something else", (await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default))).Message, StringComparison.Ordinal);
        _world.Tamper("INSERT INTO photos VALUES ('still there')");
    }

    [Theory]
    [InlineData(0.3)]
    [InlineData(0.7)]
    [InlineData(0.97)]
    public async Task A_truncated_database_is_refused_with_the_first_position_that_cannot_be_trusted(double kept)
    {
        await _world.Random(2, 3000).StoreAsync();
        SqliteConnection.ClearAllPools();
        using (var file = File.Open(_world.Db, FileMode.Open)) file.SetLength((long)(file.Length * kept));
        await using (var journal = new SqliteJournal(_world.Db, "gw"))
        {
            var refused = await Record.ExceptionAsync(async () =>
            {
                await journal.OpenAsync(default);
                await new JournalHistory(journal, null).AtAsync(null, false, default);
            });
            Assert.True(refused is JournalDamagedException or SqliteException or JournalUnavailableException, refused?.ToString() ?? "it was opened");
        }

        await using var reader = SqliteJournal.OpenForReading(_world.Db);
        var result = await JournalVerifier.VerifyAsync(reader, HeadAnchor.Read(SqliteJournal.AnchorPath(_world.Db)), default);
        Assert.NotNull(result.FirstBad);
    }

    [Fact]
    public async Task Octets_that_rot_anywhere_in_the_database_are_found()
    {
        await _world.Random(3, 400).StoreAsync();
        var sound = await File.ReadAllBytesAsync(_world.Db);
        var random = new Random(4);
        for (var i = 0; i < 60; i++)
        {
            var rotten = (byte[])sound.Clone();
            var at = random.Next(4096, rotten.Length);
            rotten[at] ^= (byte)(1 << random.Next(8));
            await File.WriteAllBytesAsync(_world.Db, rotten);
            await using var reader = SqliteJournal.OpenForReading(_world.Db);
            var result = await JournalVerifier.VerifyAsync(reader, HeadAnchor.Read(SqliteJournal.AnchorPath(_world.Db)), default);
            if (result.Problem is not null) continue;
            // It hit what holds no event: free space, or the tables beside. Then every event is as it was.
            Assert.Equal(_world.Head, result.Head);
        }
    }

    [Fact]
    public async Task A_journal_that_another_program_holds_locked_is_said_to_be()
    {
        await _world.Random(5, 10).StoreAsync();
        using var connection = new SqliteConnection($"Data Source={_world.Db};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = "PRAGMA locking_mode=EXCLUSIVE; BEGIN EXCLUSIVE; UPDATE events SET cause=NULL";
        command.ExecuteNonQuery();
        await using var journal = new SqliteJournal(_world.Db, "gw");
        var refused = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default));
        Assert.Contains("locked by another process", refused.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Another_process_on_the_same_journal_is_kept_out()
    {
        await _world.Random(6, 10).StoreAsync();
        using var holder = Process.Start(new ProcessStartInfo("flock", [_world.Db + ".lock", "sleep", "600"]) { RedirectStandardOutput = true })!;
        try
        {
            Exception? refused = null;
            for (var i = 0; i < 500 && refused is null; i++)
            {
                await using var journal = new SqliteJournal(_world.Db, "gw");
                refused = await Record.ExceptionAsync(async () => await journal.OpenAsync(default));
                if (refused is null) await Task.Delay(20);
            }

            Assert.Contains("in use by another process", Assert.IsType<JournalUnavailableException>(refused).Message, StringComparison.Ordinal);
            // Looking on is possible meanwhile.
            await using var reader = SqliteJournal.OpenForReading(_world.Db);
            Assert.Equal(_world.Head, (await new JournalHistory(reader, null).AtAsync(null, false, default))!.Head);
        }
        finally
        {
            holder.Kill(entireProcessTree: true);
        }
    }

    [Fact]
    public async Task A_full_disk_refuses_what_does_not_fit_and_goes_on_when_there_is_room()
    {
        // A limit on the database's pages stands in for the disk's end.
        await using var journal = new SqliteJournal(_world.Db, "gw") { MaxPages = 60 };
        var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), EventCatalog.Encode);
        var context = new EventContext(Principal.Gateway, JournalWorld.Begin);
        Exception? full = null;
        for (var i = 0; i < 10_000 && full is null; i++) full = await Record.ExceptionAsync(() => sequencer.Append([new GatewayStarted(new string('x', 500), $"{i}")], context, Durability.Synced).Stored);
        Assert.Contains("is full", Assert.IsType<JournalUnavailableException>(full).Message, StringComparison.Ordinal);
        var stored = sequencer.Stored.Position;
        Assert.Equal(stored, sequencer.Head.Position);
        journal.MaxPages = 100_000;
        await sequencer.Append([new GatewayStopped("room again")], context, Durability.Synced).Stored;
        await sequencer.DisposeAsync();
        var result = await JournalVerifier.VerifyAsync(journal, HeadAnchor.Read(SqliteJournal.AnchorPath(_world.Db)), default);
        Assert.Equal((stored + 1, (string?)null), (result.Events, result.Problem));
    }

    [Fact]
    public async Task A_folder_in_the_journals_place_is_no_journal()
    {
        Directory.CreateDirectory(_world.Db);
        await using var journal = new SqliteJournal(_world.Db, "gw");
        Assert.Contains(_world.Db, (await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default))).Message, StringComparison.Ordinal);
    }
}
