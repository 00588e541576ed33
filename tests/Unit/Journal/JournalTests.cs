using System.Text;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Gateway.Unit.Journal;

public sealed class JournalTests : IDisposable
{
    private static readonly EventContext _context = new(Principal.Gateway, DateTimeOffset.UnixEpoch, "c1", "test");
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-journal-").FullName;

    private string Db => Path.Combine(_folder, "journal.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("memory")]
    [InlineData("sqlite")]
    public async Task Events_come_back_in_order_with_an_unbroken_chain(string kind)
    {
        await using var store = kind == "sqlite" ? (IJournal)new SqliteJournal(Db) : new MemoryJournal();
        await using (var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode))
        {
            var receipts = Enumerable.Range(0, 500).Select(i => sequencer.Append([new GatewayStarted("v", $"boot{i}")], _context, i % 3 == 0 ? Durability.Synced : Durability.Soon)).ToList();
            Assert.Equal(Enumerable.Range(1, 500), receipts.Select(r => (int)r.First));
            await Task.WhenAll(receipts.Select(r => r.Stored));
        }

        var events = await ReadAll(store);
        Assert.Equal(Enumerable.Range(0, 500).Select(i => $"boot{i}"), events.Select(e => Encoding.UTF8.GetString(e.Data.Span)));
        Assert.Null((await JournalVerifier.VerifyAsync(store, null, default)).FirstBad);
    }

    [Fact]
    public async Task A_reopened_journal_goes_on_where_it_ended()
    {
        await Fill(Db, 10);
        await Fill(Db, 5);
        await using var reader = SqliteJournal.OpenForReading(Db);
        Assert.Equal(15, (await ReadAll(reader)).Count);
        Assert.Null((await JournalVerifier.VerifyAsync(reader, HeadAnchor.Read(SqliteJournal.AnchorPath(Db)), default)).FirstBad);
    }

    [Fact]
    public async Task Verify_names_a_changed_event()
    {
        await Fill(Db, 20);
        Change("UPDATE events SET data=x'00' WHERE position=7");
        await using var reader = SqliteJournal.OpenForReading(Db);
        Assert.Equal(7, (await JournalVerifier.VerifyAsync(reader, null, default)).FirstBad);
    }

    [Fact]
    public async Task Verify_names_a_missing_event()
    {
        await Fill(Db, 20);
        Change("DELETE FROM events WHERE position=9");
        await using var reader = SqliteJournal.OpenForReading(Db);
        Assert.Equal(9, (await JournalVerifier.VerifyAsync(reader, null, default)).FirstBad);
    }

    [Fact]
    public async Task A_lost_tail_refuses_to_open_and_names_the_position()
    {
        await Fill(Db, 20);
        Change("DELETE FROM events WHERE position>12");
        await using var journal = new SqliteJournal(Db);
        var e = await Assert.ThrowsAsync<JournalDamagedException>(async () => await journal.OpenAsync(default));
        Assert.Equal(13, e.Position);
    }

    [Fact]
    public async Task A_replaced_tail_refuses_to_open()
    {
        await Fill(Db, 20);
        Change("UPDATE events SET hash=zeroblob(32) WHERE position=20");
        await using var journal = new SqliteJournal(Db);
        Assert.Equal(20, (await Assert.ThrowsAsync<JournalDamagedException>(async () => await journal.OpenAsync(default))).Position);
    }

    [Fact]
    public async Task A_second_process_is_kept_out()
    {
        await using var first = new SqliteJournal(Db);
        await first.OpenAsync(default);
        await using var second = new SqliteJournal(Db);
        Assert.Contains("in use", (await Assert.ThrowsAsync<JournalUnavailableException>(async () => await second.OpenAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_no_journal_is_refused_with_a_clear_error()
    {
        File.WriteAllText(Db, "this is not a database, but long enough to look at; this is not a database, but long enough to look at");
        await using var journal = new SqliteJournal(Db);
        await Assert.ThrowsAsync<JournalDamagedException>(async () => await journal.OpenAsync(default));
    }

    [Fact]
    public async Task A_command_is_recorded_with_its_events()
    {
        await using var store = new SqliteJournal(Db);
        var key = new CommandKey(new Principal("bus", "user:onap"), "t-1");
        await using (var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode))
        {
            await sequencer.Append(
                first => [new GatewayStarted("v", $"at{first}")], _context, (first, _) => new RecordedCommand(key, Octets.FromHex("aa"), first, Octets.FromHex("bb")), Durability.Synced).Stored;
        }

        await using var reader = SqliteJournal.OpenForReading(Db);
        var found = await reader.FindCommandAsync(key, default);
        Assert.Equal(new RecordedCommand(key, Octets.FromHex("aa"), 1, Octets.FromHex("bb")), found);
        Assert.Null(await reader.FindCommandAsync(key with { Id = "t-2" }, default));
    }

    [Fact]
    public async Task A_store_that_refuses_rewinds_the_numbering_and_loses_nothing_later()
    {
        await using var store = new Faulty(new MemoryJournal());
        await using var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode);
        await sequencer.Append([new GatewayStarted("v", "1")], _context, Durability.Synced).Stored;
        store.Fail = true;
        var rewound = 0;
        sequencer.Rewound += _ => rewound++;
        await Assert.ThrowsAsync<JournalUnavailableException>(() => sequencer.Append([new GatewayStarted("v", "2")], _context, Durability.Synced).Stored);
        store.Fail = false;
        var again = sequencer.Append([new GatewayStarted("v", "3")], _context, Durability.Synced);
        await again.Stored;
        Assert.Equal(2, again.First);
        Assert.True(rewound > 0);
        Assert.Null((await JournalVerifier.VerifyAsync(store, null, default)).FirstBad);
    }

    [Fact]
    public async Task Followers_see_what_comes_later()
    {
        await using var store = new SqliteJournal(Db);
        await using var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode);
        var seen = new List<long>();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        var follower = Task.Run(async () =>
        {
            await foreach (var e in store.FollowAsync(1, stop.Token))
            {
                seen.Add(e.Position);
                if (seen.Count == 100) break;
            }
        });
        for (var i = 0; i < 100; i++) await sequencer.Append([new GatewayStarted("v", "x")], _context, Durability.Soon).Stored;
        await follower;
        Assert.Equal(Enumerable.Range(1, 100).Select(i => (long)i), seen);
    }

    private static (string Name, Octets Data) Encode(GatewayEvent e) => ("test.v1", new Octets(Encoding.UTF8.GetBytes(((GatewayStarted)e).BootId)));

    private static async Task Fill(string path, int count)
    {
        await using var store = new SqliteJournal(path);
        await using var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode);
        for (var i = 0; i < count; i++) await sequencer.Append([new GatewayStarted("v", $"b{i}")], _context, Durability.Synced).Stored;
    }

    private static async Task<List<Envelope>> ReadAll(IJournal journal)
    {
        var events = new List<Envelope>();
        await foreach (var e in journal.ReadAsync(1, default)) events.Add(e);
        return events;
    }

    private void Change(string sql)
    {
        using var connection = new SqliteConnection($"Data Source={Db};Pooling=False");
        connection.Open();
        using var command = connection.CreateCommand();
        command.CommandText = sql;
        command.ExecuteNonQuery();
    }

    private sealed class Faulty(IJournal inner) : IJournal
    {
        public bool Fail { get; set; }

        public ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken) => inner.OpenAsync(cancellationToken);

        public ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken) =>
            Fail ? throw new IOException("no space left") : inner.AppendAsync(batch, cancellationToken);

        public IAsyncEnumerable<Envelope> ReadAsync(long from, CancellationToken cancellationToken) => inner.ReadAsync(from, cancellationToken);

        public IAsyncEnumerable<Envelope> FollowAsync(long from, CancellationToken cancellationToken) => inner.FollowAsync(from, cancellationToken);

        public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken) => inner.FindCommandAsync(key, cancellationToken);

        public ValueTask DisposeAsync() => inner.DisposeAsync();
    }
}
