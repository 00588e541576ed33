using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections.Folds;
using Gateway.Unit.House;
using Gateway.Unit.Policy.Events;
using Xunit;

namespace Gateway.Unit.Journal;

/// <summary>
/// Journals that other versions of the gateway wrote. <c>Fixtures/journal-2030.jsonl</c> is one as text: each line an event as it was stored, hash and all.
/// It is frozen, as what lies in the field is.
/// </summary>
public sealed class OlderJournalTests : IDisposable
{
    private readonly JournalWorld _world = new();

    private static string Fixture => Path.Combine(Repository.Root, "tests", "Unit", "Journal", "Fixtures", "journal-2030.jsonl");

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_journal_of_an_older_version_opens_verifies_and_folds()
    {
        await StoreAsync(Lines());
        await using (var writer = new SqliteJournal(_world.Db, "gw")) Assert.Equal(Lines().Count, (await writer.OpenAsync(default)).Position);
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).Problem);
        var state = (await new JournalHistory(journal, null).AtAsync(null, blame: true, default))!;
        Assert.Equal(
            ["interface/wan", "route/default", "secret/ike-branch", "connection/branch", "policy/dns"],
            state.Configuration.Configuration.Ordered().Select(i => i.Key.ToString()));
        Assert.Equal((2L, 1, 1), (state.Configuration.Configuration.Revision, state.Sas.IkeSas.Count, state.Sas.ChildSas.Count));
    }

    [Fact]
    public async Task Events_of_an_older_version_are_read_through_their_upcasts()
    {
        // The next version of an event that the fixture holds: its member has another name and a unit.
        var reader = new EventReader(
            [.. EventCatalog.Rows.Where(r => r.Name != "gateway.stopped.v1"), new EventRow("gateway.stopped.v3", typeof(GatewayStopped))],
            [
                new Upcast("gateway.stopped.v1", "gateway.stopped.v2", old => new JsonObject { ["why"] = old["reason"]!.DeepClone() }),
                new Upcast("gateway.stopped.v2", "gateway.stopped.v3", old => new JsonObject { ["reason"] = $"upcast: {old["why"]}" }),
            ]);
        var lines = Lines();
        await StoreAsync(lines);
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var state = new StateFold(blame: true);
        var stopped = new List<string>();
        await foreach (var page in JournalReplay.PagesAsync(journal, JournalHead.Empty, reader, default))
        {
            for (var i = 0; i < page.Count; i++)
            {
                var e = page[i];
                state.Apply(e);
                if (e.Event is GatewayStopped stop) stopped.Add(stop.Reason);
            }
        }

        Assert.Equal(["upcast: SIGTERM"], stopped);
        Assert.Equal((lines.Count, 5), ((int)state.Position, state.Configuration.Items.Count));
        // What is stored stays as it is: the chain is over the old form.
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).Problem);
    }

    [Fact]
    public void The_fixture_is_as_it_was_frozen()
    {
        // Events that came later have samples of their own; what is in here is in the field.
        Assert.Equal(29, Lines().Select(l => l.Name).Distinct().Count());
        Assert.Equal("88009b01673081120cffe314aee7d5013bf1e9f4899a07d99827413ac2429d0c", Lines()[^1].Hash.ToString());
    }

    [Theory]
    [InlineData("gateway.started.v2", "version 2", "newer gateway")]
    [InlineData("nat.session-made.v1", "nat.session-made.v1", "not known")]
    public async Task An_event_of_a_newer_version_stops_the_reading_and_is_named(string name, string says, string and)
    {
        _world.Commit(JournalWorld.Policy("a")).Add(name, "{}"u8.ToArray(), "gateway").Commit(JournalWorld.Policy("b"));
        await _world.StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var stopped = await Assert.ThrowsAsync<JournalDamagedException>(() => new JournalHistory(journal, null).AtAsync(null, false, default));
        Assert.Equal(3, stopped.Position);
        Assert.Contains(says, stopped.Message, StringComparison.Ordinal);
        Assert.Contains(and, stopped.Message, StringComparison.Ordinal);
        Assert.Contains("3", stopped.Message, StringComparison.Ordinal);
        // The chain is whole all the same: verify says so without knowing the event.
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).Problem);
    }

    [Fact]
    public void The_state_that_an_archived_journal_begins_with_is_read_for_ever()
    {
        // Written when the format was fixed; the base of a journal whose events are in bundles has no other source.
        var path = Path.Combine(Path.GetDirectoryName(Fixture)!, "state-v1.json");
        if (Environment.GetEnvironmentVariable("GATEWAY_WRITE_SAMPLES") == "new" && !File.Exists(path)) File.WriteAllBytes(path, StateDocument.Write(FromFixture()));
        var state = StateDocument.Read(File.ReadAllBytes(path), blame: true);
        Assert.Equal(FromFixture().ToProjection().Configuration.Ordered(), state.ToProjection().Configuration.Ordered());
        Assert.Equal(FromFixture().Sas.ToInventory().ChildSas.Values, state.Sas.ToInventory().ChildSas.Values);
        Assert.Equal(5, state.Blame!.Items.Count);
    }

    private static StateFold FromFixture()
    {
        var state = new StateFold(blame: true);
        foreach (var e in Lines()) state.Apply(new Gateway.Projections.JournalEvent(e, EventCatalog.Decode(e)));
        return state;
    }

    private static List<Envelope> Lines()
    {
        if (Environment.GetEnvironmentVariable("GATEWAY_WRITE_SAMPLES") == "new" && !File.Exists(Fixture)) Freeze();
        return [.. File.ReadLines(Fixture).Select(l => JsonSerializer.Deserialize<Gateway.Host.Journal.Bundles.BundleEvent>(l, Gateway.Host.Api.ApiJson.Options)!.ToEnvelope()!)];
    }

    private static void Freeze()
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Fixture)!);
        var all = EventSamples.ByName.Where(s => s.Key.EndsWith(".v1", StringComparison.Ordinal) && s.Key != "gateway.signing-key-made.v1").ToDictionary();
        GatewayEvent[] order =
        [
            all["gateway.started.v1"],
            all["config.interface-put.v1"], all["config.route-put.v1"], all["config.neighbor-put.v1"], all["config.secret-put.v1"], all["config.connection-put.v1"], all["config.policy-put.v1"],
            new TransactionCommitted(1, 6, "first"),
            .. all.Where(s => s.Key.EndsWith("-deleted.v1", StringComparison.Ordinal) && !s.Key.Contains("neighbor", StringComparison.Ordinal)).Select(s => s.Value),
            all["gateway.started.v1"],
            all["config.neighbor-deleted.v1"], new TransactionCommitted(2, 1, null),
            .. all.Where(s => s.Key.StartsWith("config.item-", StringComparison.Ordinal) || s.Key.StartsWith("command.", StringComparison.Ordinal)).Select(s => s.Value),
            all["ike.sa-established.v1"], all["ike.sa-endpoint-changed.v1"], all["ike.sa-failed.v1"], all["ike.child-failed.v1"], all["ike.child-installed.v1"], all["ike.child-closed.v1"], all["ike.children-inherited.v1"],
            all["ike.sa-lost.v1"], all["ike.sa-closed.v1"],
            JournalWorld.Ike(90), JournalWorld.Child(91, 90),
            new GatewayStopped("SIGTERM"),
        ];
        var (lines, hash, position) = (new StringBuilder(), HashChain.Genesis, 0L);
        foreach (var e in order)
        {
            var (name, data) = EventCatalog.Encode(e);
            var envelope = new Envelope
            {
                Position = ++position,
                Subject = e.Subject,
                Name = name,
                Time = JournalWorld.Begin.AddMinutes(position),
                Principal = new Principal("bus", "user:onap"),
                CommandId = "c1",
                Issuer = "onap",
                Data = data,
                Hash = Octets.Empty,
            };
            hash = HashChain.Next(hash, envelope);
            lines.Append(JsonSerializer.Serialize(Gateway.Host.Journal.Bundles.BundleEvent.Of(envelope with { Hash = hash }), Gateway.Host.Api.ApiJson.Options)).Append('\n');
        }

        File.WriteAllText(Fixture, lines.ToString());
    }

    private async Task StoreAsync(List<Envelope> events)
    {
        await using var journal = new SqliteJournal(_world.Db, "gw");
        await journal.OpenAsync(default);
        await journal.AppendAsync(new AppendBatch(events, [], Durability.Synced), default);
    }
}
