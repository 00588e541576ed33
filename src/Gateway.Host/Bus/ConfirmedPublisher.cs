using System.Threading.Channels;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace Gateway.Host.Bus;

/// <summary>
/// Publishes in the order of the calls on a channel of its own, any number on their way, and tells each when the broker has it. When the broker closes the
/// channel, the next message opens another. The client's own tracking is not used: it slows down from 64 unconfirmed messages on, and marks every message
/// with a header.
/// </summary>
internal sealed class ConfirmedPublisher : IAsyncDisposable
{
    private readonly IConnection _connection;
    private readonly Channel<Outgoing> _queue = System.Threading.Channels.Channel.CreateUnbounded<Outgoing>(new UnboundedChannelOptions { SingleReader = true });
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _loop;
    private Unconfirmed? _open;

    public ConfirmedPublisher(IConnection connection)
    {
        _connection = connection;
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Completes with what became of the message; never throws.</summary>
    public Task<Sent> SendAsync(BusMessage message, bool mandatory)
    {
        var outgoing = new Outgoing(message, mandatory);
        if (!_queue.Writer.TryWrite(outgoing)) outgoing.Done.TrySetResult(Sent.Lost);
        return outgoing.Done.Task;
    }

    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        while (_queue.Reader.TryRead(out var left)) left.Done.TrySetResult(Sent.Lost);
        if (_open is { } open) await open.CloseAsync().ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        try
        {
            await foreach (var outgoing in _queue.Reader.ReadAllAsync(_stop.Token).ConfigureAwait(false)) await PublishAsync(outgoing).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            // The session ends.
        }
    }

    private async Task PublishAsync(Outgoing outgoing)
    {
        try
        {
            if (_open is not { IsOpen: true })
            {
                if (_open is { } closed) await closed.CloseAsync().ConfigureAwait(false);
                _open = null;
                _open = await Unconfirmed.OpenAsync(_connection, _stop.Token).ConfigureAwait(false);
            }

            var message = outgoing.Message;
            // Before it is sent: its confirm may be there before the call is over.
            _open.Add(outgoing);
            await _open.Channel.BasicPublishAsync(message.Exchange, message.RoutingKey, outgoing.Mandatory, MessageProperties.Of(message), message.Body, _stop.Token).ConfigureAwait(false);
        }
        catch (Exception)
        {
            outgoing.Done.TrySetResult(Sent.Lost);
        }
    }

    /// <summary>What became of a message.</summary>
    internal enum Sent
    {
        /// <summary>The broker has it.</summary>
        Confirmed,

        /// <summary>It came back, because no queue took it.</summary>
        Returned,

        /// <summary>The broker refused it, or the channel or the connection was lost.</summary>
        Lost,
    }

    private sealed record Outgoing(BusMessage Message, bool Mandatory)
    {
        public TaskCompletionSource<Sent> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>A channel and the messages on it that the broker has not confirmed. It numbers them from 1 as the broker does.</summary>
    private sealed class Unconfirmed
    {
        private readonly Lock _gate = new();
        private readonly Dictionary<ulong, Outgoing> _waiting = [];
        private ulong _sent;
        private ulong _low = 1;
        private int _returned;
        private bool _over;

        private Unconfirmed(IChannel channel) => Channel = channel;

        public IChannel Channel { get; }

        public bool IsOpen => Channel.IsOpen;

        public static async Task<Unconfirmed> OpenAsync(IConnection connection, CancellationToken stop)
        {
            var channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: false), stop).ConfigureAwait(false);
            var unconfirmed = new Unconfirmed(channel);
            channel.BasicAcksAsync += (_, ack) => unconfirmed.Settle(ack.DeliveryTag, ack.Multiple, Sent.Confirmed);
            channel.BasicNacksAsync += (_, nack) => unconfirmed.Settle(nack.DeliveryTag, nack.Multiple, Sent.Lost);
            channel.BasicReturnAsync += unconfirmed.OnReturn;
            channel.ChannelShutdownAsync += (_, _) => unconfirmed.Fail();
            return unconfirmed;
        }

        public void Add(Outgoing outgoing)
        {
            lock (_gate)
            {
                if (!_over) _waiting.Add(++_sent, outgoing);
            }

            if (_over) outgoing.Done.TrySetResult(Sent.Lost);
        }

        public async Task CloseAsync()
        {
            await Fail().ConfigureAwait(false);
            await Channel.DisposeAsync().ConfigureAwait(false);
        }

        private Task Settle(ulong number, bool multiple, Sent sent)
        {
            lock (_gate)
            {
                for (var n = multiple ? _low : number; n <= number; n++) Settle(n, sent);
                if (multiple) _low = Math.Max(_low, number + 1);
            }

            return Task.CompletedTask;
        }

        // A message that comes back does so before its own confirm, and says not which it was; so the next confirmed mandatory one stands for it.
        private void Settle(ulong number, Sent sent)
        {
            if (!_waiting.Remove(number, out var outgoing)) return;
            if (sent == Sent.Confirmed && outgoing.Mandatory && _returned > 0)
            {
                _returned--;
                sent = Sent.Returned;
            }

            outgoing.Done.TrySetResult(sent);
        }

        private Task OnReturn(object sender, BasicReturnEventArgs args)
        {
            lock (_gate) _returned++;
            return Task.CompletedTask;
        }

        private Task Fail()
        {
            lock (_gate)
            {
                _over = true;
                foreach (var outgoing in _waiting.Values) outgoing.Done.TrySetResult(Sent.Lost);
                _waiting.Clear();
            }

            return Task.CompletedTask;
        }
    }
}
