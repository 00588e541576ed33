using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;

namespace Gateway.Unit.Dataplane.Packets;

/// <summary>A port of several in-memory queues; the test is the wire and says which queue a packet comes by.</summary>
internal sealed class InMemoryQueues(PacketPool pool, int queues, int capacity = 4096) : IQueuedPort
{
    public InMemoryPort[] Wires { get; } = [.. Enumerable.Range(0, queues).Select(_ => new InMemoryPort(pool, capacity))];

    public IReadOnlyList<IPacketPort> Queues => Wires;

    public string Kind => "in-memory";

    public int PollFd => -1;

    public bool IsUp => true;

    public PortCounters Counters => Wires.Aggregate(default(PortCounters), (sum, wire) => sum + wire.Counters);

    public int Receive(Span<uint> indices) => Wires[0].Receive(indices);

    public int Transmit(ReadOnlySpan<uint> indices) => Wires[0].Transmit(indices);

    public bool PrepareToSleep() => Wires[0].PrepareToSleep();

    public void Dispose()
    {
        foreach (var wire in Wires) wire.Dispose();
    }
}
