using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Graph;

/// <summary>A neighbor that was asked for its MAC address, with the packet that waits for it.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct PendingNeighbor
{
    public ulong High;

    /// <summary>The address; IPv4 in the low 32 bits, host order.</summary>
    public ulong Low;

    /// <summary>Nanoseconds of the worker's clock when to ask again or give up.</summary>
    public long NextTime;
    public uint Interface;

    /// <summary>RFC 1122 §2.3.2.2: the latest packet is kept; 0 none.</summary>
    public uint Packet;
    public byte Asked;
    public bool V6;
    public bool InUse;
}

/// <summary>The neighbors that one worker waits for: a small table, so that a scan of a connected network costs little more than its packets.</summary>
internal sealed unsafe class PendingNeighbors
{
    public const int Capacity = 512;

    private const int Probes = 8;

    private readonly PendingNeighbor* _entries = (PendingNeighbor*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(PendingNeighbor));

    public int Count { get; private set; }

    /// <summary>Entry by number, for the timer.</summary>
    public PendingNeighbor* this[int i] => _entries + i;

    public PendingNeighbor* Find(uint onInterface, ulong high, ulong low, bool v6)
    {
        var slot = Hash(onInterface, high, low);
        for (var i = 0; i < Probes; i++)
        {
            var entry = _entries + ((slot + i) & (Capacity - 1));
            if (entry->InUse && entry->Low == low && entry->High == high && entry->Interface == onInterface && entry->V6 == v6) return entry;
        }
        return null;
    }

    /// <summary>A new entry; null when there is no room where it belongs.</summary>
    public PendingNeighbor* Add(uint onInterface, ulong high, ulong low, bool v6)
    {
        var slot = Hash(onInterface, high, low);
        for (var i = 0; i < Probes; i++)
        {
            var entry = _entries + ((slot + i) & (Capacity - 1));
            if (entry->InUse) continue;
            *entry = new PendingNeighbor { Interface = onInterface, High = high, Low = low, V6 = v6, InUse = true };
            Count++;
            return entry;
        }
        return null;
    }

    /// <summary>Ends an entry; its packet, if any, is the caller's.</summary>
    public void Remove(PendingNeighbor* entry)
    {
        entry->InUse = false;
        Count--;
    }

    public void Dispose(PacketPool pool)
    {
        for (var i = 0; i < Capacity; i++)
            if (_entries[i].InUse && _entries[i].Packet != 0) pool.Free(_entries[i].Packet);
        NativeMemory.Free(_entries);
    }

    private static int Hash(uint onInterface, ulong high, ulong low)
    {
        var h = (high * 0x9E3779B97F4A7C15) ^ (low * 0xBF58476D1CE4E5B9) ^ (onInterface * 0x94D049BB133111EBul);
        return (int)(h >> 40) & (Capacity - 1);
    }
}
