using System.Text;
using Gateway.Host.Bus;
using Gateway.Host.Bus.Replay;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class EventMessageTests
{
    public static TheoryData<int> Seeds => [1, 2, Environment.TickCount & 0xffff];

    [Theory]
    [MemberData(nameof(Seeds))]
    public void An_event_is_written_as_its_record_says(int seed)
    {
        var random = new Random(seed);
        for (var i = 0; i < 300; i++)
        {
            var e = Event(i + 1, random);
            Assert.True(BusMessage.Json(EventMessage.Of(e)).AsSpan().SequenceEqual(EventMessage.Write(e)), $"seed {seed}: {Encoding.UTF8.GetString(EventMessage.Write(e))}");
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public async Task A_replay_has_every_event_that_was_asked_for_in_pieces_of_a_bounded_size(int seed)
    {
        var random = new Random(seed);
        var stored = Enumerable.Range(1, 3000).Select(i => Event(i, random, large: i % 500 == 0)).ToList();
        await using var journal = new MemoryJournal();
        await journal.AppendAsync(new AppendBatch(stored, [], Durability.Synced), TestContext.Current.CancellationToken);
        for (var round = 0; round < 20; round++)
        {
            var from = random.Next(1, 3100);
            var request = new ReplayRequest { From = from, To = random.Next(2) == 0 ? null : random.Next(from, 3500), Limit = random.Next(2) == 0 ? null : random.Next(1, 2000) };
            var pieces = new List<System.Text.Json.JsonElement>();
            await foreach (var piece in ReplayAnswer.PiecesAsync(request, "edge1", journal, 3000, TestContext.Current.CancellationToken))
            {
                Assert.True(piece.Length < ReplayAnswer.MaxBytes + 100_000);
                pieces.Add(System.Text.Json.JsonElement.Parse(piece.Span));
            }

            var wanted = stored.Where(e => e.Position >= from && e.Position <= (request.To ?? long.MaxValue)).Take(request.Limit ?? int.MaxValue).ToList();
            var got = pieces.SelectMany(p => p.GetProperty("events").EnumerateArray()).ToList();
            Assert.True(wanted.Select(e => e.Position).SequenceEqual(got.Select(e => e.GetProperty("position").GetInt64())), $"seed {seed}, {request}");
            Assert.All(pieces, p => Assert.True(p.GetProperty("events").GetArrayLength() <= ReplayAnswer.MaxBatch));
            Assert.Equal(Enumerable.Repeat(false, pieces.Count - 1).Append(true), pieces.Select(p => p.GetProperty("last").GetBoolean()));
            Assert.All(pieces, p => Assert.Equal((3000, "edge1"), (p.GetProperty("head").GetInt64(), p.GetProperty("gateway").GetString())));
        }
    }

    private static Envelope Event(long position, Random random, bool large = false) => new()
    {
        Position = position,
        Subject = $"interface/wän-{position}",
        Name = "config.interface-put.v1",
        Time = DateTimeOffset.UnixEpoch.AddTicks(random.NextInt64(TimeSpan.TicksPerDay * 20_000)),
        CommandId = random.Next(2) == 0 ? null : $"c \"{position}\" <&>",
        Principal = new Principal("bus", "user:onap"),
        Issuer = random.Next(2) == 0 ? null : "órchestrator\u007f",
        Cause = random.Next(2) == 0 ? null : position - 1,
        Data = new Octets(Encoding.UTF8.GetBytes($$$"""{"name":"wan","spec":{"type":"tap","note":"{{{new string('x', large ? 90_000 : random.Next(40))}}}"}}""")),
        Hash = new Octets(new byte[32]),
    };
}
