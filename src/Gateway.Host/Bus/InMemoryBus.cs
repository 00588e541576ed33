using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using System.Threading.Channels;
using Gateway.Policy.Commands;

namespace Gateway.Host.Bus;

/// <summary>
/// The bus inside the process, for a gateway that embeds none: the same commands, outcomes, notes and events under the same names, without a broker.
/// It costs nothing until somebody sends or subscribes.
/// </summary>
public sealed class InMemoryBus(BusParts parts) : IBus
{
    private const int MaxQueue = 256;

    private readonly Channel<Sent> _commands = Channel.CreateBounded<Sent>(new BoundedChannelOptions(MaxQueue) { SingleReader = true });
    private readonly ConcurrentDictionary<Channel<BusMessage>, string> _listeners = [];
    private readonly SemaphoreSlim _room = new(MaxQueue);
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;

    public BusCounters Counters { get; } = new();

    public string Status => "in-memory";

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _loop = LoopAsync();
        return Task.CompletedTask;
    }

    /// <summary>Sends a command and gives its outcome; waits while the queue is full. Commands are decided in the order of the calls.</summary>
    /// <param name="user">The sender; within the process it needs no proof.</param>
    public async Task<Outcome> SendAsync(ReadOnlyMemory<byte> command, string? user, CancellationToken cancellationToken)
    {
        var sent = new Sent(new BusDelivery { Body = command, UserId = user });
        await _commands.Writer.WriteAsync(sent, cancellationToken).ConfigureAwait(false);
        return await sent.Outcome.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>
    /// The messages on <see cref="BusNames.Events"/> whose routing key matches <paramref name="pattern"/>: events from position <paramref name="from"/>
    /// on, and outcomes from now on.
    /// </summary>
    public async IAsyncEnumerable<BusMessage> ListenAsync(string pattern, long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _stop.Token);
        var listener = Channel.CreateBounded<BusMessage>(MaxQueue);
        _listeners.TryAdd(listener, pattern);
        var following = FollowAsync(listener, pattern, from, over.Token);
        try
        {
            await foreach (var message in listener.Reader.ReadAllAsync(over.Token).ConfigureAwait(false)) yield return message;
        }
        finally
        {
            _listeners.TryRemove(listener, out _);
            await over.CancelAsync().ConfigureAwait(false);
            await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async ValueTask DisposeAsync()
    {
        _commands.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
    }

    private async Task LoopAsync()
    {
        var intake = new CommandIntake(parts, Counters);
        await foreach (var sent in _commands.Reader.ReadAllAsync().ConfigureAwait(false))
        {
            // So many have no outcome yet, so many wait; whoever sends more waits with them.
            await _room.WaitAsync(_stop.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            _ = AnswerAsync(sent, intake.TakeAsync(sent.Delivery, _stop.Token));
        }

    }

    private async Task AnswerAsync(Sent sent, Task<Intake> intake)
    {
        var taken = await intake.ConfigureAwait(false);
        _room.Release();
        switch (taken)
        {
            case Intake.Answered answered:
                if (answered.Note is null) Publish(BusMessage.OfOutcome(parts.GatewayId, answered.Outcome, BusMessage.Json(answered.Outcome), sent.Delivery));
                else Counters.CountNote();
                Counters.CountReply();
                sent.Outcome.TrySetResult(answered.Outcome);
                break;
            case Intake.NotNow notNow:
                // There is no broker to keep it: the sender does.
                sent.Outcome.TrySetResult(new Outcome { Id = "", Status = OutcomeStatus.Rejected, Errors = [new CommandError("", "$", ErrorCode.Unavailable, notNow.Why)] });
                break;
        }
    }

    // A listener that does not read loses outcomes, never events: those wait in the journal.
    private void Publish(BusMessage message)
    {
        foreach (var (listener, pattern) in _listeners)
            if (TopicPattern.Matches(pattern, message.RoutingKey)) listener.Writer.TryWrite(message);
    }

    private async Task FollowAsync(Channel<BusMessage> listener, string pattern, long from, CancellationToken stop)
    {
        try
        {
            await foreach (var e in parts.Journal.FollowAsync(from, stop).ConfigureAwait(false))
            {
                var message = BusMessage.OfEvent(parts.GatewayId, e);
                if (!TopicPattern.Matches(pattern, message.RoutingKey)) continue;
                await listener.Writer.WriteAsync(message, stop).ConfigureAwait(false);
                Counters.CountEvents(1);
            }
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            listener.Writer.TryComplete(e);
        }
    }

    private sealed record Sent(BusDelivery Delivery)
    {
        public TaskCompletionSource<Outcome> Outcome { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}
