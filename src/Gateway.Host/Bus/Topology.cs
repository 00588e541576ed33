using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Gateway.Host.Bus;

/// <summary>What the gateway declares at the broker, each time it connects.</summary>
internal static class Topology
{
    /// <summary>
    /// Of the queue. Beyond it RabbitMQ drops the message, since there is no dead-letter exchange: no body is kept anywhere. It lies above
    /// <see cref="CommandIntake.MaxDeliveries"/>, so it only acts when the gateway dies of a message before it can look at the count.
    /// </summary>
    public const int DeliveryLimit = 20;

    /// <summary>Notes kept per gateway; the oldest go first.</summary>
    public const int MaxNotes = 10_000;

    /// <summary>Requests for events that wait, and how long: who asked longer ago waits no more.</summary>
    public const int MaxReplays = 1000;
    public const int ReplayPatience = 60_000;

    private static readonly (string Name, string Type)[] _exchanges =
    [
        (BusNames.Commands, ExchangeType.Direct), (BusNames.Events, ExchangeType.Topic), (BusNames.DeadLetters, ExchangeType.Direct), (BusNames.Replays, ExchangeType.Direct),
    ];

    /// <summary>
    /// The exchanges that all gateways share: looked for first, which needs no permission, so that a gateway's user may be allowed to configure its own
    /// queues only; made when they are not there.
    /// </summary>
    public static async Task DeclareExchangesAsync(IConnection connection, CancellationToken stop)
    {
        try
        {
            var looking = await connection.CreateChannelAsync(cancellationToken: stop).ConfigureAwait(false);
            await using (looking.ConfigureAwait(false))
                foreach (var (name, _) in _exchanges) await looking.ExchangeDeclarePassiveAsync(name, stop).ConfigureAwait(false);
        }
        catch (OperationInterruptedException e) when (e.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            // The broker has closed that channel.
            var making = await connection.CreateChannelAsync(cancellationToken: stop).ConfigureAwait(false);
            await using (making.ConfigureAwait(false))
                foreach (var (name, type) in _exchanges) await making.ExchangeDeclareAsync(name, type, durable: true, autoDelete: false, cancellationToken: stop).ConfigureAwait(false);
        }
    }

    public static async Task DeclareAsync(IChannel channel, string gatewayId, CancellationToken stop)
    {
        // A single active consumer: while the broker still believes in a connection that is dead, nothing overtakes what was delivered to it.
        await DeclareQueueAsync(channel, BusNames.CommandQueue(gatewayId), new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = DeliveryLimit, ["x-single-active-consumer"] = true }, stop).ConfigureAwait(false);
        await channel.QueueBindAsync(BusNames.CommandQueue(gatewayId), BusNames.Commands, gatewayId, cancellationToken: stop).ConfigureAwait(false);
        await DeclareQueueAsync(channel, BusNames.DeadLetterQueue(gatewayId), new() { ["x-queue-type"] = "quorum", ["x-max-length"] = MaxNotes, ["x-overflow"] = "drop-head" }, stop).ConfigureAwait(false);
        await channel.QueueBindAsync(BusNames.DeadLetterQueue(gatewayId), BusNames.DeadLetters, gatewayId, cancellationToken: stop).ConfigureAwait(false);
        await DeclareQueueAsync(channel, BusNames.ReplayQueue(gatewayId), new() { ["x-max-length"] = MaxReplays, ["x-overflow"] = "reject-publish", ["x-message-ttl"] = ReplayPatience }, stop).ConfigureAwait(false);
        await channel.QueueBindAsync(BusNames.ReplayQueue(gatewayId), BusNames.Replays, gatewayId, cancellationToken: stop).ConfigureAwait(false);
    }

    private static Task DeclareQueueAsync(IChannel channel, string name, Dictionary<string, object?> arguments, CancellationToken stop) =>
        channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: stop);
}
