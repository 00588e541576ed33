using RabbitMQ.Client;

namespace Gateway.Host.Bus;

/// <summary>
/// Consumes the command queue: hands every message on in the order of arrival, without waiting for the outcomes before it, and acknowledges it after its
/// outcome is durable, answered and published.
/// </summary>
internal sealed class CommandConsumer : AsyncDefaultBasicConsumer, IAsyncDisposable
{
    /// <summary>Messages in flight: enough to fill the journal's group commits, few enough that their bodies (up to 4 MB each) stay bearable.</summary>
    public const ushort Prefetch = 256;

    private readonly BusParts _parts;
    private readonly CommandIntake _intake;
    private readonly Answers _answers;
    private readonly Action<string> _fail;
    private readonly AckWriter _acks;
    private readonly CancellationTokenSource _abandon = new();
    private readonly Task _acking;
    private int _inFlight;
    private TaskCompletionSource? _drained;

    /// <param name="fail">Ends the session, with the reason.</param>
    public CommandConsumer(IChannel channel, BusParts parts, CommandIntake intake, Answers answers, Action<string> fail)
        : base(channel)
    {
        (_parts, _intake, _answers, _fail) = (parts, intake, answers, fail);
        _acks = new AckWriter(channel, Prefetch / 4, fail);
        _acking = _acks.RunAsync();
    }

    public override Task HandleBasicDeliverAsync(
        string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey, IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body,
        CancellationToken cancellationToken = default)
    {
        var delivery = new BusDelivery
        {
            Body = body,
            UserId = properties.UserId,
            MessageId = properties.MessageId,
            CorrelationId = properties.CorrelationId,
            ReplyTo = properties.ReplyTo,
            // On a first delivery the header would be the sender's word.
            DeliveredBefore = redelivered ? Count(properties.Headers) : 0,
        };
        Interlocked.Increment(ref _inFlight);
        _ = CompleteAsync(deliveryTag, delivery, _intake.TakeAsync(delivery, _abandon.Token));
        return Task.CompletedTask;
    }

    public override Task HandleBasicCancelAsync(string consumerTag, CancellationToken cancellationToken = default)
    {
        _fail("the command queue was deleted");
        return base.HandleBasicCancelAsync(consumerTag, cancellationToken);
    }

    /// <summary>Waits for the outcomes of what is in flight and acknowledges it, at most <see cref="BusTiming.DrainLimit"/>.</summary>
    public async Task DrainAsync()
    {
        var drained = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _drained, drained);
        if (Volatile.Read(ref _inFlight) == 0) drained.TrySetResult();
        await drained.Task.WaitAsync(_parts.Timing.DrainLimit).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _acks.Complete();
        await _acking.ConfigureAwait(false);
    }

    public async ValueTask DisposeAsync()
    {
        // Whoever still waits gets no outcome here; what it waited for is delivered again.
        await _abandon.CancelAsync().ConfigureAwait(false);
        _acks.Complete();
        await _acking.ConfigureAwait(false);
    }

    private static long Count(IDictionary<string, object?>? headers) => headers?.TryGetValue("x-delivery-count", out var count) == true
        ? count switch { long l => l, int i => i, _ => 0 }
        : 0;

    private async Task CompleteAsync(ulong tag, BusDelivery delivery, Task<Intake> intake)
    {
        try
        {
            switch (await intake.ConfigureAwait(false))
            {
                case Intake.Answered answered:
                    await _answers.SendAsync(delivery, answered, _abandon.Token).ConfigureAwait(false);
                    _acks.Add(tag);
                    break;
                case Intake.NotNow notNow:
                    // Not acknowledged and nothing behind it is let past for long: the queue keeps all of it until the next attempt.
                    if (!_abandon.IsCancellationRequested) _fail(notNow.Why);
                    break;
            }
        }
        catch (Exception e)
        {
            _fail(e.GetType().Name);
        }
        finally
        {
            if (Interlocked.Decrement(ref _inFlight) == 0) Volatile.Read(ref _drained)?.TrySetResult();
        }
    }
}
