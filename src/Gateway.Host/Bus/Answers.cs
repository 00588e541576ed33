using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>Sends what a command's outcome owes: the reply to its sender, and the outcome, or the note of a message that was none, to whoever follows.</summary>
internal sealed class Answers(IConnection connection, BusParts parts, BusCounters counters) : IAsyncDisposable
{
    /// <summary>How long the broker's confirm is waited for. Senders and followers choose the queues, and one that never confirms must not hold up the commands of others.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    // Two channels: a reply that the broker takes amiss closes its channel, and must take nothing else with it.
    private readonly PublishChannel _replies = new(connection);
    private readonly PublishChannel _published = new(connection);

    /// <summary>Completes when the broker has both, or when they cannot be sent; throws only when <paramref name="stop"/> is cancelled.</summary>
    public async Task SendAsync(BusDelivery delivery, Intake.Answered answered, CancellationToken stop)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(stop);
        patience.CancelAfter(_patience);
        await Task.WhenAll(ReplyAsync(delivery, answered, patience.Token), PublishAsync(delivery, answered, patience.Token)).ConfigureAwait(false);
        stop.ThrowIfCancellationRequested();
    }

    public async ValueTask DisposeAsync()
    {
        await _replies.DisposeAsync().ConfigureAwait(false);
        await _published.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReplyAsync(BusDelivery delivery, Intake.Answered answered, CancellationToken stop)
    {
        if (delivery.ReplyTo is null) return;
        if (!ReplyAddress.TryParse(delivery.ReplyTo, out var to))
        {
            counters.CountReplyLost();
            return;
        }

        try
        {
            var message = new BusMessage("", to.Value.Queue, "outcome", BusMessage.Json(answered.Outcome), null, delivery.CorrelationId);
            await _replies.PublishAsync(message.Exchange, message.RoutingKey, mandatory: !to.Value.IsDirect, PublishChannel.Properties(message), message.Body, stop).ConfigureAwait(false);
            counters.CountReply();
        }
        catch (Exception)
        {
            counters.CountReplyLost();
        }
    }

    private async Task PublishAsync(BusDelivery delivery, Intake.Answered answered, CancellationToken stop)
    {
        var message = answered.Note is { } note ? BusMessage.OfNote(parts.GatewayId, note) : BusMessage.OfOutcome(parts.GatewayId, answered.Outcome, delivery);
        try
        {
            await _published.PublishAsync(message.Exchange, message.RoutingKey, mandatory: false, PublishChannel.Properties(message), message.Body, stop).ConfigureAwait(false);
            if (answered.Note is not null) counters.CountNote();
        }
        catch (Exception e)
        {
            BusLog.NotPublished(parts.Log, message.Type, e.GetType().Name);
        }
    }
}
