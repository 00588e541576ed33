using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Longest prefix match for IPv6: per VRF a root by the first 16 bits, and below it a tree of 6 bits a level whose nodes know by two bitmaps which prefixes end in them and which children they
/// have (W. Eatherton and others, "Tree Bitmap", 2004). A branch with a single route is that route, compared as a whole, so the depth follows the number of routes rather than their lengths.
/// <code>
///   node:  prefixes that end here (bit = 1, then the bits) | children (64) | where children lie, where values lie      24 bytes
///   route: 1, length, value                                | high half     | low half                                  24 bytes
/// </code>
/// A change copies one array of siblings and makes it visible with one store. Workers read without a lock.
/// </summary>
internal sealed unsafe class Fib6 : IDisposable
{
    public const int MaxVrfs = 256;

    /// <summary>Addresses that are looked up together at most.</summary>
    public const int MaxBatch = 256;
    private const int RootBits = 16, RootSlots = 65536, Stride = 6;

    /// <summary>The prefixes within a node that cover each pattern of its six bits: of lengths 0 to 5.</summary>
    private static readonly ulong[] _covers = [.. Enumerable.Range(0, 64).Select(bits => Enumerable.Range(0, Stride).Aggregate(0ul, (sum, l) => sum | 1ul << (1 << l | bits >> (Stride - l))))];

    private readonly TrieArena _arena;
    private readonly Root** _roots;
    private ulong _changes = 1;
    private readonly byte[]?[] _rootLengths = new byte[MaxVrfs][];

    /// <summary>Routes of up to 16 bits, which lie in the roots alone.</summary>
    private readonly Dictionary<(uint Vrf, uint Prefix, int Length), uint> _short = [];

    /// <summary>The branch of the addresses with the same first 16 bits.</summary>
    private struct Root
    {
        /// <summary>Adjacency plus one of the longest prefix of up to 16 bits; 0 none.</summary>
        public uint Value;

        /// <summary>Number of its one <see cref="Item"/>; 0 none.</summary>
        public uint Branch;
    }

    /// <summary>A node or a route.</summary>
    private struct Item
    {
        public ulong A;
        public ulong B;
        public ulong C;

        public readonly bool IsRoute => (A & 1) != 0;

        public readonly int Length => (byte)(A >> 8);

        public readonly uint Value => (uint)(A >> 32);

        public readonly uint Children => (uint)C;

        public readonly uint Values => (uint)(C >> 32);

        public readonly int ValueCount => BitOperations.PopCount(A);

        public readonly int ChildCount => BitOperations.PopCount(B);

        public static Item Route(UInt128 prefix, int length, uint value) => new() { A = 1 | (ulong)length << 8 | (ulong)value << 32, B = (ulong)(prefix >> 64), C = (ulong)prefix };

        public static Item Node(ulong ends, ulong branches, uint children, uint values) => new() { A = ends, B = branches, C = children | (ulong)values << 32 };
    }

    public Fib6(Epochs epochs)
    {
        // The table of covers is made here, not at the first lookup, where a worker would pay for it.
        RuntimeHelpers.RunClassConstructor(typeof(Fib6).TypeHandle);
        _arena = new TrieArena(epochs);
        _roots = (Root**)NativeMemory.AllocZeroed(MaxVrfs, (nuint)sizeof(Root*));
    }

    /// <summary>Grows with every change, once it can be seen; from 1. What was looked up at one value holds as long as the value stays.</summary>
    public ulong Changes => Volatile.Read(ref _changes);

    /// <summary>Routes in all VRFs.</summary>
    public int Count { get; private set; }

    /// <summary>Native bytes in use.</summary>
    public long Bytes
    {
        get
        {
            var bytes = _arena.Used;
            for (var i = 0; i < MaxVrfs; i++)
                if (_roots[i] != null) bytes += RootSlots * (sizeof(Root) + 1);
            return bytes;
        }
    }

    /// <summary>The adjacency of the longest prefix that covers the address; 0 when none does.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public uint Lookup(uint vrf, ulong high, ulong low)
    {
        var roots = (Root*)Volatile.Read(ref *(nint*)(_roots + (vrf & (MaxVrfs - 1))));
        if (roots == null) return 0;
        var root = roots + (high >> 48);
        var value = root->Value;
        var branch = Volatile.Read(ref root->Branch);
        if (branch != 0)
        {
            var item = (Item*)_arena[branch];
            uint values = 0, nth = 0;
            ref var covers = ref MemoryMarshal.GetArrayDataReference(_covers);
            for (var depth = RootBits; ; depth += Stride)
            {
                var a = item->A;
                if ((a & 1) != 0)
                {
                    var length = (int)(a >> 8 & 0xFF);
                    if ((((high ^ item->B) & MaskHigh(length)) | ((low ^ item->C) & MaskLow(length))) == 0) return (uint)(a >> 32) - 1;
                    break;
                }
                var bits = BitsAt(high, low, depth);
                var lies = Volatile.Read(ref item->C);
                var found = a & Unsafe.Add(ref covers, bits);
                if (found != 0)
                {
                    // The highest bit is the longest prefix.
                    values = (uint)(lies >> 32);
                    nth = (uint)BitOperations.PopCount(a & (ulong.MaxValue >> BitOperations.LeadingZeroCount(found))) - 1;
                }
                if ((item->B >> bits & 1) == 0) break;
                item = (Item*)_arena[(uint)lies] + BitOperations.PopCount(item->B & ((1ul << bits) - 1));
            }
            if (values != 0) value = ((uint*)_arena[values])[nth];
        }
        return value == 0 ? 0 : value - 1;
    }

    /// <summary>The same for a frame of addresses, level by level: while one waits for memory the others' loads are on their way.</summary>
    /// <param name="highs">Up to <see cref="MaxBatch"/> upper halves.</param>
    /// <param name="vrfs">The VRF of each; takes the adjacencies.</param>
    [SkipLocalsInit]
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Lookup(ulong* highs, ulong* lows, uint* vrfs, int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)count, (uint)MaxBatch, nameof(count));
        if (count == 0) return;
        if (!new ReadOnlySpan<ulong>(lows, count).ContainsAnyExcept(lows[0]) && !new ReadOnlySpan<ulong>(highs, count).ContainsAnyExcept(highs[0]) && !new ReadOnlySpan<uint>(vrfs, count).ContainsAnyExcept(vrfs[0]))
        {
            new Span<uint>(vrfs, count).Fill(Lookup(vrfs[0], highs[0], lows[0]));
            return;
        }
        var waiting = stackalloc int[MaxBatch];
        var items = stackalloc Item*[MaxBatch];
        // Where the longest prefix met so far has its value; null is the root's.
        var found = stackalloc uint*[MaxBatch];
        var active = 0;
        for (var i = 0; i < count; i++)
        {
            var roots = (Root*)Volatile.Read(ref *(nint*)(_roots + (vrfs[i] & (MaxVrfs - 1))));
            vrfs[i] = 0;
            found[i] = null;
            if (roots == null) continue;
            var root = roots + (highs[i] >> 48);
            vrfs[i] = root->Value;
            var branch = Volatile.Read(ref root->Branch);
            if (branch == 0) continue;
            items[i] = (Item*)_arena[branch];
            if (Sse.IsSupported) Sse.Prefetch0(items[i]);
            waiting[active++] = i;
        }
        ref var covers = ref MemoryMarshal.GetArrayDataReference(_covers);
        for (var depth = RootBits; active > 0; depth += Stride)
        {
            var still = 0;
            for (var k = 0; k < active; k++)
            {
                var i = waiting[k];
                var item = items[i];
                var (high, low) = (highs[i], lows[i]);
                var a = item->A;
                if ((a & 1) != 0)
                {
                    var length = (int)(a >> 8 & 0xFF);
                    if ((((high ^ item->B) & MaskHigh(length)) | ((low ^ item->C) & MaskLow(length))) == 0)
                    {
                        vrfs[i] = (uint)(a >> 32);
                        found[i] = null;
                    }
                    continue;
                }
                var bits = BitsAt(high, low, depth);
                var lies = Volatile.Read(ref item->C);
                var covering = a & Unsafe.Add(ref covers, bits);
                if (covering != 0)
                {
                    found[i] = (uint*)_arena[(uint)(lies >> 32)] + ((uint)BitOperations.PopCount(a & (ulong.MaxValue >> BitOperations.LeadingZeroCount(covering))) - 1);
                    if (Sse.IsSupported) Sse.Prefetch0(found[i]);
                }
                if ((item->B >> bits & 1) == 0) continue;
                items[i] = (Item*)_arena[(uint)lies] + BitOperations.PopCount(item->B & ((1ul << bits) - 1));
                if (Sse.IsSupported) Sse.Prefetch0(items[i]);
                waiting[still++] = i;
            }
            active = still;
        }
        for (var i = 0; i < count; i++)
        {
            var value = found[i] == null ? vrfs[i] : Volatile.Read(ref *found[i]);
            vrfs[i] = value == 0 ? 0 : value - 1;
        }
    }

    /// <summary>Adds or changes a route. Control side only.</summary>
    public void Set(uint vrf, ulong high, ulong low, int length, uint adjacency)
    {
        Write(vrf, high, low, length, adjacency);
        Volatile.Write(ref _changes, _changes + 1);
    }

    /// <summary>Removes a route; false when there was none. Control side only.</summary>
    public bool Remove(uint vrf, ulong high, ulong low, int length)
    {
        var removed = Take(vrf, high, low, length);
        Volatile.Write(ref _changes, _changes + 1);
        return removed;
    }

    private void Write(uint vrf, ulong high, ulong low, int length, uint adjacency)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(vrf, (uint)MaxVrfs);
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)length, 128u, nameof(length));
        var prefix = new UInt128(high & MaskHigh(length), low & MaskLow(length));
        if (_roots[vrf] == null)
        {
            _rootLengths[vrf] = new byte[RootSlots];
            Volatile.Write(ref *(nint*)(_roots + vrf), (nint)NativeMemory.AllocZeroed(RootSlots, (nuint)sizeof(Root)));
        }
        if (length > RootBits)
        {
            if (Insert(_roots[vrf] + (high >> 48), prefix, length, adjacency + 1)) Count++;
            return;
        }
        var first = (uint)(high >> 48) & (uint)(MaskHigh(length) >> 48);
        if (!_short.ContainsKey((vrf, first, length))) Count++;
        _short[(vrf, first, length)] = adjacency;
        FillRoot(vrf, first, length, adjacency + 1, length);
    }

    private bool Take(uint vrf, ulong high, ulong low, int length)
    {
        if (vrf >= MaxVrfs || _roots[vrf] == null) return false;
        if (length > RootBits)
        {
            if (!Delete(_roots[vrf] + (high >> 48), new UInt128(high & MaskHigh(length), low & MaskLow(length)), length)) return false;
            Count--;
            return true;
        }
        var first = (uint)(high >> 48) & (uint)(MaskHigh(length) >> 48);
        if (!_short.Remove((vrf, first, length))) return false;
        Count--;
        for (var shorter = length - 1; shorter >= 0; shorter--)
            if (_short.TryGetValue((vrf, first & (uint)(MaskHigh(shorter) >> 48), shorter), out var cover))
            {
                FillRoot(vrf, first, length, cover + 1, shorter);
                return true;
            }
        FillRoot(vrf, first, length, 0, 0);
        return true;
    }

    /// <summary>The route of exactly this prefix. Control side only.</summary>
    public bool TryGet(uint vrf, ulong high, ulong low, int length, out uint adjacency)
    {
        adjacency = 0;
        if (vrf >= MaxVrfs || _roots[vrf] == null) return false;
        if (length <= RootBits) return _short.TryGetValue((vrf, (uint)(high >> 48) & (uint)(MaskHigh(length) >> 48), length), out adjacency);
        var prefix = new UInt128(high & MaskHigh(length), low & MaskLow(length));
        var item = (Item*)Where(_roots[vrf][high >> 48].Branch);
        for (var depth = RootBits; item != null; depth += Stride)
        {
            if (item->IsRoute)
            {
                if (item->Length != length || item->B != (ulong)(prefix >> 64) || item->C != (ulong)prefix) return false;
                adjacency = item->Value - 1;
                return true;
            }
            if (length < depth + Stride)
            {
                var end = EndOf(prefix, length, depth);
                if ((item->A >> end & 1) == 0) return false;
                adjacency = ((uint*)_arena[item->Values])[Rank(item->A, end)] - 1;
                return true;
            }
            var bits = BitsAt(prefix, depth);
            if ((item->B >> bits & 1) == 0) return false;
            item = (Item*)_arena[item->Children] + Rank(item->B, bits);
        }
        return false;
    }

    public void Dispose()
    {
        for (var i = 0; i < MaxVrfs; i++) NativeMemory.Free(_roots[i]);
        NativeMemory.Free(_roots);
        _arena.Dispose();
    }

    internal static ulong MaskHigh(int length) => length >= 64 ? ulong.MaxValue : length == 0 ? 0 : ulong.MaxValue << (64 - length);

    internal static ulong MaskLow(int length) => length <= 64 ? 0 : ulong.MaxValue << (128 - length);

    // Levels begin at 16, 22 … 58, 64 … 124, so none lies across the halves; the last one has four bits.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int BitsAt(ulong high, ulong low, int depth) =>
        depth < 64 ? (int)(high >> (58 - depth)) & 63 : depth <= 122 ? (int)(low >> (122 - depth)) & 63 : (int)(low << (depth - 122)) & 63;

    private static int BitsAt(UInt128 prefix, int depth) => BitsAt((ulong)(prefix >> 64), (ulong)prefix, depth);

    /// <summary>Number of a prefix among those that end in the node at that depth: a one, then its bits there.</summary>
    private static int EndOf(UInt128 prefix, int length, int depth) => 1 << (length - depth) | BitsAt(prefix, depth) >> (Stride - (length - depth));

    private static int Rank(ulong bitmap, int bit) => BitOperations.PopCount(bitmap & ((1ul << bit) - 1));

    private byte* Where(uint block) => block == 0 ? null : _arena[block];

    private void FillRoot(uint vrf, uint first, int length, uint value, int owner)
    {
        var lengths = _rootLengths[vrf]!;
        for (var i = first; i < first + (1u << (RootBits - length)); i++)
        {
            if (lengths[i] > length) continue;
            lengths[i] = (byte)owner;
            Volatile.Write(ref _roots[vrf][i].Value, value);
        }
    }

    /// <summary>Puts another item in the place of one: below the root alone, else among its siblings, which are copied.</summary>
    private void Replace(Root* root, Item* parent, Item* old, Item by)
    {
        if (parent == null)
        {
            var before = root->Branch;
            Volatile.Write(ref root->Branch, New(by));
            _arena.Return(before, sizeof(Item));
            return;
        }
        var siblings = parent->ChildCount;
        var from = parent->Children;
        var copy = _arena.Take(siblings * sizeof(Item));
        var items = (Item*)_arena[copy];
        new Span<Item>(_arena[from], siblings).CopyTo(new Span<Item>(items, siblings));
        items[(int)(old - (Item*)_arena[from])] = by;
        Volatile.Write(ref parent->C, copy | (ulong)parent->Values << 32);
        _arena.Return(from, siblings * sizeof(Item));
    }

    private uint New(Item item)
    {
        var block = _arena.Take(sizeof(Item));
        *(Item*)_arena[block] = item;
        return block;
    }

    /// <summary>A copy of an array with one element more; what was there is given back.</summary>
    private uint With<T>(uint array, int count, int at, T added)
        where T : unmanaged
    {
        var block = _arena.Take((count + 1) * sizeof(T));
        var to = (T*)_arena[block];
        var from = (T*)Where(array);
        for (var i = 0; i < count; i++) to[i < at ? i : i + 1] = from[i];
        to[at] = added;
        _arena.Return(array, count * sizeof(T));
        return block;
    }

    /// <summary>A copy of an array without one element; what was there is given back.</summary>
    private uint Without<T>(uint array, int count, int at)
        where T : unmanaged
    {
        var block = count == 1 ? 0 : _arena.Take((count - 1) * sizeof(T));
        var to = (T*)Where(block);
        var from = (T*)_arena[array];
        for (var i = 0; i < count; i++)
            if (i != at) to[i < at ? i : i - 1] = from[i];
        _arena.Return(array, count * sizeof(T));
        return block;
    }

    /// <summary>False when the route was there and got another value.</summary>
    private bool Insert(Root* root, UInt128 prefix, int length, uint value)
    {
        var route = Item.Route(prefix, length, value);
        if (root->Branch == 0)
        {
            Volatile.Write(ref root->Branch, New(route));
            return true;
        }
        Item* parent = null;
        var item = (Item*)_arena[root->Branch];
        for (var depth = RootBits; ; depth += Stride)
        {
            if (item->IsRoute)
            {
                var same = item->Length == length && item->B == route.B && item->C == route.C;
                Replace(root, parent, item, same ? route : Fork(*item, route, depth));
                return !same;
            }
            if (length < depth + Stride)
            {
                var end = EndOf(prefix, length, depth);
                if ((item->A >> end & 1) != 0)
                {
                    Volatile.Write(ref ((uint*)_arena[item->Values])[Rank(item->A, end)], value);
                    return false;
                }
                Replace(root, parent, item, Item.Node(item->A | 1ul << end, item->B, item->Children, With(item->Values, item->ValueCount, Rank(item->A, end), value)));
                return true;
            }
            var bits = BitsAt(prefix, depth);
            var rank = Rank(item->B, bits);
            if ((item->B >> bits & 1) == 0)
            {
                Replace(root, parent, item, Item.Node(item->A, item->B | 1ul << bits, With(item->Children, item->ChildCount, rank, route), item->Values));
                return true;
            }
            parent = item;
            item = (Item*)_arena[item->Children] + rank;
        }
    }

    /// <summary>The node that two routes of one branch need.</summary>
    private Item Fork(Item one, Item other, int depth)
    {
        var node = default(Item);
        foreach (var route in (ReadOnlySpan<Item>)[one, other])
        {
            var prefix = new UInt128(route.B, route.C);
            if (route.Length < depth + Stride)
            {
                var end = EndOf(prefix, route.Length, depth);
                node = Item.Node(node.A | 1ul << end, node.B, node.Children, With(node.Values, node.ValueCount, Rank(node.A, end), route.Value));
                continue;
            }
            var bits = BitsAt(prefix, depth);
            if ((node.B >> bits & 1) != 0)
            {
                // Both go on in one branch: the fork lies further down.
                _arena.Return(node.Children, sizeof(Item));
                return Item.Node(0, node.B, New(Fork(one, other, depth + Stride)), 0);
            }
            node = Item.Node(node.A, node.B | 1ul << bits, With(node.Children, node.ChildCount, Rank(node.B, bits), route), node.Values);
        }
        return node;
    }

    private bool Delete(Root* root, UInt128 prefix, int length)
    {
        if (root->Branch == 0) return false;
        var path = stackalloc Item*[24];
        var level = 0;
        var item = (Item*)_arena[root->Branch];
        for (var depth = RootBits; ; depth += Stride)
        {
            path[level] = item;
            if (item->IsRoute)
            {
                if (item->Length != length || item->B != (ulong)(prefix >> 64) || item->C != (ulong)prefix) return false;
                Prune(root, path, level, default, prefix);
                return true;
            }
            if (length < depth + Stride)
            {
                var end = EndOf(prefix, length, depth);
                if ((item->A >> end & 1) == 0) return false;
                Prune(root, path, level, Item.Node(item->A & ~(1ul << end), item->B, item->Children, Without<uint>(item->Values, item->ValueCount, Rank(item->A, end))), prefix);
                return true;
            }
            var bits = BitsAt(prefix, depth);
            if ((item->B >> bits & 1) == 0) return false;
            item = (Item*)_arena[item->Children] + Rank(item->B, bits);
            level++;
        }
    }

    /// <summary>Puts what is left of an item in its place; what holds nothing any more goes, and what holds one route becomes it, up to the root.</summary>
    private void Prune(Root* root, Item** path, int level, Item left, UInt128 prefix)
    {
        while (true)
        {
            var isNothing = !left.IsRoute && left.A == 0 && left.B == 0;
            if (!left.IsRoute && !isNothing) left = Reduce(left, prefix, RootBits + level * Stride);
            var parent = level == 0 ? null : path[level - 1];
            if (parent == null)
            {
                if (!isNothing)
                {
                    Replace(root, null, path[0], left);
                    return;
                }
                var before = root->Branch;
                Volatile.Write(ref root->Branch, 0);
                _arena.Return(before, sizeof(Item));
                return;
            }
            // A parent with this child alone becomes what is left of it, as does one whose only other route is its own.
            if (!isNothing && !(left.IsRoute && parent->A == 0 && parent->ChildCount == 1))
            {
                Replace(root, parent, path[level], left);
                return;
            }
            if (isNothing)
            {
                var bits = BitsAt(prefix, RootBits + (level - 1) * Stride);
                left = Item.Node(parent->A, parent->B & ~(1ul << bits), Without<Item>(parent->Children, parent->ChildCount, Rank(parent->B, bits)), parent->Values);
            }
            else
            {
                _arena.Return(parent->Children, sizeof(Item));
            }
            level--;
        }
    }

    /// <summary>A node that holds a single route, as that route.</summary>
    private Item Reduce(Item node, UInt128 prefix, int depth)
    {
        if (node.A == 0 && node.ChildCount == 1 && ((Item*)_arena[node.Children])->IsRoute)
        {
            var only = *(Item*)_arena[node.Children];
            _arena.Return(node.Children, sizeof(Item));
            return only;
        }
        if (node.B != 0 || node.ValueCount != 1) return node;
        var end = BitOperations.TrailingZeroCount(node.A);
        var bits = BitOperations.Log2((uint)end);
        var length = depth + bits;
        var mask = UInt128.MaxValue << (128 - depth);
        var own = bits == 0 ? 0 : (UInt128)(uint)(end - (1 << bits)) << (128 - length);
        var value = *(uint*)_arena[node.Values];
        _arena.Return(node.Values, sizeof(uint));
        return Item.Route(prefix & mask | own, length, value);
    }
}
