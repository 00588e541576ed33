using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>A channel of its own for publishing with confirms; when the broker closes it, the next message opens another.</summary>
internal sealed class PublishChannel(IConnection connection) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private IChannel? _channel;

    /// <summary>Completes when the broker has the message; throws when it refused it or, with <paramref name="mandatory"/>, no queue took it.</summary>
    public async Task PublishAsync(string exchange, string key, bool mandatory, BasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken stop)
    {
        var channel = await ChannelAsync(stop).ConfigureAwait(false);
        await channel.BasicPublishAsync(exchange, key, mandatory, properties, body, stop).ConfigureAwait(false);
    }

    /// <summary>The properties of what a gateway publishes.</summary>
    public static BasicProperties Properties(BusMessage message) => new()
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

    public async ValueTask DisposeAsync()
    {
        if (_channel is not null) await _channel.DisposeAsync().ConfigureAwait(false);
        _gate.Dispose();
    }

    private async Task<IChannel> ChannelAsync(CancellationToken stop)
    {
        if (_channel is { IsOpen: true } open) return open;
        await _gate.WaitAsync(stop).ConfigureAwait(false);
        try
        {
            if (_channel is { IsOpen: true } other) return other;
            if (_channel is not null) await _channel.DisposeAsync().ConfigureAwait(false);
            return _channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), stop).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }
}
