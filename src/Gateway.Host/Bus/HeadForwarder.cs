using Gateway.Host.Journal.Heads;
using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>
/// Publishes the newest signed head whenever there is another one, on a channel of its own, so that somebody else can say later what the journal held. A head
/// that is missed is made good by the next one.
/// </summary>
internal sealed class HeadForwarder(BusParts parts)
{
    private static readonly TimeSpan _pause = TimeSpan.FromSeconds(1);

    /// <summary>Runs until cancelled; a channel that fails ends it until the next connection.</summary>
    public async Task RunAsync(IConnection connection, CancellationToken stop)
    {
        if (parts.Head is not { } newest) return;
        SignedHead? sent = null;
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), stop).ConfigureAwait(false);
        await using (channel.ConfigureAwait(false))
        {
            while (!stop.IsCancellationRequested)
            {
                if (newest() is { } head && head != sent)
                {
                    var message = BusMessage.OfHead(parts.GatewayId, head);
                    await channel.BasicPublishAsync(message.Exchange, message.RoutingKey, mandatory: false, MessageProperties.Of(message), message.Body, stop).ConfigureAwait(false);
                    sent = head;
                }

                await Task.Delay(_pause, stop).ConfigureAwait(false);
            }
        }
    }
}
