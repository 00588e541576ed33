namespace Gateway.Dataplane.Graph;

/// <summary>What the control side asks of a worker between two runs of the graph.</summary>
internal enum WorkerMessageKind : uint
{
    /// <summary>A packet goes on at a node: Packet, Node.</summary>
    Inject,

    /// <summary>A neighbor is in the tables: let its packet go by the adjacency in Packet.</summary>
    NeighborReady,

    /// <summary>A policy (in Packet) has an SA: let the packets go that wait for it.</summary>
    SaReady,

    /// <summary>Ask a neighbor, at its known address Mac when that is not 0.</summary>
    Solicit,

    /// <summary>Tell the link of an own address.</summary>
    Announce,
}

internal readonly record struct WorkerMessage(
    WorkerMessageKind Kind,
    uint Interface = 0,
    ulong High = 0,
    ulong Low = 0,
    bool V6 = false,
    ulong Mac = 0,
    uint Packet = 0,
    ushort Node = 0);

/// <summary>A bounded queue of messages from the control side (which is one at a time) to one worker.</summary>
internal sealed class WorkerMailbox(int capacity)
{
    private readonly WorkerMessage[] _slots = new WorkerMessage[capacity];
    private uint _written;
    private uint _read;

    public bool IsEmpty => Volatile.Read(ref _written) == Volatile.Read(ref _read);

    public bool TryPush(in WorkerMessage message)
    {
        var written = _written;
        if (written - Volatile.Read(ref _read) == (uint)_slots.Length) return false;
        _slots[written % (uint)_slots.Length] = message;
        Volatile.Write(ref _written, written + 1);
        return true;
    }

    public bool TryPop(out WorkerMessage message)
    {
        var read = _read;
        if (read == Volatile.Read(ref _written))
        {
            message = default;
            return false;
        }
        message = _slots[read % (uint)_slots.Length];
        Volatile.Write(ref _read, read + 1);
        return true;
    }
}
