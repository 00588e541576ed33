using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gateway.Dataplane.Tables;

/// <summary>What became of a source address that a worker showed to the table.</summary>
internal enum MacLearning
{
    /// <summary>It was known at this place.</summary>
    Known,

    /// <summary>It is new.</summary>
    Learned,

    /// <summary>It was at another place before.</summary>
    Moved,

    /// <summary>It is configured to be at another place.</summary>
    Fixed,

    /// <summary>There are as many addresses as there may be.</summary>
    Full,

    /// <summary>Its entry is just being removed; the next frame will do.</summary>
    Busy,
}

/// <summary>
/// The stations of a bridge: where each MAC address is. Fixed in size, four entries to a cache line (their addresses first, then what is known of them), each address in one of two lines.
/// Workers read and learn without a lock: an entry is taken by exchanging its address for zero, and what is known of it is only ever exchanged as a whole.
/// The control side removes in two steps: the entry becomes dead (its value zero), and when every worker has passed an epoch since, its address becomes zero and the place is free.
/// So a reader that finds an address before and after it read the value has the value of that address: the place cannot have been given to another meanwhile.
/// </summary>
internal unsafe struct MacTable
{
    /// <summary>Set in every address that is there, so that zero is none.</summary>
    private const ulong Taken = 1ul << 48;

    /// <summary>Bits of a value: interface (16), remote end of a tunnel (15), fixed, second last seen (32).</summary>
    public const ulong WhereMask = 0x7FFF_FFFF, Fixed = 0x8000_0000;
    private const int Ways = 4;

    private static readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;

    private uint _mask;

    /// <summary>Entries there may be, and from how many on a member learns only within its share.</summary>
    private int _limit, _shared;

    /// <summary>Entries that a member may learn however full the table is.</summary>
    private int _share;

    /// <summary>Entries in use.</summary>
    private int _count;

    private ulong* _lines;

    /// <summary>Entries in use, dead ones excepted.</summary>
    public readonly int Count => Volatile.Read(in _count);

    public readonly int Limit => _limit;

    /// <summary>A table for that many addresses.</summary>
    public static MacTable* New(int limit)
    {
        // Three to six times the room, so that the two lines of an address are as good as never both full.
        var lines = BitOperations.RoundUpToPowerOf2((uint)Math.Max(8, limit * 3 / 4));
        var bytes = (nuint)lines * 64;
        var block = (MacTable*)NativeMemory.AlignedAlloc(bytes + 64, 64);
        NativeMemory.Clear(block, bytes + 64);
        block->_mask = lines - 1;
        block->_limit = limit;
        block->_lines = (ulong*)((byte*)block + 64);
        block->SetMembers(1);
        return block;
    }

    /// <summary>
    /// Divides what may be learned: three quarters go to whoever comes first, the last quarter in equal shares to the members, so that one under a flood of addresses leaves room to the others.
    /// </summary>
    public void SetMembers(int members)
    {
        _share = Math.Max(1, _limit / 4 / Math.Max(1, members));
        _shared = members <= 1 ? _limit : _limit - (_limit / 4);
    }

    /// <summary>What is known of an address; 0 nothing.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly ulong Find(ulong mac)
    {
        var hash = Hash(mac);
        var key = mac | Taken;
        var line = _lines + ((hash & _mask) * 8);
        var hits = Hits(line, key);
        if (hits == 0)
        {
            line = _lines + ((hash >> 32 & _mask) * 8);
            hits = Hits(line, key);
            if (hits == 0) return 0;
        }
        var way = BitOperations.TrailingZeroCount(hits);
        var value = Volatile.Read(ref line[Ways + way]);
        return Volatile.Read(ref line[way]) == key ? value : 0;
    }

    /// <summary>Brings the first line of an address near.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly void Prefetch(ulong mac)
    {
        if (System.Runtime.Intrinsics.X86.Sse.IsSupported) System.Runtime.Intrinsics.X86.Sse.Prefetch0(_lines + ((Hash(mac) & _mask) * 8));
    }

    /// <summary>Notes that an address was seen at a place in a second. Any worker.</summary>
    /// <param name="ports">The members by interface; each counts its addresses.</param>
    public MacLearning Learn(ulong mac, ulong where, uint second, BridgePort* ports)
    {
        var key = mac | Taken;
        var fresh = where | (ulong)second << 32;
        var hash = Hash(mac);
        var first = _lines + ((hash & _mask) * 8);
        var other = _lines + ((hash >> 32 & _mask) * 8);
        var at = Place(first, other, key);
        if (at != null)
        {
            var value = Volatile.Read(ref at[Ways]);
            if (value == 0) return MacLearning.Busy;
            if ((value & WhereMask) == where)
            {
                // What another worker or the control side put there meanwhile is as good or better.
                if ((value & Fixed) == 0 && value >> 32 != second) Interlocked.CompareExchange(ref at[Ways], fresh, value);
                return MacLearning.Known;
            }
            if ((value & Fixed) != 0) return MacLearning.Fixed;
            var from = ports + (ushort)value;
            var to = ports + (ushort)where;
            if (to != from && to->MacLimit != 0 && Volatile.Read(ref to->Macs) >= to->MacLimit) return MacLearning.Full;
            if (Interlocked.CompareExchange(ref at[Ways], fresh, value) != value) return MacLearning.Busy;
            if (to == from) return MacLearning.Moved;
            Interlocked.Decrement(ref from->Macs);
            Interlocked.Increment(ref to->Macs);
            return MacLearning.Moved;
        }
        var port = ports + (ushort)where;
        var (count, own) = (Volatile.Read(ref _count), Volatile.Read(ref port->Macs));
        if (count >= _limit || (port->MacLimit != 0 && own >= port->MacLimit) || (count >= _shared && own >= _share)) return MacLearning.Full;
        // The first line, where most are found at once, until it is half full; from then on the emptier one.
        var free = BitOperations.PopCount(Hits(first, 0));
        if (free <= Ways / 2 && free < BitOperations.PopCount(Hits(other, 0)))
        {
            var fuller = first;
            first = other;
            other = fuller;
        }
        for (var way = 0; way < 2 * Ways; way++)
        {
            at = way < Ways ? first + way : other + way - Ways;
            if (Volatile.Read(ref *at) != 0) continue;
            var before = Interlocked.CompareExchange(ref *at, key, 0);
            if (before == key) return MacLearning.Busy;
            if (before != 0) continue;
            Interlocked.Increment(ref _count);
            Interlocked.Increment(ref port->Macs);
            Volatile.Write(ref at[Ways], fresh);
            return MacLearning.Learned;
        }
        return MacLearning.Full;
    }

    /// <summary>Puts a configured address in, in place of what was learned; false when both its lines are full. Control side, which has waited for an epoch since it last removed anything.</summary>
    public bool Fix(ulong mac, ulong where, BridgePort* ports)
    {
        var key = mac | Taken;
        var hash = Hash(mac);
        var first = _lines + ((hash & _mask) * 8);
        var other = _lines + ((hash >> 32 & _mask) * 8);
        while (true)
        {
            var at = Place(first, other, key);
            if (at != null)
            {
                var value = Volatile.Read(ref at[Ways]);
                // A worker has taken the place just now and not yet said where the address is.
                if (value == 0) continue;
                if (Interlocked.CompareExchange(ref at[Ways], where | Fixed, value) != value) continue;
                if ((value & Fixed) == 0) Interlocked.Decrement(ref ports[(ushort)value].Macs);
                return true;
            }
            var place = Place(first, other, 0);
            if (place == null) return false;
            if (Interlocked.CompareExchange(ref *place, key, 0) != 0) continue;
            Interlocked.Increment(ref _count);
            Volatile.Write(ref place[Ways], where | Fixed);
            return true;
        }
    }

    /// <summary>Makes entries dead that a test picks by address and value, and returns them; <see cref="Release"/> frees them after an epoch. Control side.</summary>
    public List<nint> Kill(Func<ulong, ulong, bool> test, BridgePort* ports)
    {
        List<nint> dead = [];
        for (nuint line = 0; line <= _mask; line++)
            for (var way = 0; way < Ways; way++)
            {
                var at = _lines + (line * 8) + way;
                var value = Volatile.Read(ref at[Ways]);
                if (*at == 0 || value == 0 || !test(*at & ~Taken, value)) continue;
                if (Interlocked.CompareExchange(ref at[Ways], 0, value) != value) continue;
                if ((value & Fixed) == 0) Interlocked.Decrement(ref ports[(ushort)value].Macs);
                dead.Add((nint)at);
            }
        return dead;
    }

    /// <summary>Frees the places of entries that were killed an epoch ago.</summary>
    public void Release(List<nint> dead)
    {
        foreach (var at in dead) Volatile.Write(ref *(ulong*)at, 0);
        Interlocked.Add(ref _count, -dead.Count);
    }

    /// <summary>Every address with its value. Control side.</summary>
    public readonly List<(ulong Mac, ulong Value)> All()
    {
        List<(ulong, ulong)> all = [];
        for (nuint line = 0; line <= _mask; line++)
            for (var way = 0; way < Ways; way++)
            {
                var at = _lines + (line * 8) + way;
                var value = Volatile.Read(ref at[Ways]);
                if (*at != 0 && value != 0) all.Add((*at & ~Taken, value));
            }
        return all;
    }

    /// <summary>The entry with that address, its value <see cref="Ways"/> behind it; null when neither line has it.</summary>
    private static ulong* Place(ulong* first, ulong* other, ulong key)
    {
        var hits = Hits(first, key);
        if (hits != 0) return first + BitOperations.TrailingZeroCount(hits);
        hits = Hits(other, key);
        return hits != 0 ? other + BitOperations.TrailingZeroCount(hits) : null;
    }

    // Each of the four addresses is read in one piece; they need not be of one moment.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hits(ulong* line, ulong key) => Vector256.Equals(Vector256.Load(line), Vector256.Create(key)).ExtractMostSignificantBits();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Hash(ulong mac)
    {
        // Both halves of one product depend on every bit of the address and of the seed, which nobody outside knows.
        var high = Math.BigMul(mac ^ _seed, 0x9E3779B97F4A7C15, out var low);
        return high ^ low;
    }
}
