using Gateway.Host.Journal;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Pages;
using Gateway.Policy;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Journal;
using Microsoft.Data.Sqlite;
using Xunit;

namespace Gateway.Unit.Journal.Pages;

/// <summary>Pages of octets, held to the envelopes that they stand for.</summary>
public sealed class EventPageTests : IDisposable
{
    private static readonly string[] _texts = ["", "gateway", "connection/grüße", "ike-sa/12", "a\0b", new string('x', 300), "😀"];

    private readonly JournalWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_page_gives_back_what_it_was_made_of(int seed)
    {
        var recurring = new RecurringValues();
        var random = new Random(seed);
        for (var round = 0; round < 50; round++)
        {
            var events = Chain(random, random.Next(1, JournalPages.Length));
            using var page = EventPage.Of(events);
            Assert.Equal(events, page.ToEnvelopes(recurring));
            Assert.Equal(new JournalHead(events[^1].Position, events[^1].Hash), page.Last);
            Assert.Null(ChainFault.Of(Before(events), page, out var sound));
            Assert.Equal(events.Count, sound);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void The_first_changed_event_is_found_as_one_by_one(int seed)
    {
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var events = Chain(random, random.Next(1, JournalPages.Length));
            var at = random.Next(events.Count);
            events[at] = Changed(random, events[at]);
            if (random.Next(3) == 0) events[random.Next(events.Count)] = Changed(random, events[at]);
            var (head, expected, before) = (Before(events), (ChainFault?)null, 0);
            foreach (var e in events)
            {
                expected = ChainFault.Of(head, e);
                if (expected is not null) break;
                head = new JournalHead(e.Position, e.Hash);
                before++;
            }

            using var page = EventPage.Of(events);
            Assert.NotNull(expected);
            Assert.Equal((expected, before), (ChainFault.Of(Before(events), page, out var sound), sound));
        }
    }

    [Fact]
    public async Task Every_row_of_a_database_comes_out_as_it_was_stored()
    {
        var random = new Random(5);
        var events = new List<Envelope>();
        await using (var journal = new SqliteJournal(_world.Db, "gw"))
        {
            var head = await journal.OpenAsync(default);
            // More than some pages; some of them full by their octets, one by a single event.
            for (var i = 0; i < 12; i++)
            {
                var some = Chain(random, 100, head, large: i % 3 == 1);
                await journal.AppendAsync(new AppendBatch(some, [], Durability.Soon), default);
                head = new JournalHead(some[^1].Position, some[^1].Hash);
                events.AddRange(some);
            }
        }

        await using var reader = SqliteJournal.OpenForReading(_world.Db);
        foreach (var from in (long[])[1, 2, 257, 600, events.Count, events.Count + 1])
        {
            var read = new List<Envelope>();
            await foreach (var e in reader.ReadAsync(from, default)) read.Add(e);
            Assert.Equal(events.Skip((int)from - 1), read);
            var (recurring, paged) = (new RecurringValues(), new List<Envelope>());
            await foreach (var page in EventPages.Of(reader, from, default))
            {
                using (page) paged.AddRange(page.ToEnvelopes(recurring));
            }

            Assert.Equal(read, paged);
        }

        Assert.Null((await JournalVerifier.VerifyAsync(reader, null, default)).Problem);
    }

    [Theory]
    [InlineData("UPDATE events SET hash = x'00' WHERE position = 300", 300)]
    [InlineData("UPDATE events SET hash = '' WHERE position = 300", 300)]
    [InlineData("UPDATE events SET time = -5 WHERE position = 300", 300)]
    [InlineData("UPDATE events SET time = 9223372036854775807 WHERE position = 300", 300)]
    [InlineData("UPDATE events SET command_id = '' WHERE position = 300", 300)]
    [InlineData("UPDATE events SET issuer = '' WHERE position = 300", 300)]
    [InlineData("UPDATE events SET cause = 5 WHERE position = 300", 300)]
    [InlineData("UPDATE events SET subject = 7 WHERE position = 300", 300)]
    [InlineData("UPDATE events SET subject = CAST(x'c3' AS TEXT) WHERE position = 300", 300)]
    [InlineData("UPDATE events SET data = '' WHERE position = 300", 300)]
    [InlineData("DELETE FROM events WHERE position = 300", 300)]
    [InlineData("UPDATE events SET position = 7000 WHERE position = 300", 300)]
    [InlineData("UPDATE events SET data = zeroblob(1000000) WHERE position = 256", 256)]
    public async Task A_row_that_was_tampered_with_is_named(string sql, long first)
    {
        var random = new Random(6);
        await using (var journal = new SqliteJournal(_world.Db, "gw"))
        {
            var head = await journal.OpenAsync(default);
            var events = Chain(random, 600, head);
            for (var i = 0; i < events.Count; i++) events[i] = events[i] with { CommandId = null, Issuer = null, Cause = null };
            Rechain(events, head);
            await journal.AppendAsync(new AppendBatch(events, [], Durability.Soon), default);
        }

        using (var connection = new SqliteConnection($"Data Source={_world.Db};Pooling=False"))
        {
            connection.Open();
            using var command = connection.CreateCommand();
            command.CommandText = sql;
            command.ExecuteNonQuery();
        }

        await using var reader = SqliteJournal.OpenForReading(_world.Db);
        Assert.Equal(first, (await JournalVerifier.VerifyAsync(reader, null, default)).FirstBad);
        var damage = await Assert.ThrowsAsync<JournalDamagedException>(async () =>
        {
            await foreach (var page in JournalReplay.PagesAsync(reader, JournalHead.Empty, AnyReader, default)) Assert.True(page.Count > 0);
        });
        Assert.Equal(first, damage.Position);
    }

    /// <summary>Reads every event of the chain below, whose data says nothing.</summary>
    private static Gateway.Policy.Events.EventReader AnyReader { get; } = new([.. _texts.Select(t => new Gateway.Policy.Events.EventRow("n" + t, typeof(Gateway.Policy.Events.GatewayStopped)))], []);

    private static JournalHead Before(List<Envelope> events) => new(events[0].Position - 1, HashChain.Genesis);

    private static List<Envelope> Chain(Random random, int count, JournalHead? after = null, bool large = false)
    {
        var head = after ?? new JournalHead(random.Next(1000), HashChain.Genesis);
        var events = new List<Envelope>();
        for (var i = 0; i < count; i++)
        {
            events.Add(new Envelope
            {
                Position = head.Position + 1 + i,
                Subject = Text(random),
                Name = "n" + Text(random),
                Time = new DateTimeOffset(random.NextInt64(DateTime.MaxValue.Ticks), TimeSpan.Zero),
                CommandId = random.Next(2) == 0 ? null : Text(random),
                Principal = new Principal(Text(random), Text(random)),
                Issuer = random.Next(2) == 0 ? null : Text(random),
                Cause = random.Next(2) == 0 ? null : random.NextInt64(),
                Data = Data(random, large),
                Hash = Octets.Empty,
            });
        }

        Rechain(events, head);
        return events;
    }

    private static void Rechain(List<Envelope> events, JournalHead head)
    {
        for (var i = 0; i < events.Count; i++)
        {
            events[i] = events[i] with { Hash = HashChain.Next(head.Hash, events[i]) };
            head = new JournalHead(events[i].Position, events[i].Hash);
        }
    }

    private static Octets Data(Random random, bool large)
    {
        // Now and then more than the lanes take, or than a page has room for at first.
        var padding = random.Next(large ? 3 : 40) == 0 ? random.Next(large ? 400_000 : 20_000) : random.Next(900);
        return new Octets([.. "{\"reason\":\""u8, .. new byte[padding].Select(_ => (byte)'x'), .. "\"}"u8]);
    }

    private static string Text(Random random) => _texts[random.Next(_texts.Length)];

    private static Envelope Changed(Random random, Envelope e) => random.Next(12) switch
    {
        0 => e with { Position = e.Position + 1 },
        1 => e with { Subject = e.Subject + "x" },
        2 => e with { Name = e.Name + "x" },
        3 => e with { Time = e.Time == DateTimeOffset.MinValue ? e.Time.AddTicks(1) : e.Time.AddTicks(-1) },
        4 => e with { CommandId = e.CommandId is null ? "" : null },
        5 => e with { Principal = new Principal(e.Principal.Door + "x", e.Principal.Name) },
        6 => e with { Principal = new Principal(e.Principal.Door, e.Principal.Name + "x") },
        7 => e with { Issuer = e.Issuer is null ? "" : null },
        8 => e with { Cause = (e.Cause ?? 0) + 1 },
        9 => e with { Data = new Octets([.. e.Data.Span, 0x20]) },
        10 => e with { Hash = new Octets([.. e.Hash.Span[1..]]) },
        _ => e with { Hash = new Octets([.. e.Hash.Span[1..], (byte)(e.Hash.Span[0] ^ 1)]) },
    };
}
