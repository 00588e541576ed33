using System.Runtime.InteropServices;
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

    /// <summary>Packet indices, and where their payload belongs.</summary>
    public fixed uint Fragments[MaxFragments];
    public fixed int Starts[MaxFragments];
    public fixed int Lengths[MaxFragments];
}

/// <summary>Holds the fragments of one worker: few packets at once, the oldest gives way.</summary>
internal sealed unsafe class ReassemblyTable
{
    public const int Capacity = 32;

    /// <summary>RFC 791 §3.2 proposes 15 seconds; nanoseconds.</summary>
    public const long Timeout = 15_000_000_000;

    private readonly PartialPacket* _entries = (PartialPacket*)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(PartialPacket));

    /// <summary>Packets of which fragments wait.</summary>
    public int Count { get; private set; }

    public PartialPacket* this[int i] => _entries + i;

    public PartialPacket* Find(ReadOnlySpan<ulong> key)
    {
        if (Count == 0) return null;
        for (var i = 0; i < Capacity; i++)
            if (_entries[i].InUse && key.SequenceEqual(new ReadOnlySpan<ulong>(_entries[i].Key, PartialPacket.KeyWords))) return _entries + i;
        return null;
    }

    /// <summary>A new entry; when all are in use <paramref name="evicted"/> tells that the oldest one's fragments were freed for it.</summary>
    public PartialPacket* Add(ReadOnlySpan<ulong> key, long now, PacketPool pool, out bool evicted)
    {
        var entry = _entries;
        for (var i = 0; i < Capacity && entry->InUse; i++)
            if (!_entries[i].InUse || _entries[i].Deadline < entry->Deadline) entry = _entries + i;
        evicted = entry->InUse;
        if (evicted) Free(entry, pool);
        key.CopyTo(new Span<ulong>(entry->Key, PartialPacket.KeyWords));
        entry->Deadline = now + Timeout;
        entry->Total = entry->Received = entry->Count = 0;
        entry->InUse = true;
        Count++;
        return entry;
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
        Count--;
    }

    /// <summary>Frees what waited too long.</summary>
    public int Expire(long now, PacketPool pool)
    {
        var expired = 0;
        for (var i = 0; i < Capacity && Count > 0; i++)
        {
            if (!_entries[i].InUse || _entries[i].Deadline > now) continue;
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
}
