using RabbitMQ.Client;

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

    public static async Task DeclareAsync(IChannel channel, string gatewayId, CancellationToken stop)
    {
        await channel.ExchangeDeclareAsync(BusNames.Commands, ExchangeType.Direct, durable: true, autoDelete: false, cancellationToken: stop).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(BusNames.Events, ExchangeType.Topic, durable: true, autoDelete: false, cancellationToken: stop).ConfigureAwait(false);
        await channel.ExchangeDeclareAsync(BusNames.DeadLetters, ExchangeType.Direct, durable: true, autoDelete: false, cancellationToken: stop).ConfigureAwait(false);
        // A single active consumer: while the broker still believes in a connection that is dead, nothing overtakes what was delivered to it.
        await DeclareQueueAsync(channel, BusNames.CommandQueue(gatewayId), new() { ["x-queue-type"] = "quorum", ["x-delivery-limit"] = DeliveryLimit, ["x-single-active-consumer"] = true }, stop).ConfigureAwait(false);
        await channel.QueueBindAsync(BusNames.CommandQueue(gatewayId), BusNames.Commands, gatewayId, cancellationToken: stop).ConfigureAwait(false);
        await DeclareQueueAsync(channel, BusNames.DeadLetterQueue(gatewayId), new() { ["x-queue-type"] = "quorum", ["x-max-length"] = MaxNotes, ["x-overflow"] = "drop-head" }, stop).ConfigureAwait(false);
        await channel.QueueBindAsync(BusNames.DeadLetterQueue(gatewayId), BusNames.DeadLetters, gatewayId, cancellationToken: stop).ConfigureAwait(false);
    }

    private static Task DeclareQueueAsync(IChannel channel, string name, Dictionary<string, object?> arguments, CancellationToken stop) =>
        channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, arguments, cancellationToken: stop);
}
