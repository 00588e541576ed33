using System.Net;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Gateway.Projections;
using Gateway.Unit.Policy.Events;
using Xunit;

namespace Gateway.Unit.Projections;

public sealed class ProjectionTests
{
    private static readonly DateTimeOffset _begin = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData("0", "")]
    [InlineData("1", "policy/a")]
    [InlineData("2", "policy/a policy/b")]
    [InlineData("3", "policy/b")]
    [InlineData("@0", "")]
    [InlineData("@1", "")]
    [InlineData("@2", "policy/a")]
    [InlineData("@4", "policy/a")]
    [InlineData("@5", "policy/a policy/b")]
    [InlineData("@7", "policy/b")]
    [InlineData("2030-01-01T00:02:00Z", "policy/a")]
    [InlineData("2030-01-01 00:05", "policy/a policy/b")]
    [InlineData("2029-01-01", "")]
    [InlineData("2040-01-01", "policy/b")]
    public async Task The_configuration_is_known_at_any_moment(string at, string items)
    {
        Assert.True(Moment.TryParse(at, out var moment));
        var then = await RunningConfigurationProjection.AtAsync(Journal(), moment, CancellationToken.None);
        Assert.Equal(items, string.Join(' ', then!.Configuration.Ordered().Select(i => i.Key)));
    }

    [Theory]
    [InlineData("4")]
    [InlineData("@8")]
    public async Task A_moment_that_the_journal_has_not_reached_is_none(string at)
    {
        Assert.True(Moment.TryParse(at, out var moment));
        Assert.Null(await RunningConfigurationProjection.AtAsync(Journal(), moment, CancellationToken.None));
        Assert.Null(await SaInventory.AtAsync(Journal(), moment, CancellationToken.None));
    }

    [Theory]
    [InlineData("")]
    [InlineData("@")]
    [InlineData("-1")]
    [InlineData("@-1")]
    [InlineData("yesterday")]
    [InlineData("01.02.2030")]
    [InlineData("99999999999999999999")]
    public void What_is_no_moment_is_not_taken_for_one(string text) => Assert.False(Moment.TryParse(text, out _));

    [Fact]
    public async Task A_transaction_that_was_cut_off_never_counts()
    {
        // Two puts of a transaction that never ended, facts in between, then a whole one.
        GatewayEvent[] events =
        [
            Put("lost1"), Put("lost2"), new GatewayStopped("power"), new GatewayStarted("1", "b"), Put("kept"), new IkeSaClosed(new(1), new("c"), "deleted-by-peer"), new TransactionCommitted(1, 1, "why"), Put("lost3"),
        ];
        var state = await RunningConfigurationProjection.AtAsync(Stored(events), null, CancellationToken.None);
        Assert.Equal("policy/kept", Assert.Single(state!.Configuration.Keys).ToString());
        var told = await TrailAsync(Stored(events), new AuditFilter());
        Assert.Equal([3, 4, 5, 6, 7], told.Select(e => (int)e.Position));
        Assert.Equal([null, null, 1L, null, 1L], told.Select(e => e.Revision));
    }

    [Fact]
    public async Task The_trail_tells_revision_and_reason_with_each_change()
    {
        var told = await TrailAsync(Journal(), new AuditFilter());
        Assert.Equal([1, 2, 3, 4, 5, 6, 7], told.Select(e => (int)e.Position));
        Assert.Equal([1, 1, null, 2, 2, 3, 3], told.Select(e => e.Revision));
        Assert.Equal(["one", "one", null, "two", "two", null, null], told.Select(e => e.Reason));
        Assert.All(told, e => Assert.EndsWith(".", e.Summary, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("policy/a", null, null, "1 6")]
    [InlineData(null, "1", null, "3 4 5 6 7")]
    [InlineData(null, "@2", "@5", "3 4 5")]
    [InlineData(null, null, "1", "1 2")]
    [InlineData("connection/c", null, null, "3")]
    [InlineData(null, "2030-01-01T00:04:00Z", null, "5 6 7")]
    [InlineData("policy/none", null, null, "")]
    public async Task The_trail_is_filtered_by_item_and_time(string? item, string? since, string? until, string positions)
    {
        var from = Moment.TryParse(since, out var after) ? after : null;
        var to = Moment.TryParse(until, out var before) ? before : null;
        var told = await TrailAsync(Journal(), new AuditFilter(ItemKey.TryParse(item, out var key) ? key : null, from, to));
        Assert.Equal(positions, string.Join(' ', told.Select(e => e.Position)));
    }

    [Fact]
    public void Every_event_is_told_in_a_sentence_of_its_own() =>
        Assert.All(EventSamples.ByName.Values, e => Assert.False(EventSummary.Of(e) == e.GetType().Name, e.GetType().Name));

    [Fact]
    public async Task The_inventory_follows_the_life_of_SAs()
    {
        GatewayEvent[] life =
        [
            Ike(1), Child(10, 1),
            Child(11, 1, replaces: 10), new ChildSaClosed(new(10), new(1), new("c"), new("n"), "rekeyed"),
            Ike(2, replaces: 1), new ChildSasInherited(new(1), new(2)), new IkeSaClosed(new(1), new("c"), "rekeyed"),
            new IkeSaEndpointChanged(new(2), IPAddress.Parse("198.51.100.1"), 4500, IPAddress.Parse("203.0.113.9"), 61000),
            new IkeSaFailed(new("c"), true, IPAddress.Parse("203.0.113.9"), null, "timeout", "No answer."),
            new IkeSaClosed(new(2), new("c"), "dpd-timeout"),
        ];
        async Task<SaInventory> After(int count) => (await SaInventory.AtAsync(Stored(life), new Moment.AtPosition(count), CancellationToken.None))!;
        Assert.Equal([1UL, 10UL], (await After(2)) is var a ? a.IkeSas.Keys.Concat(a.ChildSas.Keys) : []);
        Assert.Equal([10UL, 11UL], (await After(3)).ChildSas.Keys);
        Assert.Equal([11UL], (await After(4)).ChildSas.Keys);
        var rekeyed = await After(7);
        Assert.Equal([2UL], rekeyed.IkeSas.Keys);
        Assert.Equal(new IkeSaId(2), rekeyed.ChildSas[11].IkeSa);
        var moved = await After(8);
        Assert.Equal((IPAddress.Parse("203.0.113.9"), 61000), (moved.IkeSas[2].Established.RemoteAddress, moved.IkeSas[2].Established.RemotePort));
        Assert.Equal(IPAddress.Parse("203.0.113.9"), moved.ChildSas[11].Parameters.RemoteAddress);
        Assert.Equal("timeout", (await After(9)).LastFailures[new("c")].Reason);
        var gone = await After(10);
        Assert.Equal((0, 0, 2UL, 11UL), (gone.IkeSas.Count, gone.ChildSas.Count, gone.LastIkeSaId, gone.LastChildSaId));
    }

    [Fact]
    public void A_difference_names_the_fields()
    {
        var from = RunningConfiguration.Empty.With([Of("a", 1), Of("b", 1), Secret(1)], 1);
        var to = RunningConfiguration.Empty.With([Of("b", 2), Of("c", 1), Secret(2)], 2);
        var differences = ConfigurationDiff.Between(from, to);
        Assert.Equal(["secret/s Change", "policy/a Delete", "policy/b Change", "policy/c Put"], differences.Select(d => $"{d.Key} {d.Kind}"));
        Assert.Equal(["secret", "priority"], differences.SelectMany(d => d.Fields).Select(f => f.Path));
        Assert.Equal(("1", "2"), (differences[2].Fields[0].From!.ToJsonString(), differences[2].Fields[0].To!.ToJsonString()));
        Assert.Empty(ConfigurationDiff.Between(to, to));

        static ItemChange Of(string name, int priority) => Change(new("policy", name), new PolicySpec { Action = PolicyAction.Bypass, Priority = priority });
        static ItemChange Secret(int slot) => Change(new("secret", "s"), new SecretSpec { Type = SecretType.Ike, Handle = new KeyHandle((UInt128)slot) });
        static ItemChange Change(ItemKey key, ItemSpec spec) => new(key, new Item(key, spec));
    }

    [Fact]
    public async Task An_event_that_is_not_known_ends_the_reading_with_its_position()
    {
        var journal = new Gateway.Host.Journal.MemoryJournal();
        await using var sequencer = new Gateway.Host.Journal.JournalSequencer(journal, JournalHead.Empty, e => e is GatewayStopped ? ("future.thing.v9", "{}"u8.ToArray()) : EventCatalog.Encode(e));
        await sequencer.Append([new GatewayStarted("1", "b"), new GatewayStopped("x")], new Gateway.Host.Journal.EventContext(Principal.Gateway, _begin), Durability.Synced).Stored;
        var damaged = await Assert.ThrowsAsync<JournalDamagedException>(() => RunningConfigurationProjection.AtAsync(journal.EventsAsync(1, CancellationToken.None), null, CancellationToken.None));
        Assert.Equal(2, damaged.Position);
        Assert.Contains("future.thing.v9", damaged.Message, StringComparison.Ordinal);
    }

    private static IAsyncEnumerable<JournalEvent> Journal() => Stored(
    [
        Put("a"), new TransactionCommitted(1, 1, "one"),
        new IkeSaFailed(new("c"), true, IPAddress.Loopback, null, "timeout", "No answer."),
        Put("b"), new TransactionCommitted(2, 1, "two"),
        new ItemDeleted(new("policy", "a")), new TransactionCommitted(3, 1, null),
    ]);

    private static ItemPut Put(string name) => new(new("policy", name), new PolicySpec { Action = PolicyAction.Bypass });

    private static IkeSaEstablished Ike(ulong id, ulong? replaces = null) => (IkeSaEstablished)EventSamples.ByName["ike.sa-established.v1"] with
    {
        Id = new(id),
        Connection = new("c"),
        Replaces = replaces is { } old ? new(old) : null,
    };

    private static ChildSaInstalled Child(ulong id, ulong ike, ulong? replaces = null)
    {
        var sample = (ChildSaInstalled)EventSamples.ByName["ike.child-installed.v1"];
        return sample with { Parameters = sample.Parameters with { Id = new(id), IkeSa = new(ike), Connection = new("c") }, Replaces = replaces is { } old ? new(old) : null };
    }

    /// <summary>Position n is stored n minutes after the beginning.</summary>
    private static async IAsyncEnumerable<JournalEvent> Stored(IReadOnlyList<GatewayEvent> events)
    {
        for (var i = 0; i < events.Count; i++)
        {
            await Task.CompletedTask;
            var (name, data) = EventCatalog.Encode(events[i]);
            var envelope = new Envelope { Position = i + 1, Subject = events[i].Subject, Name = name, Time = _begin.AddMinutes(i + 1), Principal = Principal.Gateway, Data = data, Hash = default };
            yield return new JournalEvent(envelope, EventCatalog.Decode(envelope));
        }
    }

    private static async Task<List<AuditEntry>> TrailAsync(IAsyncEnumerable<JournalEvent> events, AuditFilter filter)
    {
        var entries = new List<AuditEntry>();
        await foreach (var entry in AuditTrail.ReadAsync(events, filter, CancellationToken.None)) entries.Add(entry);
        return entries;
    }
}
