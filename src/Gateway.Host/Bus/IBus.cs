namespace Gateway.Host.Bus;

/// <summary>The message bus as a door of the gateway: commands come in, outcomes and events go out. Two of them: RabbitMQ, and one inside the process.</summary>
public interface IBus : IBusStatus, IAsyncDisposable
{
    /// <summary>What went through since the start.</summary>
    BusCounters Counters { get; }

    /// <summary>Begins to serve and returns at once, also when no broker answers; the bus joins whenever one does.</summary>
    Task StartAsync(CancellationToken cancellationToken);
}
