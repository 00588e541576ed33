using System.Text.Json;
using Gateway.Host.Bus;
using RabbitMQ.Client;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>A broker that is not there, dies and comes back: the gateway serves its other doors on, and the bus catches up.</summary>
public sealed class BrokerOutageTests
{
    [Fact]
    public async Task A_broker_that_is_absent_at_start_and_killed_later_gets_every_event_in_the_end_and_every_command_its_outcome()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        await broker.KillAsync();
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status.StartsWith("not connected since ", StringComparison.Ordinal)), gateway.Bus.Status);
        await gateway.ByHandAsync(Loopback(1));
        Assert.Equal(1, gateway.Handler.Running.Revision);

        await broker.StartAgainAsync(TestContext.Current.CancellationToken);
        await gateway.ConnectedAsync();
        // Whoever wants to miss nothing has a durable queue; this one comes after the first events.
        await using (var follower = await Orchestrator.ConnectAsync(broker.Uri))
        {
            await follower.Channel.QueueDeclareAsync("follower", durable: true, exclusive: false, autoDelete: false);
            await follower.Channel.QueueBindAsync("follower", BusNames.Events, $"event.{gateway.Id}.#");
            Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events >= 2));
            var known = await gateway.StoredAsync();
            for (var i = 2; i < 40; i++) await gateway.ByHandAsync(Loopback(i));
            await follower.SendAsync(gateway.Id, System.Text.Encoding.UTF8.GetBytes(Loopback(40)));
            Assert.True(await BusWorld.Eventually(() => gateway.Handler.Running.Revision == 40));
            await broker.KillAsync();
            for (var i = 41; i < 80; i++) await gateway.ByHandAsync(Loopback(i));
            Assert.Equal(79, gateway.Handler.Running.Revision);
            Assert.True(await BusWorld.Eventually(() => gateway.Bus.Status.StartsWith("not connected since ", StringComparison.Ordinal)), gateway.Bus.Status);

            await broker.StartAgainAsync(TestContext.Current.CancellationToken);
            await gateway.ConnectedAsync();
            await AssertContiguousAsync(broker, gateway, known.Count + 1);
        }

        await using var sender = await Orchestrator.ConnectAsync(broker.Uri);
        var outcome = await sender.AskAsync(gateway.Id, Loopback(80));
        Assert.Equal("accepted", outcome.GetProperty("status").GetString());
        Assert.DoesNotContain(gateway.Log, l => l.Contains("guest", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_gateway_that_starts_again_goes_on_publishing_where_it_stopped()
    {
        await using var broker = await PrivateBroker.StartAsync(TestContext.Current.CancellationToken);
        await using var gateway = await BusWorld.StartAsync(broker.Uri);
        await gateway.ConnectedAsync();
        await gateway.ByHandAsync(Loopback(1));
        var before = await gateway.StoredAsync();
        Assert.True(await BusWorld.Eventually(() => gateway.Bus.Counters.Events == before.Count));
        await gateway.Bus.DisposeAsync();
        Assert.Equal("stopped", gateway.Bus.Status);
        await using var follower = await Orchestrator.ConnectAsync(broker.Uri);
        var events = await follower.FollowAsync(BusNames.Events, "event.#");

        // What was sent while it was away waits in the queue.
        await follower.SendAsync(gateway.Id, System.Text.Encoding.UTF8.GetBytes(Loopback(2)));
        await gateway.StartBusAsync(broker.Uri);

        Assert.True(await BusWorld.Eventually(() => gateway.Handler.Running.Revision == 2));
        var stored = await gateway.StoredAsync();
        Assert.True(await BusWorld.Eventually(() => events.Count == stored.Count - before.Count));
        Assert.Equal(stored.Skip(before.Count).Select(e => e.Position), events.Select(e => e.Body.GetProperty("position").GetInt64()));
    }

    private static async Task AssertContiguousAsync(PrivateBroker broker, BusWorld gateway, long from)
    {
        var stored = await gateway.StoredAsync();
        await using var reader = await Orchestrator.ConnectAsync(broker.Uri);
        var seen = new List<long>();
        Assert.True(await BusWorld.Eventually(() =>
        {
            while (reader.Channel.BasicGetAsync("follower", autoAck: true).Result is { } message)
                seen.Add(JsonDocument.Parse(message.Body).RootElement.GetProperty("position").GetInt64());
            return seen.Count > 0 && seen.Max() == stored[^1].Position;
        }));
        var firsts = seen.Distinct().ToList();
        Assert.Equal(Enumerable.Range((int)from, (int)(stored[^1].Position - from) + 1).Select(p => (long)p), firsts.Where(p => p >= from));
    }

    private static string Loopback(int n) =>
        $$$"""{"id":"c{{{n}}}","put":[{"kind":"interface","name":"lo{{{n}}}","spec":{"type":"loopback","addresses":["10.9.0.{{{n}}}/32"]}}]}""";
}
