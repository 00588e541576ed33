namespace Gateway.Dataplane.Io;

/// <summary>
/// A place where Ethernet frames come in and go out. One worker owns it and is the only one to call <see cref="Receive"/>, <see cref="Transmit"/> and
/// <see cref="PrepareToSleep"/>; <see cref="IDisposable.Dispose"/> is called by the control side after the worker let go.
/// </summary>
public interface IPacketPort : IDisposable
{
    /// <summary>The interface type it serves, as in the configuration (`af-packet`, `tap`, `memif`, `in-memory`).</summary>
    string Kind { get; }

    /// <summary>Fills the span with packets from the pool (offset at the Ethernet header, length, chain, total length, broadcast not needed) and returns how many. Never blocks, never throws; the worker sets the rx interface.</summary>
    int Receive(Span<uint> indices);

    /// <summary>Takes packets from the front of the span and returns how many; those belong to the port and are freed by it. The caller counts and frees the rest.</summary>
    int Transmit(ReadOnlySpan<uint> indices);

    /// <summary>A descriptor that becomes readable when there is something to receive; -1 none.</summary>
    int PollFd { get; }

    /// <summary>Called before the worker sleeps: pushes out what waits and returns true when nothing is left to do.</summary>
    bool PrepareToSleep();

    /// <summary>Whether the device is there and has a carrier; a port that lost its device says false and receives nothing until it is back.</summary>
    bool IsUp { get; }

    PortCounters Counters { get; }
}
