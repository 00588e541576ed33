using Gateway.Policy.Commands;
using Gateway.Policy.Journal;
using RabbitMQ.Client;

namespace Gateway.Host.Bus.Replay;

/// <summary>
/// Answers requests for events one after the other, on a channel of its own, so that whoever catches up holds up no command. A request that cannot be
/// answered (nobody waits at <c>reply_to</c>) is dropped and counted.
/// </summary>
internal sealed class ReplayConsumer(IChannel channel, BusParts parts, BusCounters counters, ConfirmedPublisher answers, CancellationToken stop) : AsyncDefaultBasicConsumer(channel)
{
    /// <summary>How long one piece may wait for the broker.</summary>
    private static readonly TimeSpan _patience = TimeSpan.FromSeconds(10);

    public override async Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken = default)
    {
        var delivery = new BusDelivery { Body = body, UserId = properties.UserId, CorrelationId = properties.CorrelationId, ReplyTo = properties.ReplyTo };
        try
        {
            counters.CountReplay();
            await AnswerAsync(delivery).ConfigureAwait(false);
            await Channel.BasicAckAsync(deliveryTag, multiple: false, stop).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            // The channel is gone with its session; the request comes again, and is answered again.
            BusLog.NotReplayed(parts.Log, e.GetType().Name);
        }
    }

    private async Task AnswerAsync(BusDelivery delivery)
    {
        if (!ReplyAddress.TryParse(delivery.ReplyTo, out var to))
        {
            counters.CountReplyLost();
            return;
        }

        var head = parts.LastPosition();
        if (Refuse(delivery, out var request) is { } error)
        {
            await SendAsync(to.Value, delivery, ReplayAnswer.Refusal(parts.GatewayId, head, error)).ConfigureAwait(false);
            return;
        }

        try
        {
            await foreach (var piece in ReplayAnswer.PiecesAsync(request!, parts.GatewayId, parts.Journal, head, stop).ConfigureAwait(false))
                if (!await SendAsync(to.Value, delivery, piece).ConfigureAwait(false)) return;
        }
        catch (JournalArchivedException)
        {
            await SendAsync(to.Value, delivery, ReplayAnswer.Refusal(parts.GatewayId, head, new ReplayError(ErrorCode.NotFound, "Events from there on were archived; the gateway's bundles hold them."))).ConfigureAwait(false);
        }
        catch (Exception e) when (e is not (OperationCanceledException or OutOfMemoryException))
        {
            BusLog.NotReplayed(parts.Log, e.GetType().Name);
            await SendAsync(to.Value, delivery, ReplayAnswer.Refusal(parts.GatewayId, head, new ReplayError(ErrorCode.Unavailable, "The journal cannot be read there."))).ConfigureAwait(false);
        }
    }

    private ReplayError? Refuse(BusDelivery delivery, out ReplayRequest? request)
    {
        request = null;
        if (!parts.RightsOf(delivery.Principal).Replay) return new ReplayError(ErrorCode.Forbidden, $"{delivery.Principal} may not ask for events.");
        return ReplayRequest.TryRead(delivery.Body.Span, out request, out var error) ? null : error;
    }

    private async Task<bool> SendAsync(ReplyAddress to, BusDelivery delivery, ReadOnlyMemory<byte> piece)
    {
        var sent = await answers.SendAsync(new BusMessage("", to.Queue, "replay", piece, null, delivery.CorrelationId), mandatory: !to.IsDirect).WaitAsync(_patience, stop).ConfigureAwait(false);
        if (sent == ConfirmedPublisher.Sent.Confirmed) return true;
        counters.CountReplyLost();
        return false;
    }
}
