using System.Text;
using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Unit.Journal;

/// <summary>What every store of the journal must do, whatever it is made of.</summary>
public abstract class JournalContract : IAsyncDisposable
{
    private static readonly EventContext _context = new(new Principal("cli", "uid:0"), new DateTimeOffset(2026, 3, 1, 12, 0, 0, 123, 456, TimeSpan.Zero), "c1", "test", 7);

    /// <summary>A store over the same data each time, not opened.</summary>
    private protected abstract IJournal Store();

    /// <summary>Another look at the same data, for reading only; null when there is no such thing.</summary>
    private protected abstract IJournal? Reader();

    public abstract ValueTask DisposeAsync();

    [Fact]
    public async Task An_empty_stream_has_the_empty_head()
    {
        await using var store = Store();
        Assert.Equal(JournalHead.Empty, await store.OpenAsync(default));
        Assert.Empty(await AllAsync(store));
    }

    [Fact]
    public async Task Events_come_back_field_by_field_in_order_with_an_unbroken_chain()
    {
        await using var store = Store();
        await using (var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode))
        {
            var receipts = Enumerable.Range(0, 300).Select(i => sequencer.Append([new GatewayStarted("v", $"boot{i}")], _context, i % 3 == 0 ? Durability.Synced : Durability.Soon)).ToList();
            await Task.WhenAll(receipts.Select(r => r.Stored));
        }

        var events = await AllAsync(store);
        Assert.Equal(Enumerable.Range(1, 300), events.Select(e => (int)e.Position));
        Assert.Equal(Enumerable.Range(0, 300).Select(i => $"\"boot{i}\""), events.Select(e => Encoding.UTF8.GetString(e.Data.Span)));
        Assert.All(events, e => Assert.Equal(("cli:uid:0", "c1", "test", 7L, "gateway", "test.v1", _context.Time), (e.Principal.ToString(), e.CommandId, e.Issuer, e.Cause, e.Subject, e.Name, e.Time)));
        var verified = await JournalVerifier.VerifyAsync(store, null, default);
        Assert.Null(verified.Problem);
        Assert.Equal(300, verified.Events);
    }

    [Fact]
    public async Task Fields_that_are_absent_stay_absent()
    {
        await using var store = Store();
        var head = await store.OpenAsync(default);
        await store.AppendAsync(Batch(head, 1, new EventContext(Principal.Gateway, DateTimeOffset.UnixEpoch)), default);
        var e = Assert.Single(await AllAsync(store));
        Assert.Null(e.CommandId);
        Assert.Null(e.Issuer);
        Assert.Null(e.Cause);
        Assert.Equal(HashChain.Next(HashChain.Genesis, e), e.Hash);
    }

    [Fact]
    public async Task Reading_begins_at_the_position_that_is_asked_for()
    {
        await using var store = Store();
        await FillAsync(store, 30);
        Assert.Equal(Enumerable.Range(12, 19), (await AllAsync(store, 12)).Select(e => (int)e.Position));
        Assert.Empty(await AllAsync(store, 31));
    }

    [Fact]
    public async Task A_reopened_journal_goes_on_where_it_ended()
    {
        if (Reader() is null) Assert.Skip("It ends with its process.");
        await using (var store = Store()) await FillAsync(store, 10);
        await using (var store = Store())
        {
            Assert.Equal(10, (await store.OpenAsync(default)).Position);
            await store.AppendAsync(Batch(await HeadAsync(store), 5), default);
        }

        await using var reader = Reader()!;
        Assert.Equal(15, (await AllAsync(reader)).Count);
        Assert.Null((await JournalVerifier.VerifyAsync(reader, null, default)).FirstBad);
    }

    [Fact]
    public async Task An_append_that_does_not_follow_the_head_is_refused()
    {
        await using var store = Store();
        await FillAsync(store, 3);
        await Assert.ThrowsAsync<JournalConflictException>(async () => await store.AppendAsync(Batch(new JournalHead(7, HashChain.Genesis), 1), default));
        Assert.Equal(3, (await AllAsync(store)).Count);
        await store.AppendAsync(Batch(await HeadAsync(store), 1), default);
        Assert.Equal(4, (await AllAsync(store)).Count);
    }

    [Fact]
    public async Task A_command_is_found_by_principal_and_id_with_its_first_outcome()
    {
        var key = new CommandKey(new Principal("bus", "user:onap"), "t-1");
        var recorded = new RecordedCommand(key, Octets.FromHex("aa"), 1, new Octets(Encoding.UTF8.GetBytes($$"""{"id":"t-1","text":"{{new string('ü', 3000)}}"}""")));
        await using (var store = Store())
        {
            var batch = Batch(await store.OpenAsync(default), 3, new EventContext(key.Principal, DateTimeOffset.UnixEpoch, key.Id));
            await store.AppendAsync(batch with { Commands = [recorded] }, default);
            Assert.Equal(recorded, await store.FindCommandAsync(key, default));
            Assert.Null(await store.FindCommandAsync(key with { Id = "t-2" }, default));
            Assert.Null(await store.FindCommandAsync(key with { Principal = new Principal("bus", "user:other") }, default));
        }

        if (Reader() is not { } reader) return;
        await using (reader) Assert.Equal(recorded, await reader.FindCommandAsync(key, default));
        await using var again = Store();
        await again.OpenAsync(default);
        Assert.Equal(recorded, await again.FindCommandAsync(key, default));
    }

    [Fact]
    public async Task Followers_see_what_is_there_and_what_comes_later()
    {
        await using var store = Store();
        await using var sequencer = new JournalSequencer(store, await store.OpenAsync(default), Encode);
        for (var i = 0; i < 20; i++) await sequencer.Append([new GatewayStarted("v", "x")], _context, Durability.Soon).Stored;
        var seen = new List<long>();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var follower = Task.Run(async () =>
        {
            await foreach (var e in store.FollowAsync(5, stop.Token))
            {
                seen.Add(e.Position);
                if (e.Position == 100) break;
            }
        });
        for (var i = 20; i < 100; i++) await sequencer.Append([new GatewayStarted("v", "x")], _context, i % 7 == 0 ? Durability.Synced : Durability.Soon).Stored;
        await follower;
        Assert.Equal(Enumerable.Range(5, 96).Select(i => (long)i), seen);
    }

    [Fact]
    public async Task A_large_transaction_is_stored_whole()
    {
        await using var store = Store();
        var head = await store.OpenAsync(default);
        var big = Batch(head, 3000, size: 1200);
        await store.AppendAsync(big, default);
        var events = await AllAsync(store);
        Assert.Equal(3000, events.Count);
        Assert.Equal(big.Envelopes, events);
    }

    [Fact]
    public async Task An_event_of_several_megabytes_comes_back_as_it_was()
    {
        await using var store = Store();
        var batch = Batch(await store.OpenAsync(default), 1, size: 3_500_000);
        await store.AppendAsync(batch, default);
        Assert.Equal(batch.Envelopes[0], Assert.Single(await AllAsync(store)));
    }

    internal static (string Name, Octets Data) Encode(GatewayEvent e) => ("test.v1", new Octets(Encoding.UTF8.GetBytes($"\"{((GatewayStarted)e).BootId}\"")));

    internal static AppendBatch Batch(JournalHead after, int count, EventContext? context = null, int size = 10, Durability durability = Durability.Synced)
    {
        context ??= _context;
        var envelopes = new List<Envelope>();
        for (var i = 0; i < count; i++)
        {
            var e = new Envelope
            {
                Position = after.Position + 1,
                Subject = "gateway",
                Name = "test.v1",
                Time = context.Time,
                CommandId = context.CommandId,
                Principal = context.Principal,
                Issuer = context.Issuer,
                Cause = context.Cause,
                Data = new Octets(Encoding.UTF8.GetBytes($"\"{i}{new string('x', size)}\"")),
                Hash = Octets.Empty,
            };
            e = e with { Hash = HashChain.Next(after.Hash, e) };
            envelopes.Add(e);
            after = new JournalHead(e.Position, e.Hash);
        }

        return new AppendBatch(envelopes, [], durability);
    }

    internal static async Task<List<Envelope>> AllAsync(IJournal journal, long from = 1)
    {
        var events = new List<Envelope>();
        await foreach (var e in journal.ReadAsync(from, default)) events.Add(e);
        return events;
    }

    internal static async Task<JournalHead> HeadAsync(IJournal journal) => await AllAsync(journal) is { Count: > 0 } all ? new JournalHead(all[^1].Position, all[^1].Hash) : JournalHead.Empty;

    private static async Task FillAsync(IJournal store, int count)
    {
        var head = await store.OpenAsync(default);
        for (var i = 0; i < count; i++)
        {
            var batch = Batch(head, 1);
            await store.AppendAsync(batch, default);
            head = new JournalHead(batch.Envelopes[^1].Position, batch.Envelopes[^1].Hash);
        }
    }
}

public sealed class MemoryJournalContract : JournalContract
{
    private readonly MemoryJournal _journal = new();

    public override ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private protected override IJournal Store() => _journal;

    private protected override IJournal? Reader() => null;
}

public sealed class SqliteJournalContract : JournalContract
{
    private readonly string _folder = Directory.CreateTempSubdirectory("gateway-journal-").FullName;

    public override ValueTask DisposeAsync()
    {
        Directory.Delete(_folder, recursive: true);
        return ValueTask.CompletedTask;
    }

    private protected override IJournal Store() => new SqliteJournal(Path.Combine(_folder, "journal.db"));

    private protected override IJournal? Reader() => new SqliteJournal(Path.Combine(_folder, "journal.db"));
}

public sealed class EventStoreJournalContract : JournalContract, IAsyncLifetime
{
    private StoreLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await StoreLab.StartAsync();

    public override ValueTask DisposeAsync() => _lab.DisposeAsync();

    private protected override IJournal Store() => _lab.Journal();

    private protected override IJournal? Reader() => new EventStoreJournal(_lab.Options() with { StatePath = null });
}

/// <summary>A cluster over TLS with credentials.</summary>
public sealed class EventStoreClusterContract : JournalContract, IAsyncLifetime
{
    private StoreLab _lab = null!;

    public async ValueTask InitializeAsync()
    {
        _lab = await StoreLab.StartAsync(nodes: 3, tls: true);
        foreach (var node in _lab.Nodes) node.Credentials = "gateway:s3cret:with/marks";
    }

    public override ValueTask DisposeAsync() => _lab.DisposeAsync();

    private protected override IJournal Store() => new EventStoreJournal(Options());

    private protected override IJournal? Reader() => new EventStoreJournal(Options() with { StatePath = null });

    private EventStoreJournalOptions Options() => _lab.Options() with { Uri = StoreLab.Parse(_lab.Uri.Replace("esdb://", "esdb://gateway:s3cret%3Awith%2Fmarks@", StringComparison.Ordinal)) };
}

/// <summary>Without local files: as <c>journal copy</c> writes.</summary>
public sealed class EventStoreWithoutFilesContract : JournalContract, IAsyncLifetime
{
    private StoreLab _lab = null!;

    public async ValueTask InitializeAsync() => _lab = await StoreLab.StartAsync();

    public override ValueTask DisposeAsync() => _lab.DisposeAsync();

    private protected override IJournal Store() => new EventStoreJournal(_lab.Options() with { StatePath = null });

    private protected override IJournal? Reader() => new EventStoreJournal(_lab.Options() with { StatePath = null });
}
