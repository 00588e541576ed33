using Gateway.Dataplane.Io;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>A device port whose disposal gives the device back through its factory: the dataplane disposes a port once no worker uses it.</summary>
internal sealed class FactoryPort(IDevicePort port, IPortSource factory) : IQueuedPort, IReasonedPort, ILinkedPort
{
    /// <summary>The port itself.</summary>
    public IDevicePort Device => port;

    public string Kind => port.Kind;

    public int PollFd => port.PollFd;

    public bool IsUp => port.IsUp;

    public PortCounters Counters => port.Counters;

    public IReadOnlyList<IPacketPort> Queues { get; } = port is IQueuedPort queued ? queued.Queues : [port];

    public IEnumerable<PortReason> Reasons => (port as IReasonedPort)?.Reasons ?? [];

    public uint LinkLosses => (port as ILinkedPort)?.LinkLosses ?? 0;

    public int Receive(Span<uint> indices) => port.Receive(indices);

    public int Transmit(ReadOnlySpan<uint> indices) => port.Transmit(indices);

    public bool PrepareToSleep() => port.PrepareToSleep();

    public void Dispose() => factory.Close(port);
}
