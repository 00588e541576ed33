using System.Collections.Concurrent;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Gateway.Interop.Net;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>A sender of commands who knows AMQP and JSON and nothing of the gateway's code.</summary>
internal sealed class Orchestrator : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly ConcurrentDictionary<string, TaskCompletionSource<JsonElement>> _waiting = [];

    private Orchestrator(IConnection connection, IChannel channel, string replies) => (_connection, Channel, Replies) = (connection, channel, replies);

    public IChannel Channel { get; }

    /// <summary>Its own queue for answers.</summary>
    public string Replies { get; }

    /// <summary>Everything that arrived in its queues, as text.</summary>
    public ConcurrentQueue<string> Heard { get; } = [];

    /// <summary>The user it logged in as.</summary>
    public string User { get; private init; } = "guest";

    /// <param name="ns">The namespace from which it connects; null = that of the tests.</param>
    public static Task<Orchestrator> ConnectAsync(Uri broker, Netns? ns = null)
    {
        var factory = new ConnectionFactory { Uri = broker, AutomaticRecoveryEnabled = false };
        if (ns is not null) factory.SocketFactory = family => new TcpClientAdapter(ns.Run(() => new Socket(family, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true }));
        return ConnectAsync(factory, "guest");
    }

    public static Task<Orchestrator> ConnectAsync(Uri broker, string user) => ConnectAsync(new ConnectionFactory { Uri = broker, AutomaticRecoveryEnabled = false }, user);

    public static async Task<Orchestrator> ConnectAsync(ConnectionFactory factory, string user)
    {
        var connection = await factory.CreateConnectionAsync();
        var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
        var queue = await channel.QueueDeclareAsync();
        var orchestrator = new Orchestrator(connection, channel, queue.QueueName) { User = user };
        await orchestrator.ConsumeAsync(queue.QueueName, (delivery, text) =>
        {
            if (delivery.BasicProperties.CorrelationId is { } id && orchestrator._waiting.TryRemove(id, out var waiting)) waiting.TrySetResult(JsonDocument.Parse(text).RootElement);
        });
        return orchestrator;
    }

    /// <summary>Sends a command and waits for its outcome.</summary>
    public async Task<JsonElement> AskAsync(string gateway, string json, Action<BasicProperties>? with = null)
    {
        var correlation = Guid.NewGuid().ToString();
        var answer = _waiting.GetOrAdd(correlation, _ => new TaskCompletionSource<JsonElement>(TaskCreationOptions.RunContinuationsAsynchronously));
        await SendAsync(gateway, Encoding.UTF8.GetBytes(json), p =>
        {
            (p.ReplyTo, p.CorrelationId) = (Replies, correlation);
            with?.Invoke(p);
        });
        return await answer.Task.WaitAsync(TimeSpan.FromSeconds(60));
    }

    public async Task SendAsync(string gateway, byte[] body, Action<BasicProperties>? with = null)
    {
        var properties = new BasicProperties { Persistent = true };
        with?.Invoke(properties);
        await Channel.BasicPublishAsync("gateway.commands", gateway, mandatory: true, properties, body);
    }

    /// <summary>Binds a queue of its own to the topic exchange and collects (routing key, body).</summary>
    public async Task<ConcurrentQueue<(string Key, JsonElement Body)>> FollowAsync(string exchange, string pattern)
    {
        var queue = await Channel.QueueDeclareAsync();
        await Channel.QueueBindAsync(queue.QueueName, exchange, pattern);
        var messages = new ConcurrentQueue<(string, JsonElement)>();
        await ConsumeAsync(queue.QueueName, (delivery, text) => messages.Enqueue((delivery.RoutingKey, JsonDocument.Parse(text).RootElement)));
        return messages;
    }

    public async Task ConsumeAsync(string queue, Action<BasicDeliverEventArgs, string> each)
    {
        var consumer = new AsyncEventingBasicConsumer(Channel);
        consumer.ReceivedAsync += (_, delivery) =>
        {
            var text = Encoding.UTF8.GetString(delivery.Body.Span);
            Heard.Enqueue($"{delivery.RoutingKey} {text}");
            each(delivery, text);
            return Task.CompletedTask;
        };
        await Channel.BasicConsumeAsync(queue, autoAck: true, consumer);
    }

    public async ValueTask DisposeAsync()
    {
        await Channel.DisposeAsync();
        await _connection.DisposeAsync();
    }
}
