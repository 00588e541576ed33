using System.Runtime.InteropServices;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Graph;

/// <summary>A packet for the gateway of which fragments have arrived.</summary>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct PartialPacket
{
    /// <summary>What the fragments of one packet have in common.</summary>
    public const int KeyWords = 6;

    /// <summary>Fragments of one packet; more are an attack.</summary>
    public const int MaxFragments = 64;

    public fixed ulong Key[KeyWords];
    public long Deadline;

    /// <summary>Bytes of the whole payload; 0 until the last fragment is there.</summary>
    public int Total;
    public int Received;
    public int Count;
    public bool InUse;

    /// <summary>Packet buffers that its fragments hold.</summary>
    public int Buffers;

    /// <summary>Packet indices, and where their payload belongs.</summary>
    public fixed uint Fragments[MaxFragments];
    public fixed int Starts[MaxFragments];
    public fixed int Lengths[MaxFragments];
}

/// <summary>Holds the fragments of one worker: few packets at once, the oldest gives way.</summary>
internal sealed unsafe class ReassemblyTable
{
    /// <summary>Most packets that there may be room for.</summary>
    public const int Capacity = 1024;

    private readonly PartialPacket* _entries = (PartialPacket*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(PartialPacket));

    /// <summary>A hash of each entry's key, never 0; 0 is a free entry. They lie close together, so that a search reads few cache lines.</summary>
    private readonly ulong[] _hashes = new ulong[Capacity];
    private readonly long[] _deadlines = new long[Capacity];
    private readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;
    private WorkerLimits _limits = WorkerLimits.Default;
    private long _timeout = WorkerLimits.Default.ReassemblyTime.Ticks * 100;

    /// <summary>Packets of which fragments wait.</summary>
    public int Count { get; private set; }

    /// <summary>Packet buffers that they hold.</summary>
    public int Buffers { get; private set; }

    /// <summary>Packets of which fragments may wait.</summary>
    public int MaxPackets => Math.Min(_limits.ReassemblyPackets, Capacity);

    /// <summary>Fragments of one packet.</summary>
    public int MaxFragments => Math.Min(_limits.ReassemblyFragments, PartialPacket.MaxFragments);

    public PartialPacket* this[int i] => _entries + i;

    /// <summary>Takes over new limits; what is beyond them gives way when the next fragments come.</summary>
    public void Adopt(WorkerLimits limits) => (_limits, _timeout) = (limits, limits.ReassemblyTime.Ticks * 100);

    public PartialPacket* Find(ReadOnlySpan<ulong> key)
    {
        if (Count == 0) return null;
        var hash = Hash(key);
        for (var from = 0; from < Capacity;)
        {
            var at = _hashes.AsSpan(from).IndexOf(hash);
            if (at < 0) return null;
            var entry = _entries + from + at;
            if (key.SequenceEqual(new ReadOnlySpan<ulong>(entry->Key, PartialPacket.KeyWords))) return entry;
            from += at + 1;
        }
        return null;
    }

    /// <summary>A new entry; <paramref name="evicted"/> tells how many packets' fragments were freed for it, the oldest first.</summary>
    public PartialPacket* Add(ReadOnlySpan<ulong> key, long now, PacketPool pool, out int evicted)
    {
        evicted = 0;
        for (; Count > 0 && Count >= MaxPackets; evicted++) Free(_entries + Oldest(), pool);
        var free = _hashes.AsSpan().IndexOf(0ul);
        var entry = _entries + free;
        key.CopyTo(new Span<ulong>(entry->Key, PartialPacket.KeyWords));
        entry->Deadline = _deadlines[free] = now + _timeout;
        entry->Total = entry->Received = entry->Count = 0;
        entry->InUse = true;
        _hashes[free] = Hash(key);
        Count++;
        return entry;
    }

    /// <summary>Counts buffers that an entry takes; returns how many other packets' fragments were freed for them, the oldest first. The entry itself goes (false) when it alone is too big.</summary>
    public bool TryHold(PartialPacket* entry, int buffers, PacketPool pool, out int evicted)
    {
        evicted = 0;
        while (Buffers + buffers > _limits.ReassemblyBuffers)
        {
            if (Count <= 1) return false;
            var deadline = _deadlines[entry - _entries];
            _deadlines[entry - _entries] = long.MaxValue;
            Free(_entries + Oldest(), pool);
            _deadlines[entry - _entries] = deadline;
            evicted++;
        }
        Buffers += buffers;
        entry->Buffers += buffers;
        return true;
    }

    /// <summary>Ends an entry with its fragments.</summary>
    public void Free(PartialPacket* entry, PacketPool pool)
    {
        pool.Free(new ReadOnlySpan<uint>(entry->Fragments, entry->Count));
        Remove(entry);
    }

    /// <summary>Ends an entry; its fragments are the caller's.</summary>
    public void Remove(PartialPacket* entry)
    {
        entry->InUse = false;
        _hashes[entry - _entries] = 0;
        Buffers -= entry->Buffers;
        entry->Buffers = 0;
        Count--;
    }

    /// <summary>Frees what waited too long.</summary>
    public int Expire(long now, PacketPool pool)
    {
        var expired = 0;
        if (Count == 0) return 0;
        for (var i = 0; i < Capacity && Count > 0; i++)
        {
            if (_hashes[i] == 0 || _deadlines[i] > now) continue;
            Free(_entries + i, pool);
            expired++;
        }
        return expired;
    }

    public void Dispose(PacketPool pool)
    {
        Expire(long.MaxValue, pool);
        NativeMemory.Free(_entries);
    }

    private int Oldest()
    {
        var oldest = -1;
        for (var i = 0; i < Capacity; i++)
            if (_hashes[i] != 0 && (oldest < 0 || _deadlines[i] < _deadlines[oldest])) oldest = i;
        return oldest;
    }

    private ulong Hash(ReadOnlySpan<ulong> key)
    {
        var hash = _seed;
        foreach (var word in key)
        {
            hash = (hash ^ word) * 0xBF58_476D_1CE4_E5B9;
            hash ^= hash >> 31;
        }
        return hash | 1;
    }
}
