using RabbitMQ.Client;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>The broker of the other tests, tested by itself: it serves, survives a crash with its data, and leaves nothing.</summary>
public sealed class PrivateBrokerTests
{
    [Fact]
    [Trait("set", "quick")]
    public async Task A_durable_message_is_there_after_the_broker_was_killed_and_started_again()
    {
        var cancel = TestContext.Current.CancellationToken;
        await using var broker = await PrivateBroker.StartAsync(cancel);
        var factory = new ConnectionFactory { Uri = broker.Uri, AutomaticRecoveryEnabled = false };
        await using (var connection = await factory.CreateConnectionAsync(cancel))
        {
            await using var channel = await connection.CreateChannelAsync(
                new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true), cancel);
            await channel.QueueDeclareAsync("kept", durable: true, exclusive: false, autoDelete: false, cancellationToken: cancel);
            await channel.BasicPublishAsync("", "kept", mandatory: true, new BasicProperties { Persistent = true }, "hello"u8.ToArray(), cancel);
            await broker.KillAsync();
        }

        await broker.StartAgainAsync(cancel);

        await using var again = await factory.CreateConnectionAsync(cancel);
        await using var reader = await again.CreateChannelAsync(cancellationToken: cancel);
        var message = await reader.BasicGetAsync("kept", autoAck: true, cancel);
        Assert.Equal("hello"u8.ToArray(), message?.Body.ToArray());
        Assert.Contains("kept", await broker.CtlAsync("list_queues", "name"));
    }
}
