using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>The basic properties of what a gateway publishes.</summary>
internal static class MessageProperties
{
    public static BasicProperties Of(BusMessage message) => new()
    {
        ContentType = "application/json",
        DeliveryMode = DeliveryModes.Persistent,
        AppId = "gateway",
        Type = message.Type,
        MessageId = message.MessageId,
        CorrelationId = message.CorrelationId,
        Timestamp = new AmqpTimestamp(DateTimeOffset.UtcNow.ToUnixTimeSeconds()),
        Headers = message.Principal is { } principal ? new Dictionary<string, object?> { ["principal"] = principal.ToString() } : null,
    };
}
