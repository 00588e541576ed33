using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>Sends what a command's outcome owes: the reply to its sender, and the outcome, or the note of a message that was none, to whoever follows.</summary>
internal sealed class Answers(IConnection connection, BusParts parts, BusCounters counters) : IAsyncDisposable
{
    /// <summary>How long the broker's confirm is waited for. Senders and followers choose the queues, and one that never confirms must not hold up the commands of others.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    // Two channels: a reply that the broker takes amiss closes its channel, and must take nothing else with it.
    private readonly ConfirmedPublisher _replies = new(connection);
    private readonly ConfirmedPublisher _published = new(connection);

    /// <summary>Completes when the broker has both, or when they cannot be sent; throws only when <paramref name="stop"/> is cancelled.</summary>
    public async Task SendAsync(BusDelivery delivery, Intake.Answered answered, CancellationToken stop)
    {
        var body = answered.Note is not null && delivery.ReplyTo is null ? [] : BusMessage.Json(answered.Outcome);
        try
        {
            await Task.WhenAll(ReplyAsync(delivery, body), PublishAsync(delivery, answered, body)).WaitAsync(_patience, stop).ConfigureAwait(false);
        }
        catch (TimeoutException)
        {
            // They are sent all the same; nobody waits for it any more.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _replies.DisposeAsync().ConfigureAwait(false);
        await _published.DisposeAsync().ConfigureAwait(false);
    }

    private async Task ReplyAsync(BusDelivery delivery, byte[] outcome)
    {
        if (delivery.ReplyTo is null) return;
        if (!ReplyAddress.TryParse(delivery.ReplyTo, out var to))
        {
            counters.CountReplyLost();
            return;
        }

        var message = new BusMessage("", to.Value.Queue, "outcome", outcome, null, delivery.CorrelationId);
        if (await _replies.SendAsync(message, mandatory: !to.Value.IsDirect).ConfigureAwait(false) == ConfirmedPublisher.Sent.Confirmed) counters.CountReply();
        else counters.CountReplyLost();
    }

    private async Task PublishAsync(BusDelivery delivery, Intake.Answered answered, byte[] outcome)
    {
        var message = answered.Note is { } note ? BusMessage.OfNote(parts.GatewayId, note) : BusMessage.OfOutcome(parts.GatewayId, answered.Outcome, outcome, delivery);
        if (await _published.SendAsync(message, mandatory: false).ConfigureAwait(false) != ConfirmedPublisher.Sent.Confirmed) BusLog.NotPublished(parts.Log, message.Type, "the broker did not take it");
        else if (answered.Note is not null) counters.CountNote();
    }
}
