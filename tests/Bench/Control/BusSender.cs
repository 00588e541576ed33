using System.Diagnostics;
using System.Text.Json;
using Gateway.Bench.Harness;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Gateway.Bench.Control;

/// <summary>Sends commands over RabbitMQ as an orchestrator would: persistent, with its user, answered to its own reply address.</summary>
internal sealed class BusSender : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly IChannel _channel;
    private readonly string _gateway;
    private readonly string _prefix = Guid.NewGuid().ToString("N")[..8];
    private readonly SemaphoreSlim _room = new(0);
    private long _answered;
    private string? _refused;

    private BusSender(IConnection connection, IChannel channel, string gateway) => (_connection, _channel, _gateway) = (connection, channel, gateway);

    /// <summary>Octets of a command.</summary>
    public static int Size => ControlSuite.Command(1000, "01234567").Length;

    public static async Task<BusSender> ConnectAsync(Uri broker, string gateway)
    {
        var connection = await new ConnectionFactory { Uri = broker, AutomaticRecoveryEnabled = false }.CreateConnectionAsync();
        var sender = new BusSender(connection, await connection.CreateChannelAsync(), gateway);
        var consumer = new AsyncEventingBasicConsumer(sender._channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            sender.Take(delivery.Body);
            return Task.CompletedTask;
        };
        await sender._channel.BasicConsumeAsync("amq.rabbitmq.reply-to", autoAck: true, consumer);
        return sender;
    }

    /// <summary>Sends so many commands, the first at <paramref name="revision"/>, and waits for all outcomes. Throws unless every one is accepted.</summary>
    public async Task<TimeSpan> SendAsync(long revision, int count, int inFlight)
    {
        (_answered, _refused) = (0, null);
        while (_room.Wait(0))
        {
        }

        _room.Release(inFlight);
        var bodies = Enumerable.Range(0, count).Select(i => ControlSuite.Command(revision + i, _prefix)).ToArray();
        var start = Stopwatch.GetTimestamp();
        foreach (var body in bodies)
        {
            await EnterAsync();
            await _channel.BasicPublishAsync("gateway.commands", _gateway, mandatory: false, new BasicProperties { DeliveryMode = DeliveryModes.Persistent, UserId = "guest", ReplyTo = "amq.rabbitmq.reply-to", CorrelationId = "1" }, body);
        }

        for (var i = 0; i < inFlight; i++) await EnterAsync();
        if (_refused is { } refused) throw new InvalidOperationException($"A command was not accepted: {refused}");
        return Stopwatch.GetElapsedTime(start);
    }

    public async ValueTask DisposeAsync()
    {
        await _channel.DisposeAsync();
        await _connection.DisposeAsync();
        _room.Dispose();
    }

    private async Task EnterAsync()
    {
        if (!await _room.WaitAsync(TimeSpan.FromSeconds(60))) throw new NotHereException($"No outcome came for a minute, after {_answered}.");
    }

    private void Take(ReadOnlyMemory<byte> body)
    {
        if (body.Span.IndexOf("\"status\":\"accepted\""u8) < 0) _refused ??= JsonDocument.Parse(body).RootElement.ToString();
        _answered++;
        _room.Release();
    }
}
