using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Journal.History;

/// <summary>The journal at any moment: the same with and without snapshots, and the same as the slow folds say.</summary>
public sealed class HistoryTests : IDisposable
{
    private readonly JournalWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task Any_moment_is_the_same_with_snapshots_without_them_and_by_the_slow_folds()
    {
        var seed = System.Random.Shared.Next();
        await _world.Random(seed, 2500).StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var plain = new JournalHistory(journal, null);
        var store = _world.Snapshots();
        var snapped = new JournalHistory(journal, store);
        await using (var keeper = new SnapshotKeeper(snapped, store, 500, 0, NullLogger.Instance)) await keeper.MakeAsync(atEnd: false, default);
        Assert.InRange(store.List().Count, 4, 20);

        var events = new List<JournalEvent>();
        await foreach (var e in journal.EventsAsync(1, default)) events.Add(e);
        var random = new Random(seed);
        for (var i = 0; i < 25; i++)
        {
            var position = random.NextInt64(0, _world.Head.Position + 1);
            var (running, sas) = (RunningConfigurationProjection.Empty, SaInventory.Empty);
            foreach (var e in events.Take((int)position)) (running, sas) = (running.Apply(e), sas.Apply(e));
            var moment = new Moment.AtPosition(position);
            var (a, b) = ((await plain.AtAsync(moment, blame: true, default))!, (await snapped.AtAsync(moment, blame: true, default))!);
            Assert.Equal((position, a.Head), (b.Head.Position, b.Head));
            foreach (var state in new[] { a, b })
            {
                Assert.True(Text(running) == Text(state.Configuration), $"seed {seed}, position {position}\n{Text(running)}\n{Text(state.Configuration)}");
                Assert.True(Text(sas) == Text(state.Sas), $"seed {seed}, position {position}\n{Text(sas)}\n{Text(state.Sas)}");
            }

            Assert.True(Text(a.Fold.Blame!) == Text(b.Fold.Blame!), $"seed {seed}, position {position}");
        }

        for (var revision = 0L; revision <= _world.Revision; revision += 97)
        {
            var (a, b) = ((await plain.AtAsync(new Moment.AtRevision(revision), false, default))!, (await snapped.AtAsync(new Moment.AtRevision(revision), false, default))!);
            Assert.Equal((a.Head, revision), (b.Head, b.Configuration.Configuration.Revision));
            Assert.True(revision == 0 || events[(int)b.Head.Position - 1].Event is TransactionCommitted);
        }

        for (var minute = 0; minute < events.Count; minute += 331)
        {
            var moment = new Moment.AtTime(JournalWorld.Begin.AddMinutes(minute).AddSeconds(30));
            Assert.Equal((minute + 1L, minute + 1L), ((await plain.AtAsync(moment, false, default))!.Head.Position, (await snapped.AtAsync(moment, false, default))!.Head.Position));
        }
    }

    [Fact]
    public async Task The_past_is_not_reached_beyond_the_journals_end()
    {
        await _world.Commit(JournalWorld.Policy("a")).StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var history = new JournalHistory(journal, _world.Snapshots());
        Assert.Null(await history.AtAsync(new Moment.AtPosition(3), false, default));
        Assert.Null(await history.AtAsync(new Moment.AtRevision(2), false, default));
        Assert.Equal(2, (await history.AtAsync(new Moment.AtTime(JournalWorld.Begin.AddYears(10)), false, default))!.Head.Position);
        Assert.Equal(0, (await history.AtAsync(new Moment.AtTime(JournalWorld.Begin.AddYears(-10)), false, default))!.Head.Position);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_clock_that_jumps_hides_nothing_and_reorders_nothing(bool snapshots)
    {
        // Minutes: 0 1 2, then a wrong clock a year ahead, then right again, then two minutes back.
        _world.Commit(JournalWorld.Policy("a"));
        _world.Add(new GatewayStopped("before"));
        _world.Clock = JournalWorld.Begin.AddYears(1);
        _world.Commit(JournalWorld.Policy("from-the-future"));
        _world.Clock = JournalWorld.Begin.AddMinutes(10);
        _world.Commit(JournalWorld.Policy("b"));
        _world.Clock = JournalWorld.Begin.AddMinutes(8);
        _world.Commit(JournalWorld.Policy("c"));
        await _world.StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var store = _world.Snapshots();
        var history = new JournalHistory(journal, store);
        if (snapshots) await MakeSnapshotsAsync(history, store, 2);
        async Task<long> At(double minutes) => (await history.AtAsync(new Moment.AtTime(JournalWorld.Begin.AddMinutes(minutes)), false, default))!.Head.Position;
        Assert.Equal(3, await At(5));
        // Minute 9 was twice: it ends with the last event that bears it.
        Assert.Equal(9, await At(9));
        Assert.Equal(8, await At(8));
        Assert.Equal(9, await At(60));
        Assert.Equal(9, await At(60 * 24 * 800));
        Assert.Equal(["a", "b", "c", "from-the-future"], (await history.AtAsync(null, false, default))!.Configuration.Configuration.Ordered().Select(i => i.Key.Name));
    }

    [Fact]
    public async Task Blame_names_the_command_behind_each_field()
    {
        var (onap, root) = (new Principal("bus", "user:onap"), new Principal("http", "uid:0"));
        _world.Commit("first", onap, "c1", JournalWorld.Route("r", "10.0.0.0/8", "192.0.2.1"), JournalWorld.Policy("p", 1));
        _world.Commit("another way", root, "c2", JournalWorld.Route("r", "10.0.0.0/8", "192.0.2.2"));
        _world.Commit("as it is", onap, "c3", JournalWorld.Route("r", "10.0.0.0/8", "192.0.2.2"));
        _world.Commit("gone", onap, "c4", new ItemDeleted(new("policy", "p")));
        await _world.StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var history = new JournalHistory(journal, null);
        async Task<string> Blame(Moment? at) => string.Join(" ", (await history.AtAsync(at, blame: true, default))!.Fold.Blame!.Items
            .SelectMany(i => i.Value.Select(f => $"{i.Key}.{f.Key}={f.Value.Value}:{f.Value.Origin.CommandId}/{f.Value.Origin.Revision}/{f.Value.Origin.Reason}/{f.Value.Origin.Principal.Name}")));
        Assert.Equal("route/r.to=\"10.0.0.0/8\":c1/1/first/user:onap route/r.via=\"192.0.2.2\":c2/2/another way/uid:0", await Blame(null));
        Assert.Equal(
            "route/r.to=\"10.0.0.0/8\":c1/1/first/user:onap route/r.via=\"192.0.2.1\":c1/1/first/user:onap policy/p.action=\"bypass\":c1/1/first/user:onap policy/p.priority=1:c1/1/first/user:onap",
            await Blame(new Moment.AtRevision(1)));
    }

    [Fact]
    public void The_fields_of_a_spec_are_its_lines()
    {
        var spec = ((ItemPut)Gateway.Unit.Policy.Events.EventSamples.ByName["config.connection-put.v1"]).Spec;
        var fields = SpecFields.Of(spec);
        Assert.Contains("local[0].id", fields.Keys);
        Assert.Contains(fields.Keys, k => k.StartsWith("children.", StringComparison.Ordinal) && k.EndsWith(".local_ts", StringComparison.Ordinal));
        Assert.Equal("""["198.51.100.1"]""", SpecFields.Of(new ConnectionSpec { LocalAddrs = ["198.51.100.1"], Local = [], Remote = [] })["local_addrs"]);
    }

    [Fact]
    public async Task A_damaged_foreign_or_forged_snapshot_is_as_good_as_none()
    {
        await _world.Random(5, 400).StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var truth = Text((await new JournalHistory(journal, null).AtAsync(null, false, default))!.Configuration);
        await MakeSnapshotsAsync(new JournalHistory(journal, _world.Snapshots()), _world.Snapshots(), 100);
        var files = Directory.GetFiles(SnapshotStore.FolderOf(_world.Db)).Order().ToList();
        var random = new Random(3);
        foreach (var file in files)
        {
            var bytes = await File.ReadAllBytesAsync(file);
            bytes[random.Next(bytes.Length)] ^= 0x10;
            await File.WriteAllBytesAsync(file, random.Next(2) == 0 ? bytes : bytes[..(bytes.Length / 2)]);
        }

        Assert.Equal(truth, Text((await new JournalHistory(journal, _world.Snapshots()).AtAsync(null, false, default))!.Configuration));

        // Whole, and by another gateway's key.
        using var other = Gateway.Host.Journal.Heads.HeadKey.Create();
        var forged = new SnapshotStore(SnapshotStore.FolderOf(_world.Db), "gw", other);
        var state = new StateFold(blame: true);
        state.Load(_world.Head.Position, _world.Clock);
        forged.Write(state, _world.Head, 1, 0);
        Assert.Equal(_world.Head.Position, forged.List()[0].Position);
        Assert.Equal(truth, Text((await new JournalHistory(journal, _world.Snapshots()).AtAsync(null, false, default))!.Configuration));

        // By the right key, of a journal with another past.
        _world.Snapshots().Write(state, _world.Head with { Hash = HashChain.Genesis }, 1, 0);
        Assert.Equal(truth, Text((await new JournalHistory(journal, _world.Snapshots()).AtAsync(null, false, default))!.Configuration));
    }

    [Fact]
    public async Task A_changed_event_is_told_by_every_question_that_reads_it()
    {
        await _world.Random(9, 60).StoreAsync();
        _world.Tamper("UPDATE events SET command_id='another' WHERE position=17");
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var damaged = await Assert.ThrowsAsync<JournalDamagedException>(() => new JournalHistory(journal, null).AtAsync(null, false, default));
        Assert.Equal(17, damaged.Position);
    }

    [Fact]
    public async Task The_keeper_makes_snapshots_while_events_are_stored_and_one_at_the_end()
    {
        await using var journal = new SqliteJournal(_world.Db, "gw");
        var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), EventCatalog.Encode);
        var store = _world.Snapshots();
        await using (var keeper = new SnapshotKeeper(new JournalHistory(journal, store), store, 1000, 0, NullLogger.Instance))
        {
            sequencer.Subscribe((e, _) => keeper.Stored(e.Position));
            for (var i = 0; i < 40; i++)
                await sequencer.Append([.. Enumerable.Range(0, 60).Select(n => new GatewayStarted("1", $"{i}-{n}"))], new EventContext(Principal.Gateway, JournalWorld.Begin), Durability.Soon).Stored;
            for (var i = 0; i < 1000 && store.List().Count < 2; i++) await Task.Delay(20);
            await sequencer.DisposeAsync();
        }

        Assert.Equal(2400, store.List()[0].Position);
        Assert.Contains(store.List(), s => s.Position is >= 1000 and < 2400);
        var (head, state) = await new JournalHistory(journal, store).StartAsync(_ => true, false, default);
        Assert.Equal((2400L, 2400L), (head.Position, state.Position));
    }

    [Fact]
    public async Task The_state_document_says_all_of_the_state()
    {
        _world.Random(77, 300).Add(JournalWorld.Policy("unclosed"));
        await _world.StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var state = (await new JournalHistory(journal, null).AtAsync(null, blame: true, default))!;
        var again = StateDocument.Read(StateDocument.Write(state.Fold), blame: true);
        Assert.Equal(Text(state.Configuration), Text(again.ToProjection()));
        Assert.Equal(Text(state.Sas), Text(again.Sas.ToInventory()));
        Assert.Equal(Text(state.Fold.Blame!), Text(again.Blame!));
        Assert.Equal("policy/unclosed", Assert.Single(again.Configuration.Open).Key.ToString());
        Assert.Throws<System.Text.Json.JsonException>(() => StateDocument.Read("{}"u8.ToArray(), blame: true));
    }

    private static async Task MakeSnapshotsAsync(JournalHistory history, SnapshotStore store, int interval)
    {
        await using var keeper = new SnapshotKeeper(history, store, interval, 0, NullLogger.Instance);
        await keeper.MakeAsync(atEnd: false, default);
        Assert.NotEmpty(store.List());
    }

    private static string Text(RunningConfigurationProjection p) =>
        $"{p.Position} {p.Time:O} {p.Configuration.Revision} | {string.Join(" ", p.Configuration.Ordered())} | {string.Join(" ", p.Pending.Select(k => k.ToString()).Order())}";

    private static string Text(SaInventory s) =>
        $"{s.LastIkeSaId} {s.LastChildSaId} | {string.Join(" ", s.IkeSas.Values)} | {string.Join(" ", s.ChildSas.Values)} | {string.Join(" ", s.LastFailures.OrderBy(f => f.Key.Value).Select(f => $"{f.Key}={f.Value}"))}";

    private static string Text(BlameFold b) => string.Join(" ", b.Items.SelectMany(i => i.Value.Select(f => $"{i.Key} {f.Key} {f.Value}")));
}
