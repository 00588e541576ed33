using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Longest prefix match for IPv4 in one to three dependent loads, whatever the number of routes. Per VRF a root by the first 16 bits; below a root slot, where longer prefixes are, a block by
/// the next 8; below a slot of that, where prefixes are longer than 24, a leaf that holds the last 8 bits as runs of equal slots.
/// <code>
///   root:  65536 slots ──► block: fallback, 256 slots ──► leaf: fallback, bitmap of where runs begin, one value a run
/// </code>
/// A slot holds an adjacency plus one, 0 = nothing on this level, or with the top bit the number of what lies below it; then the value that would stand here is the fallback there. So no route
/// is written into more than one level, and a change of the default route touches nothing below the root. Beside the slots lie the prefix lengths that own them, for the control side.
/// </summary>
internal sealed unsafe class Fib4 : IDisposable
{
    public const int MaxVrfs = 256;

    /// <summary>Addresses that are looked up together at most.</summary>
    public const int MaxBatch = 256;
    private const uint Below = 0x8000_0000;
    private const int RootBits = 16, BlockBits = 24, RootSlots = 65536, Slots = 256;

    private readonly TrieArena _arena;
    private readonly uint** _roots;
    private ulong _changes = 1;
    private readonly byte[]?[] _rootLengths = new byte[MaxVrfs][];
    private readonly Dictionary<(uint Vrf, uint Prefix, int Length), uint> _routes = [];

    /// <summary>A bit for each own address by its hash, set and never taken back: an address that is not own any more only costs a lookup.</summary>
    private readonly ulong* _local = (ulong*)NativeMemory.AllocZeroed(LocalBits / 64, sizeof(ulong));
    private const int LocalBits = 4096;

    private struct Block
    {
        public uint Fallback;

        /// <summary>Routes longer than 16 bits in it; without any it goes.</summary>
        public int Routes;
        public fixed uint Slot[Slots];
        public fixed byte Length[Slots];
    }

    /// <summary>Behind it the values of the runs, then their lengths.</summary>
    private struct Leaf
    {
        public uint Fallback;

        /// <summary>Runs before each 64 slots, a byte each.</summary>
        public uint Ranks;
        public fixed ulong Starts[4];

        public readonly int Runs => (int)(Ranks >> 24) + BitOperations.PopCount(Starts[3]);

        public static int BytesOf(int runs) => sizeof(Leaf) + runs * (sizeof(uint) + 1);
    }

    public Fib4(Epochs epochs)
    {
        _arena = new TrieArena(epochs);
        _roots = (uint**)NativeMemory.AllocZeroed(MaxVrfs, (nuint)sizeof(uint*));
    }

    /// <summary>Grows with every change, once it can be seen; from 1. What was looked up at one value holds as long as the value stays.</summary>
    public ulong Changes => Volatile.Read(ref _changes);

    /// <summary>Routes in all VRFs.</summary>
    public int Count => _routes.Count;

    /// <summary>Native bytes in use; the control side's own book of routes is not among them.</summary>
    public long Bytes
    {
        get
        {
            var bytes = _arena.Used;
            for (var i = 0; i < MaxVrfs; i++)
                if (_roots[i] != null) bytes += RootSlots * (sizeof(uint) + 1);
            return bytes;
        }
    }

    /// <summary>False when the address is certainly none of the gateway's own; a look at one cache line, whatever the number of routes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool MayBeLocal(uint address) => (_local[OwnBit(address) >> 6] >> (int)(OwnBit(address) & 63) & 1) != 0;

    /// <summary>The adjacency of the longest prefix that covers the address (host order); 0 when none does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Lookup(uint vrf, uint address)
    {
        var root = (uint*)Volatile.Read(ref *(nint*)(_roots + (vrf & (MaxVrfs - 1))));
        if (root == null) return 0;
        var slot = Volatile.Read(ref root[address >> 16]);
        return slot < Below ? slot - (slot == 0 ? 0u : 1u) : LookupBelow(slot, address);
    }

    /// <summary>
    /// The same for a frame of addresses, level by level: while one waits for memory the others' loads are on their way, so that many routes cost little more than few.
    /// </summary>
    /// <param name="addresses">Host order; up to <see cref="MaxBatch"/>.</param>
    /// <param name="vrfs">The VRF of each; takes the adjacencies.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Lookup(uint* addresses, uint* vrfs, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)MaxBatch, nameof(count));
        if (count == 0) return;
        // What comes out of tunnels often all goes to one address, and always came to one.
        if (!new ReadOnlySpan<uint>(addresses, count).ContainsAnyExcept(addresses[0]) && !new ReadOnlySpan<uint>(vrfs, count).ContainsAnyExcept(vrfs[0]))
        {
            new Span<uint>(vrfs, count).Fill(Lookup(vrfs[0], addresses[0]));
            return;
        }
        var waiting = stackalloc int[MaxBatch];
        var at = stackalloc uint*[MaxBatch];
        var lacking = stackalloc int[MaxBatch];
        var fallbacks = stackalloc uint*[MaxBatch];
        var deep = 0;
        for (var i = 0; i < count; i++)
        {
            var root = (uint*)Volatile.Read(ref *(nint*)(_roots + (vrfs[i] & (MaxVrfs - 1))));
            var slot = root == null ? 0 : Volatile.Read(ref root[addresses[i] >> 16]);
            vrfs[i] = slot;
            // Without a branch: whether a longer prefix lies below is as good as random.
            waiting[deep] = i;
            deep += (int)(slot >> 31);
        }
        for (var k = 0; k < deep; k++)
        {
            var i = waiting[k];
            at[k] = ((Block*)_arena[vrfs[i] & ~Below])->Slot + (addresses[i] >> 8 & 0xFF);
            if (Sse.IsSupported) Sse.Prefetch0(at[k]);
        }
        var (deeper, empty) = (0, 0);
        for (var k = 0; k < deep; k++)
        {
            var i = waiting[k];
            var slot = Volatile.Read(ref *at[k]);
            var fallback = &((Block*)_arena[vrfs[i] & ~Below])->Fallback;
            vrfs[i] = slot;
            lacking[empty] = i;
            fallbacks[empty] = fallback;
            empty += slot == 0 ? 1 : 0;
            at[deeper] = fallback;
            waiting[deeper] = i;
            deeper += (int)(slot >> 31);
        }
        // A slot without a route of its own level leads back to what lies in another line of the block.
        for (var k = 0; k < empty; k++)
            if (Sse.IsSupported) Sse.Prefetch0(fallbacks[k]);
        for (var k = 0; k < empty; k++) vrfs[lacking[k]] = Volatile.Read(ref *fallbacks[k]);
        for (var k = 0; k < deeper; k++)
            if (Sse.IsSupported) Sse.Prefetch0(_arena[vrfs[waiting[k]] & ~Below]);
        for (var k = 0; k < deeper; k++)
        {
            var i = waiting[k];
            var leaf = (Leaf*)_arena[vrfs[i] & ~Below];
            var slot = ((uint*)(leaf + 1))[RunOf(leaf, (int)(addresses[i] & 0xFF))];
            if (slot == 0) slot = Volatile.Read(ref leaf->Fallback);
            if (slot == 0) slot = Volatile.Read(ref *at[k]);
            vrfs[i] = slot;
        }
        for (var i = 0; i < count; i++) vrfs[i] -= vrfs[i] == 0 ? 0u : 1u;
    }

    /// <summary>Adds or changes a route. Control side only.</summary>
    public void Set(uint vrf, uint prefix, int length, uint adjacency)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vrf, (uint)MaxVrfs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, 32u, nameof(length));
        prefix &= Mask(length);
        ref var known = ref CollectionsMarshal.GetValueRefOrAddDefault(_routes, (vrf, prefix, length), out var exists);
        known = adjacency;
        if (adjacency == AdjacencyTable.Local) NoteLocal(prefix, length);
        if (_roots[vrf] == null)
        {
            _rootLengths[vrf] = new byte[RootSlots];
            Volatile.Write(ref *(nint*)(_roots + vrf), (nint)NativeMemory.AllocZeroed(RootSlots, sizeof(uint)));
        }
        Write(vrf, prefix, length, adjacency + 1, length, exists ? 0 : 1);
        Volatile.Write(ref _changes, _changes + 1);
    }

    /// <summary>Removes a route; false when there was none. Control side only.</summary>
    public bool Remove(uint vrf, uint prefix, int length)
    {
        prefix &= Mask(length);
        if (!_routes.Remove((vrf, prefix, length))) return false;
        // The slots fall back to the next shorter prefix of the same level that covers this one, or to nothing, which leads to the level above.
        var shortest = length <= RootBits ? 0 : length <= BlockBits ? RootBits + 1 : BlockBits + 1;
        for (var shorter = length - 1; shorter >= shortest; shorter--)
            if (_routes.TryGetValue((vrf, prefix & Mask(shorter), shorter), out var cover))
            {
                Write(vrf, prefix, length, cover + 1, shorter, -1);
                Volatile.Write(ref _changes, _changes + 1);
                return true;
            }
        Write(vrf, prefix, length, 0, 0, -1);
        Volatile.Write(ref _changes, _changes + 1);
        return true;
    }

    /// <summary>The route of exactly this prefix. Control side only.</summary>
    public bool TryGet(uint vrf, uint prefix, int length, out uint adjacency) => _routes.TryGetValue((vrf, prefix & Mask(length), length), out adjacency);

    public void Dispose()
    {
        for (var i = 0; i < MaxVrfs; i++) NativeMemory.Free(_roots[i]);
        NativeMemory.Free(_roots);
        NativeMemory.Free(_local);
        _arena.Dispose();
    }

    internal static uint Mask(int length) => length == 0 ? 0 : uint.MaxValue << (32 - length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint OwnBit(uint address) => address * 0x9E3779B1 >> 20;

    /// <summary>Before the route is there. A prefix of many addresses may be any of them.</summary>
    private void NoteLocal(uint prefix, int length)
    {
        if (length < 32) new Span<ulong>(_local, LocalBits / 64).Fill(ulong.MaxValue);
        else Volatile.Write(ref _local[OwnBit(prefix) >> 6], _local[OwnBit(prefix) >> 6] | 1ul << (int)(OwnBit(prefix) & 63));
    }

    private uint LookupBelow(uint slot, uint address)
    {
        var block = (Block*)_arena[slot & ~Below];
        slot = Volatile.Read(ref block->Slot[address >> 8 & 0xFF]);
        if (slot >= Below)
        {
            var leaf = (Leaf*)_arena[slot & ~Below];
            slot = ((uint*)(leaf + 1))[RunOf(leaf, (int)(address & 0xFF))];
            if (slot == 0) slot = Volatile.Read(ref leaf->Fallback);
        }
        if (slot == 0) slot = Volatile.Read(ref block->Fallback);
        return slot == 0 ? 0 : slot - 1;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int RunOf(Leaf* leaf, int at)
    {
        var word = at >> 6;
        var upTo = leaf->Starts[word] & (ulong.MaxValue >> (63 - (at & 63)));
        return (int)(leaf->Ranks >> (word * 8) & 0xFF) + BitOperations.PopCount(upTo) - 1;
    }

    /// <summary>Writes a value into the slots that a prefix owns, on its level.</summary>
    /// <param name="owner">Length of the prefix that the value is of.</param>
    private void Write(uint vrf, uint prefix, int length, uint value, int owner, int routes)
    {
        var root = _roots[vrf];
        if (length <= RootBits)
        {
            FillRoot(root, _rootLengths[vrf]!, prefix, length, value, owner);
            return;
        }
        ref var slot = ref root[prefix >> 16];
        if (slot < Below)
        {
            var made = _arena.Take(sizeof(Block));
            ((Block*)_arena[made])->Fallback = slot;
            Volatile.Write(ref slot, made | Below);
        }
        var number = slot & ~Below;
        var block = (Block*)_arena[number];
        block->Routes += routes;
        if (length <= BlockBits) FillBlock(block, prefix, length, value, owner);
        else FillLeaf(block, prefix, length, value, owner);
        if (block->Routes > 0) return;
        Volatile.Write(ref slot, block->Fallback);
        _arena.Return(number, sizeof(Block));
    }

    private void FillRoot(uint* root, byte[] lengths, uint prefix, int length, uint value, int owner)
    {
        var first = prefix >> 16;
        for (var i = first; i < first + (1u << (RootBits - length)); i++)
        {
            if (lengths[i] > length) continue;
            lengths[i] = (byte)owner;
            if (root[i] < Below) Volatile.Write(ref root[i], value);
            else Volatile.Write(ref ((Block*)_arena[root[i] & ~Below])->Fallback, value);
        }
    }

    private void FillBlock(Block* block, uint prefix, int length, uint value, int owner)
    {
        var first = prefix >> 8 & 0xFF;
        for (var i = first; i < first + (1u << (BlockBits - length)); i++)
        {
            if (block->Length[i] > length) continue;
            block->Length[i] = (byte)owner;
            if (block->Slot[i] < Below) Volatile.Write(ref block->Slot[i], value);
            else Volatile.Write(ref ((Leaf*)_arena[block->Slot[i] & ~Below])->Fallback, value);
        }
    }

    /// <summary>A leaf is never changed but for its fallback: a new one takes its place.</summary>
    private void FillLeaf(Block* block, uint prefix, int length, uint value, int owner)
    {
        Span<uint> values = stackalloc uint[Slots];
        Span<byte> lengths = stackalloc byte[Slots];
        ref var slot = ref block->Slot[prefix >> 8 & 0xFF];
        var old = slot;
        var fallback = old;
        values.Clear();
        lengths.Clear();
        if (old >= Below) fallback = Spread((Leaf*)_arena[old & ~Below], values, lengths);
        var first = (int)(prefix & 0xFF);
        for (var i = first; i < first + (1 << (32 - length)); i++)
        {
            if (lengths[i] > length) continue;
            lengths[i] = (byte)owner;
            values[i] = value;
        }
        Volatile.Write(ref slot, lengths.IndexOfAnyExcept((byte)0) < 0 ? fallback : Gather(values, lengths, fallback));
        if (old >= Below) _arena.Return(old & ~Below, Leaf.BytesOf(((Leaf*)_arena[old & ~Below])->Runs));
    }

    private static uint Spread(Leaf* leaf, Span<uint> values, Span<byte> lengths)
    {
        var runs = leaf->Runs;
        var of = (uint*)(leaf + 1);
        var lengthOf = (byte*)(of + runs);
        for (int at = 0, run = -1; at < Slots; at++)
        {
            if ((leaf->Starts[at >> 6] >> (at & 63) & 1) != 0) run++;
            values[at] = of[run];
            lengths[at] = lengthOf[run];
        }
        return leaf->Fallback;
    }

    private uint Gather(ReadOnlySpan<uint> values, ReadOnlySpan<byte> lengths, uint fallback)
    {
        var runs = 1;
        for (var at = 1; at < Slots; at++)
            if (values[at] != values[at - 1] || lengths[at] != lengths[at - 1]) runs++;
        var number = _arena.Take(Leaf.BytesOf(runs));
        var leaf = (Leaf*)_arena[number];
        leaf->Fallback = fallback;
        var of = (uint*)(leaf + 1);
        var lengthOf = (byte*)(of + runs);
        var run = -1;
        for (var at = 0; at < Slots; at++)
        {
            if ((at & 63) == 0) leaf->Ranks |= (uint)(run + 1) << (at >> 6) * 8;
            if (at != 0 && values[at] == values[at - 1] && lengths[at] == lengths[at - 1]) continue;
            run++;
            leaf->Starts[at >> 6] |= 1ul << (at & 63);
            of[run] = values[at];
            lengthOf[run] = lengths[at];
        }
        return number | Below;
    }
}
