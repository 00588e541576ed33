using System.Text;
using System.Text.Json;
using Gateway.Host.Appliance;
using Gateway.Host.Bus;
using Gateway.Host.Journal;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Journal;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class InMemoryBusTests : IAsyncDisposable
{
    private readonly MemoryJournal _journal = new();
    private readonly List<(string Body, Principal Principal)> _taken = [];

    private Func<string, Task<Outcome>> Answer { get; set; } = id => Task.FromResult(new Outcome { Id = id, Status = OutcomeStatus.Accepted, Revision = 1 });

    [Fact]
    public async Task Commands_are_handed_on_in_order_without_waiting_for_each_others_outcome()
    {
        var gates = Enumerable.Range(0, 10).ToDictionary(i => $"{i}", _ => new TaskCompletionSource<Outcome>(TaskCreationOptions.RunContinuationsAsynchronously));
        Answer = id => gates[id].Task;
        await using var bus = await StartAsync();
        var answers = Enumerable.Range(0, 10).Select(i => bus.SendAsync(Encoding.UTF8.GetBytes($"{i}"), "onap", TestContext.Current.CancellationToken)).ToList();

        // The last one's outcome comes first.
        foreach (var i in Enumerable.Range(0, 10).Reverse())
        {
            gates[$"{i}"].SetResult(new Outcome { Id = $"{i}", Status = OutcomeStatus.Accepted });
            Assert.Equal($"{i}", (await answers[i]).Id);
        }

        Assert.Equal(Enumerable.Range(0, 10).Select(i => ($"{i}", new Principal("bus", "user:onap"))), _taken);
    }

    [Fact]
    public async Task Events_and_outcomes_are_heard_under_the_names_that_they_have_on_a_broker()
    {
        await AppendAsync(1, "config.interface-put.v1");
        await AppendAsync(2, "ike.sa-closed.v1");
        await using var bus = await StartAsync();
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(TestContext.Current.CancellationToken);
        var heard = new List<BusMessage>();
        await foreach (var message in bus.ListenAsync("#", 1, stop.Token))
        {
            heard.Add(message);
            if (heard.Count == 2) await bus.SendAsync("7"u8.ToArray(), null, stop.Token);
            if (heard.Count == 3) break;
        }

        Assert.Equal(["event.edge1.config.interface-put.v1", "event.edge1.ike.sa-closed.v1", "outcome.edge1.accepted"], heard.Select(m => m.RoutingKey));
        var first = JsonDocument.Parse(heard[0].Body).RootElement;
        Assert.Equal(1, first.GetProperty("position").GetInt64());
        Assert.Equal("http:uid:0", first.GetProperty("principal").GetString());
        Assert.Equal("wan", first.GetProperty("data").GetProperty("name").GetString());
    }

    [Fact]
    public async Task What_is_too_large_is_refused_unread()
    {
        await using var bus = await StartAsync();
        var outcome = await bus.SendAsync(new byte[10_000_000], null, TestContext.Current.CancellationToken);
        Assert.Equal("too-large", Assert.Single(outcome.Errors).Code);
        Assert.Empty(_taken);
        Assert.Equal(1, bus.Counters.TooLarge);
        Assert.Equal(1, bus.Counters.Notes);
    }

    [Fact]
    public async Task When_there_can_be_no_outcome_the_sender_is_told_to_send_again()
    {
        Answer = _ => throw new InvalidOperationException("canary");
        await using var bus = await StartAsync();
        var outcome = await bus.SendAsync("1"u8.ToArray(), null, TestContext.Current.CancellationToken);
        Assert.Equal("unavailable", Assert.Single(outcome.Errors).Code);
        Assert.DoesNotContain("canary", outcome.ToString(), StringComparison.Ordinal);
    }

    public ValueTask DisposeAsync() => _journal.DisposeAsync();

    private async Task<InMemoryBus> StartAsync()
    {
        var bus = (InMemoryBus)BusFactory.Create(new BusParts
        {
            Section = new BusSection(),
            GatewayId = "edge1",
            LastPosition = () => 0,
            Handle = (body, principal, _) =>
            {
                var id = Encoding.UTF8.GetString(body.Span);
                _taken.Add((id, principal));
                return Answer(id);
            },
            Journal = _journal,
            CheckpointPath = "unused",
            Log = NullLogger.Instance,
        });
        await bus.StartAsync(CancellationToken.None);
        Assert.Equal("in-memory", bus.Status);
        return bus;
    }

    private ValueTask AppendAsync(long position, string name) => _journal.AppendAsync(
        new AppendBatch(
            [new Envelope { Position = position, Subject = "interface/wan", Name = name, Time = DateTimeOffset.UnixEpoch, Principal = new Principal("http", "uid:0"), Data = """{"name":"wan"}"""u8.ToArray(), Hash = new byte[32] }],
            [],
            Durability.Synced),
        CancellationToken.None);
}
