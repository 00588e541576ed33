using System.Text;
using System.Text.Json;
using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Gateway.Host.Bus.Replay;
using RabbitMQ.Client;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>A follower that missed something asks for it over the bus, and gets it in bounded pieces without a gap.</summary>
public sealed class ReplayTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    [Fact]
    public async Task A_follower_that_sees_a_gap_asks_for_it_and_has_every_event_once()
    {
        await using var gateway = await StartAsync(700);
        await using var follower = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        // It was not there for the first events; of the rest it loses one.
        var live = await follower.FollowAsync(BusNames.Events, $"event.{gateway.Id}.#");
        await gateway.ByHandAsync(Loopback(700));
        Assert.True(await BusWorld.Eventually(() => live.Count >= 2));

        var missed = live.Min(e => e.Body.GetProperty("position").GetInt64());
        var pieces = await AskAsync(follower, gateway.Id, $$"""{"from":1,"to":{{missed - 1}}}""");

        var stored = await gateway.StoredAsync();
        var positions = pieces.SelectMany(p => p.GetProperty("events").EnumerateArray()).Select(e => e.GetProperty("position").GetInt64()).ToList();
        Assert.Equal(Enumerable.Range(1, (int)missed - 1).Select(p => (long)p), positions);
        Assert.True(pieces.Count > 1);
        Assert.All(pieces, p => Assert.True(p.GetProperty("events").GetArrayLength() <= 256));
        Assert.All(pieces.SkipLast(1), p => Assert.False(p.GetProperty("last").GetBoolean()));
        Assert.True(pieces[^1].GetProperty("last").GetBoolean());
        Assert.Equal(stored[^1].Position, pieces[^1].GetProperty("head").GetInt64());
        Assert.False(pieces[^1].TryGetProperty("next", out _));
        // Word for word as it was published first.
        var again = await AskAsync(follower, gateway.Id, $$"""{"from":{{missed}},"limit":1}""");
        Assert.Equal(live.First(e => e.Body.GetProperty("position").GetInt64() == missed).Body.GetRawText(), again.Single().GetProperty("events")[0].GetRawText());
    }

    [Fact]
    public async Task Who_wants_more_than_one_answer_holds_is_told_where_to_go_on()
    {
        await using var gateway = await StartAsync(5100);
        await using var follower = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var (from, seen) = (1L, new List<long>());
        for (var answers = 0; ; answers++)
        {
            Assert.True(answers < 5);
            var pieces = await AskAsync(follower, gateway.Id, $$"""{"from":{{from}}}""");
            var positions = pieces.SelectMany(p => p.GetProperty("events").EnumerateArray()).Select(e => e.GetProperty("position").GetInt64()).ToList();
            Assert.True(positions.Count <= ReplayRequest.MaxEvents);
            seen.AddRange(positions);
            if (!pieces[^1].TryGetProperty("next", out var next)) break;
            from = next.GetInt64();
        }

        Assert.Equal((await gateway.StoredAsync()).Select(e => e.Position), seen);
        Assert.True(seen.Count > ReplayRequest.MaxEvents);
    }

    [Fact]
    public async Task Beyond_the_head_there_is_an_empty_answer_that_tells_the_head()
    {
        await using var gateway = await StartAsync(3);
        await using var follower = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var piece = Assert.Single(await AskAsync(follower, gateway.Id, """{"from":1000000}"""));
        Assert.Equal((0, 6, true), (piece.GetProperty("events").GetArrayLength(), piece.GetProperty("head").GetInt64(), piece.GetProperty("last").GetBoolean()));
    }

    [Theory]
    [InlineData("{", "malformed-json")]
    [InlineData("[]", "wrong-type")]
    [InlineData("{}", "missing-field")]
    [InlineData("""{"from":0}""", "out-of-range")]
    [InlineData("""{"from":-9223372036854775808}""", "out-of-range")]
    [InlineData("""{"from":9,"to":3}""", "out-of-range")]
    [InlineData("""{"from":1,"limit":10001}""", "out-of-range")]
    [InlineData("""{"from":1,"everything":true}""", "unknown-field")]
    [InlineData("""{"from":"1"}""", "wrong-type")]
    [InlineData("big", "too-large")]
    public async Task A_request_that_is_none_gets_one_clear_error(string request, string code)
    {
        await using var gateway = await StartAsync(1);
        await using var follower = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        var piece = Assert.Single(await AskAsync(follower, gateway.Id, request == "big" ? new string(' ', 2000) + """{"from":1}""" : request));
        Assert.Equal(code, piece.GetProperty("error").GetProperty("code").GetString());
    }

    [Fact]
    public async Task Who_may_not_ask_is_refused_and_an_address_that_is_none_harms_nobody()
    {
        await using var gateway = await StartAsync(10, new AuthorizationSection { Rules = [new AuthorizationRule { Who = ["bus:user:guest"], Replay = true }] });
        await using var follower = await Orchestrator.ConnectAsync(shared.Broker.Uri);
        Assert.Equal("forbidden", Assert.Single(await AskAsync(follower, gateway.Id, """{"from":1}""", user: null)).GetProperty("error").GetProperty("code").GetString());
        foreach (var to in new[] { "no-such-queue", BusNames.CommandQueue(gateway.Id), "a\nb", new string('x', 255), null })
            await follower.Channel.BasicPublishAsync(BusNames.Replays, gateway.Id, mandatory: true, new BasicProperties { UserId = "guest", ReplyTo = to }, """{"from":1}"""u8.ToArray());
        Assert.Equal(20, (await AskAsync(follower, gateway.Id, """{"from":1}""")).Sum(p => p.GetProperty("events").GetArrayLength()));
        Assert.Equal((5, 0), (gateway.Bus.Counters.RepliesLost, gateway.Bus.Counters.Lost));
        Assert.Equal(7, gateway.Bus.Counters.Replays);
    }

    private async Task<BusWorld> StartAsync(int commands, AuthorizationSection? authorization = null)
    {
        var gateway = await BusWorld.StartAsync(shared.Broker.Uri, authorization: authorization);
        foreach (var some in Enumerable.Range(0, commands).Chunk(500)) await Task.WhenAll(some.Select(i => gateway.ByHandAsync(Loopback(i))));
        await gateway.ConnectedAsync();
        // Everything is out before somebody listens.
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events >= 2 * commands));
        return gateway;
    }

    private static async Task<List<JsonElement>> AskAsync(Orchestrator follower, string gateway, string request, string? user = "guest")
    {
        var queue = (await follower.Channel.QueueDeclareAsync()).QueueName;
        var pieces = new List<JsonElement>();
        var whole = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        await follower.ConsumeAsync(queue, (delivery, text) =>
        {
            if (delivery.BasicProperties is not { CorrelationId: "7", Type: "replay" }) return;
            pieces.Add(JsonDocument.Parse(text).RootElement);
            if (pieces[^1].GetProperty("last").GetBoolean()) whole.TrySetResult();
        });
        await follower.Channel.BasicPublishAsync(BusNames.Replays, gateway, mandatory: true, new BasicProperties { UserId = user, ReplyTo = queue, CorrelationId = "7" }, Encoding.UTF8.GetBytes(request));
        await whole.Task.WaitAsync(TimeSpan.FromSeconds(60));
        return pieces;
    }

    private static string Loopback(int n) => $$$"""{"id":"c{{{n}}}","put":[{"kind":"interface","name":"lo{{{n % 50}}}","spec":{"type":"loopback","addresses":["10.{{{n % 50}}}.{{{n / 250}}}.{{{(n % 250) + 1}}}/32"]}}]}""";
}
