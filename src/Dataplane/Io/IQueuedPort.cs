namespace Gateway.Dataplane.Io;

/// <summary>
/// A port whose traffic is spread over several queues. Each queue is a port of its own that one worker serves, and packets of one flow stay in one queue; the whole is disposed at once. Its own
/// <see cref="IPacketPort.Receive"/> and <see cref="IPacketPort.Transmit"/> are those of the first queue, for who wants only one.
/// </summary>
public interface IQueuedPort : IPacketPort
{
    /// <summary>At least one; they belong to the port and are not disposed by themselves.</summary>
    IReadOnlyList<IPacketPort> Queues { get; }
}
