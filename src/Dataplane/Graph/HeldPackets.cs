using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Graph;

/// <summary>
/// Packets of one worker that wait for a CHILD SA which was asked for because of them: a short queue per policy, so that a host's first packets arrive,
/// and a bound on all, so that peers which do not answer cost no more than it.
/// </summary>
internal sealed unsafe class HeldPackets
{
    public const int Capacity = 256;

    /// <summary>The drop reason of what waited in vain, as the nodes that hold packets number it.</summary>
    public const ushort NoSa = 1;

    /// <summary>Packets of one policy.</summary>
    public const int PerPolicy = 16;

    /// <summary>Nanoseconds that a packet waits at most; its sender has given up on it by then.</summary>
    public const long Patience = 10_000_000_000;

    private struct Held
    {
        public uint Packet;
        public uint Policy;
        public ushort Node;
        public long Until;
    }

    private readonly Held[] _held = new Held[Capacity];

    public int Count { get; private set; }

    /// <summary>Keeps a packet that stands before a node; false when the policy or all of them have too many.</summary>
    public bool TryHold(uint packet, uint policy, ushort node, long now)
    {
        if (Count == Capacity) return false;
        var ofPolicy = 0;
        for (var i = 0; i < Count; i++)
            if (_held[i].Policy == policy) ofPolicy++;
        if (ofPolicy >= PerPolicy) return false;
        _held[Count++] = new Held { Packet = packet, Policy = policy, Node = node, Until = now + Patience };
        return true;
    }

    /// <summary>Lets a policy's packets go on where they were held, in their order.</summary>
    public void Release(WorkerContext context, uint policy)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_held[i].Policy == policy) context.Enqueue(_held[i].Node, _held[i].Packet);
            else _held[kept++] = _held[i];
        }
        Count = kept;
    }

    /// <summary>Drops what has waited long enough.</summary>
    public void Expire(WorkerContext context)
    {
        var kept = 0;
        for (var i = 0; i < Count; i++)
        {
            if (_held[i].Until <= context.Now) context.Drop((ushort)(context.Graph.DropBase[_held[i].Node] + NoSa), _held[i].Packet);
            else _held[kept++] = _held[i];
        }
        Count = kept;
    }

    public void Dispose(PacketPool pool)
    {
        for (var i = 0; i < Count; i++) pool.Free(_held[i].Packet);
        Count = 0;
    }
}
