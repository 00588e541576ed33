using Gateway.Host.Bus.Replay;
using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>One connection to the broker, from the declaring of the queues to its end.</summary>
internal sealed class BrokerSession : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly TaskCompletionSource<string> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Answers _answers;
    private readonly ConfirmedPublisher _replayAnswers;
    private readonly CancellationTokenSource _replaying = new();
    private IChannel? _channel;
    private IChannel? _replayChannel;
    private CommandConsumer? _consumer;
    private string? _consumerTag;

    private BrokerSession(IConnection connection, BusParts parts, BusCounters counters)
    {
        _connection = connection;
        _answers = new Answers(connection, parts, counters);
        _replayAnswers = new ConfirmedPublisher(connection);
        connection.ConnectionShutdownAsync += (_, shutdown) =>
        {
            End(shutdown.ReplyText);
            return Task.CompletedTask;
        };
    }

    /// <summary>Raised with the broker's reason when it takes no messages for a while (memory or disk alarm), and with null when it does again.</summary>
    public event Action<string?>? Blocked;

    /// <summary>Connects, declares and begins to consume.</summary>
    public static async Task<BrokerSession> OpenAsync(ConnectionFactory factory, BusParts parts, CommandIntake intake, BusCounters counters, CancellationToken stop)
    {
        var connection = await factory.CreateConnectionAsync(stop).ConfigureAwait(false);
        var session = new BrokerSession(connection, parts, counters);
        try
        {
            await session.ConsumeAsync(parts, intake, stop).ConfigureAwait(false);
            await session.ReplayAsync(parts, counters, stop).ConfigureAwait(false);
            return session;
        }
        catch
        {
            await session.DisposeAsync().ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Publishes events until the session ends; gives the reason, or null when it was stopped.</summary>
    public async Task<string?> RunAsync(EventForwarder events, CancellationToken stop)
    {
        using var over = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var forwarding = events.RunAsync(_connection, over.Token);
        var stopped = Task.Delay(Timeout.Infinite, over.Token);
        var first = await Task.WhenAny(_ended.Task, forwarding, stopped).ConfigureAwait(false);
        await over.CancelAsync().ConfigureAwait(false);
        try
        {
            await forwarding.ConfigureAwait(false);
        }
        catch (Exception) when (first != forwarding)
        {
            // It was ended with the session.
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            return null;
        }

        return stop.IsCancellationRequested ? null : first == _ended.Task ? await _ended.Task.ConfigureAwait(false) : "the journal cannot be followed";
    }

    public async ValueTask DisposeAsync()
    {
        await _replaying.CancelAsync().ConfigureAwait(false);
        if (_consumer is not null)
        {
            if (_connection.IsOpen && _channel is { IsOpen: true })
            {
                await TryAsync(() => _channel.BasicCancelAsync(_consumerTag!)).ConfigureAwait(false);
                await _consumer.DrainAsync().ConfigureAwait(false);
            }

            await _consumer.DisposeAsync().ConfigureAwait(false);
        }

        await TryAsync(() => _connection.CloseAsync(200, "bye", TimeSpan.FromSeconds(5), abort: true)).ConfigureAwait(false);
        await TryAsync(async () => await _answers.DisposeAsync().ConfigureAwait(false)).ConfigureAwait(false);
        await TryAsync(async () => await _replayAnswers.DisposeAsync().ConfigureAwait(false)).ConfigureAwait(false);
        await TryAsync(async () => await _connection.DisposeAsync().ConfigureAwait(false)).ConfigureAwait(false);
        _replaying.Dispose();
    }

    private async Task ConsumeAsync(BusParts parts, CommandIntake intake, CancellationToken stop)
    {
        _connection.ConnectionBlockedAsync += (_, blocked) =>
        {
            Blocked?.Invoke(blocked.Reason);
            return Task.CompletedTask;
        };
        _connection.ConnectionUnblockedAsync += (_, _) =>
        {
            Blocked?.Invoke(null);
            return Task.CompletedTask;
        };
        await Topology.DeclareExchangesAsync(_connection, stop).ConfigureAwait(false);
        _channel = await _connection.CreateChannelAsync(cancellationToken: stop).ConfigureAwait(false);
        _channel.ChannelShutdownAsync += (_, shutdown) =>
        {
            End(shutdown.ReplyText);
            return Task.CompletedTask;
        };
        await Topology.DeclareAsync(_channel, parts.GatewayId, stop).ConfigureAwait(false);
        await _channel.BasicQosAsync(0, CommandConsumer.Prefetch, global: false, stop).ConfigureAwait(false);
        _consumer = new CommandConsumer(_channel, parts, intake, _answers, End);
        _consumerTag = await _channel.BasicConsumeAsync(BusNames.CommandQueue(parts.GatewayId), autoAck: false, _consumer, stop).ConfigureAwait(false);
    }

    // On a channel of its own, one at a time.
    private async Task ReplayAsync(BusParts parts, BusCounters counters, CancellationToken stop)
    {
        _replayChannel = await _connection.CreateChannelAsync(cancellationToken: stop).ConfigureAwait(false);
        _replayChannel.ChannelShutdownAsync += (_, shutdown) =>
        {
            End(shutdown.ReplyText);
            return Task.CompletedTask;
        };
        await _replayChannel.BasicQosAsync(0, 1, global: false, stop).ConfigureAwait(false);
        var consumer = new ReplayConsumer(_replayChannel, parts, counters, _replayAnswers, _replaying.Token);
        await _replayChannel.BasicConsumeAsync(BusNames.ReplayQueue(parts.GatewayId), autoAck: false, consumer, stop).ConfigureAwait(false);
    }

    private void End(string why) => _ended.TrySetResult(why);

    // Ending a connection that is broken in some way must not keep the next one from being made.
    private static async Task TryAsync(Func<Task> end)
    {
        try
        {
            await end().ConfigureAwait(false);
        }
        catch (Exception)
        {
            // Nothing is left to be done about it.
        }
    }
}
