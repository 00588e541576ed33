using Gateway.Host.Appliance;

namespace Gateway.Host.Bus;

/// <summary>Makes the bus that <c>appliance.json</c> asks for.</summary>
public static class BusFactory
{
    /// <exception cref="ApplianceException"><c>bus.uri</c> cannot be used.</exception>
    public static IBus Create(BusParts parts) => parts.Section.Kind switch
    {
        BusKind.InMemory => new InMemoryBus(parts),
        BusKind.Rabbitmq => new RabbitMqBus(parts),
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
