using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>
/// Publishes the journal's events in order, each at least once: it follows the journal from the checkpoint, keeps a window of unconfirmed messages, and
/// moves the checkpoint behind what the broker confirmed.
/// </summary>
internal sealed class EventForwarder(BusParts parts, BusCounters counters)
{
    private const int Window = 256;

    private readonly EventCheckpoint _checkpoint = new(parts.CheckpointPath);

    /// <summary>Runs until cancelled or until the channel fails, which it throws.</summary>
    public async Task RunAsync(IConnection connection, CancellationToken stop)
    {
        // Declared first, so that it is disposed after the channel whose end cancels it.
        using var failed = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var next = await _checkpoint.NextAsync(parts.Journal, stop).ConfigureAwait(false);
        var window = new ConfirmWindow(next, Window);
        // Confirms without the client's tracking: that would wait for each message, and mark every message with a header of its own.
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false), stop).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            var why = "the channel was closed";
            channel.BasicAcksAsync += (_, ack) =>
            {
                counters.CountEvents(window.Confirm(ack.DeliveryTag, ack.Multiple));
                return Task.CompletedTask;
            };
            channel.BasicNacksAsync += (_, _) =>
            {
                why = "the broker refused an event";
                return failed.CancelAsync();
            };
            channel.ChannelShutdownAsync += (_, shutdown) =>
            {
                why = shutdown.ReplyText;
                return failed.CancelAsync();
            };
            var heads = new HeadForwarder(parts).RunAsync(connection, failed.Token);
            var keeping = KeepCheckpointAsync(window, failed.Token);
            try
            {
                await PublishAsync(channel, window, next, failed.Token).ConfigureAwait(false);
            }
            catch (OperationCanceledException) when (!stop.IsCancellationRequested)
            {
                throw new IOException(why);
            }
            finally
            {
                await failed.CancelAsync().ConfigureAwait(false);
                await keeping.ConfigureAwait(false);
                await heads.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
        }
    }

    private async Task PublishAsync(IChannel channel, ConfirmWindow window, long next, CancellationToken stop)
    {
        await foreach (var e in parts.Journal.FollowAsync(next, stop).ConfigureAwait(false))
        {
            await window.EnterAsync(e.Hash, stop).ConfigureAwait(false);
            var message = BusMessage.OfEvent(parts.GatewayId, e);
            await channel.BasicPublishAsync(message.Exchange, message.RoutingKey, mandatory: false, MessageProperties.Of(message), message.Body, stop).ConfigureAwait(false);
        }
    }

    private async Task KeepCheckpointAsync(ConfirmWindow window, CancellationToken stop)
    {
        long written = 0;
        var saidSo = false;
        while (true)
        {
            var last = stop.IsCancellationRequested;
            if (window.Mark is { } mark && mark.Position != written)
            {
                try
                {
                    _checkpoint.Write(mark.Position, mark.Hash);
                    (written, saidSo) = (mark.Position, false);
                }
                catch (Exception e) when (e is IOException or UnauthorizedAccessException)
                {
                    if (!saidSo) BusLog.CheckpointNotWritten(parts.Log, e.Message);
                    saidSo = true;
                }
            }

            if (last) return;
            await Task.Delay(parts.Timing.CheckpointInterval, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
