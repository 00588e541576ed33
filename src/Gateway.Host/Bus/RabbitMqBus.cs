namespace Gateway.Host.Bus;

/// <summary>
/// The bus on RabbitMQ. It holds one connection and makes another, with growing waits, whenever it is lost or could not be made; exchanges and queues are
/// declared each time. Packets are forwarded meanwhile, commands stay in the broker, and events in the journal.
/// </summary>
public sealed class RabbitMqBus : IBus
{
    private readonly BusParts _parts;
    private readonly BrokerAddress _address;
    private readonly CommandIntake _intake;
    private readonly EventForwarder _events;
    private readonly CancellationTokenSource _stop = new();
    private Task _loop = Task.CompletedTask;
    private bool _disposed;
    private volatile string _status = "connecting";

    /// <exception cref="Appliance.ApplianceException"><c>bus.uri</c> cannot be used.</exception>
    public RabbitMqBus(BusParts parts)
    {
        _parts = parts;
        _address = new BrokerAddress(parts.Section);
        _intake = new CommandIntake(parts, Counters);
        _events = new EventForwarder(parts, Counters);
    }

    public BusCounters Counters { get; } = new();

    public string Status => _status;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        if (_address.IsReadable) BusLog.NotEncrypted(_parts.Log, _address.ToString());
        _loop = Task.Run(LoopAsync, CancellationToken.None);
        return Task.CompletedTask;
    }

    public async ValueTask DisposeAsync()
    {
        if (Interlocked.Exchange(ref _disposed, true)) return;
        await _stop.CancelAsync().ConfigureAwait(false);
        await _loop.ConfigureAwait(false);
        _stop.Dispose();
    }

    private async Task LoopAsync()
    {
        var stop = _stop.Token;
        var delay = _parts.Timing.FirstDelay;
        var since = DateTimeOffset.UtcNow;
        var lastWord = "";
        while (true)
        {
            var opened = 0L;
            string? why;
            try
            {
                var session = await BrokerSession.OpenAsync(_address.Factory(_parts.GatewayId), _parts, _intake, Counters, stop).ConfigureAwait(false);
                await using (session.ConfigureAwait(false))
                {
                    opened = Environment.TickCount64;
                    session.Blocked += reason => _status = reason is null ? "connected" : $"connected, but the broker takes no messages: {reason}";
                    _status = "connected";
                    lastWord = "";
                    BusLog.Connected(_parts.Log, _address.ToString());
                    why = await session.RunAsync(_events, stop).ConfigureAwait(false);
                }
            }
            catch (Exception e)
            {
                why = _address.Describe(e);
            }

            if (stop.IsCancellationRequested) break;
            if (opened != 0)
            {
                Counters.CountLost();
                since = DateTimeOffset.UtcNow;
                // A connection that lasts forgives the failures before it.
                if (Environment.TickCount64 - opened > _parts.Timing.LongestDelay.TotalMilliseconds) delay = _parts.Timing.FirstDelay;
            }

            _status = $"not connected since {since:yyyy-MM-ddTHH:mm:ssZ}: {why}";
            if (why != lastWord) BusLog.NotConnected(_parts.Log, _address.ToString(), why ?? "");
            lastWord = why ?? "";
            await Task.Delay(delay * (0.8 + (0.4 * Random.Shared.NextDouble())), stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (stop.IsCancellationRequested) break;
            delay = delay * 2 < _parts.Timing.LongestDelay ? delay * 2 : _parts.Timing.LongestDelay;
        }

        _status = "stopped";
    }
}
