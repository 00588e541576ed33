using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// The rules of one address family, found by tuple space search: rules whose ranges lie in prefixes of the same two lengths share a hash table of those prefixes, and the
/// tables are probed in the order of their best rank, until no better rule can follow. Thousands of children use few pairs of lengths, so a lookup is a few probes.
/// Rules of the very same pair of prefixes (ports, protocols) are compared one after the other.
/// </summary>
/// <remarks>Workers read without a lock while the control side changes it. A replacement is put in before the old rule goes, and the old rule goes after a grace period, so no packet sees neither.</remarks>
internal sealed unsafe class SpdTable<TAddress> : IDisposable
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private const uint SmallestBuckets = 8;

    /// <summary>Tuples that are worth to be asked for early; most configurations have fewer.</summary>
    private const int Prefetched = 4;

    /// <summary>From so many rules on they do not stay in the caches by themselves.</summary>
    public const int Many = 512;

    private static readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;
    private static readonly int _width = sizeof(TAddress) * 8;

    private readonly Epochs _epochs;
    private readonly RowSlab _rows = new(sizeof(SpdRule<TAddress>));
    private readonly Dictionary<(int Local, int Remote), nint> _tuples = [];
    private nint _root;
    private ulong _changes = 1;

    /// <summary>All rules with the same two prefix lengths.</summary>
    private struct Tuple
    {
        public TAddress LocalMask;
        public TAddress RemoteMask;

        /// <summary>No rule in it has a lower one; may be too low after a removal.</summary>
        public ulong LeastRank;
        public Buckets* Buckets;
        public uint Rules;
    }

    private struct Buckets
    {
        public uint Mask;

        /// <summary>Which of <see cref="SpdRule{TAddress}.Next"/> links the chains of these buckets.</summary>
        public uint Generation;
    }

    private struct Root
    {
        public int Count;
    }

    public SpdTable(Epochs epochs)
    {
        _epochs = epochs;
        _root = (nint)NativeMemory.AlignedAlloc(64, 64);
        ((Root*)_root)->Count = 0;
    }

    public int Count { get; private set; }

    /// <summary>Grows with every rule that comes or goes, before what went is freed; from 1.</summary>
    public ulong Changes => Volatile.Read(ref _changes);

    /// <summary>Pairs of prefix lengths in use.</summary>
    public int Tuples => _tuples.Count;

    /// <summary>The first rule in the order of the SPD that selects the packet; null when none does.</summary>
    /// <param name="ifId">Only rules with this number; 0 in the tables of packets that are not routed into an ipsec interface.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public SpdRule<TAddress>* Find(in SpdKey<TAddress> key, uint ifId = 0)
    {
        var root = (Root*)Volatile.Read(ref _root);
        var tuples = (Tuple**)(root + 2);
        SpdRule<TAddress>* best = null;
        for (var i = 0; i < root->Count; i++)
        {
            var tuple = tuples[i];
            if (best != null && best->Rank < tuple->LeastRank) break;
            var buckets = (Buckets*)Volatile.Read(ref *(nint*)&tuple->Buckets);
            var heads = (nint*)(buckets + 1);
            var rule = (SpdRule<TAddress>*)Volatile.Read(ref heads[Hash(key.Local & tuple->LocalMask, key.Remote & tuple->RemoteMask, ifId) & buckets->Mask]);
            for (; rule != null; rule = (SpdRule<TAddress>*)Volatile.Read(ref rule->Next[buckets->Generation]))
            {
                if (best != null && !rule->Precedes(*best)) break;
                if (rule->IfId != ifId || !rule->Matches(key)) continue;
                best = rule;
                break;
            }
        }
        return best;
    }

    /// <summary>Brings what a look for the key reads first towards the cache: the heads of its chains, or with <paramref name="rules"/>, when those are there, the rules that they lead to.</summary>
    public void Prefetch(in SpdKey<TAddress> key, uint ifId, bool rules)
    {
        var root = (Root*)Volatile.Read(ref _root);
        var tuples = (Tuple**)(root + 2);
        for (var i = 0; i < Math.Min(root->Count, Prefetched); i++)
        {
            var tuple = tuples[i];
            var buckets = (Buckets*)Volatile.Read(ref *(nint*)&tuple->Buckets);
            var head = (nint*)(buckets + 1) + (Hash(key.Local & tuple->LocalMask, key.Remote & tuple->RemoteMask, ifId) & buckets->Mask);
            if (!rules)
            {
                Sse.Prefetch0(head);
                continue;
            }
            var rule = Volatile.Read(ref *head);
            // What it selects; the link to the next one of a chain is hardly ever needed.
            for (var line = 0; line < 2 * sizeof(SpdRange<TAddress>); line += 64) Sse.Prefetch0((byte*)rule + line);
        }
    }

    /// <summary>Adds a rule; what comes back stays in place until it is removed. Control side only.</summary>
    public SpdRule<TAddress>* Add(in SpdRule<TAddress> rule)
    {
        var added = (SpdRule<TAddress>*)_rows.Take();
        *added = rule;
        var tuple = TupleOf(rule, create: true);
        // Counted first: growing may run removals that waited, and the tuple must not look empty to them.
        tuple->Rules++;
        if (2 * tuple->Rules > tuple->Buckets->Mask + 1) Grow(tuple);
        Link(tuple, tuple->Buckets, added);
        Count++;
        if (tuple->Rules == 1 || rule.Rank < tuple->LeastRank)
        {
            tuple->LeastRank = rule.Rank;
            Publish();
        }
        Volatile.Write(ref _changes, _changes + 1);
        return added;
    }

    /// <summary>Removes a rule once every worker has seen what was added before. Control side only.</summary>
    public void Remove(SpdRule<TAddress>* rule) => _epochs.Retire(() => Unlink(rule));

    public void Dispose()
    {
        foreach (Tuple* tuple in _tuples.Values)
        {
            NativeMemory.AlignedFree(tuple->Buckets);
            NativeMemory.AlignedFree(tuple);
        }
        _tuples.Clear();
        NativeMemory.AlignedFree((void*)_root);
        _root = 0;
        _rows.Dispose();
    }

    private static (int Local, int Remote) LengthsOf(in SpdRule<TAddress> rule) =>
        (_width - (rule.Local.Start ^ rule.Local.End).GetShortestBitLength(), _width - (rule.Remote.Start ^ rule.Remote.End).GetShortestBitLength());

    private static TAddress MaskOf(int length) => length == 0 ? TAddress.Zero : ~TAddress.Zero << (_width - length);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(TAddress local, TAddress remote, uint ifId)
    {
        ulong hash;
        if (typeof(TAddress) == typeof(uint))
        {
            hash = (ulong)Unsafe.BitCast<TAddress, uint>(local) << 32 | Unsafe.BitCast<TAddress, uint>(remote);
        }
        else
        {
            var (l, r) = (Unsafe.BitCast<TAddress, UInt128>(local), Unsafe.BitCast<TAddress, UInt128>(remote));
            hash = ((ulong)(l >> 64) ^ _seed) * 0x9E3779B97F4A7C15;
            hash = (BitOperations.RotateLeft(hash, 29) ^ (ulong)l) * 0xBF58476D1CE4E5B9;
            hash = (BitOperations.RotateLeft(hash, 31) ^ (ulong)(r >> 64)) * 0x94D049BB133111EB;
            hash = BitOperations.RotateLeft(hash, 27) ^ (ulong)r;
        }
        hash = (hash ^ _seed ^ (ulong)ifId * 0xD6E8FEB86659FD93) * 0x9E3779B97F4A7C15;
        hash = (hash ^ hash >> 32) * 0xBF58476D1CE4E5B9;
        return (uint)(hash >> 32);
    }

    private static Buckets* NewBuckets(uint count, uint generation)
    {
        var bytes = (nuint)sizeof(Buckets) + count * (nuint)sizeof(nint);
        var buckets = (Buckets*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(buckets, bytes);
        buckets->Mask = count - 1;
        buckets->Generation = generation;
        return buckets;
    }

    private static void Link(Tuple* tuple, Buckets* buckets, SpdRule<TAddress>* rule)
    {
        var place = PlaceOf(tuple, buckets, rule);
        rule->Next[buckets->Generation] = *place;
        Volatile.Write(ref *place, (ulong)rule);
    }

    private void Unlink(SpdRule<TAddress>* rule)
    {
        // A removal that still waited when the tables went: the rule was freed with them.
        if (_root == 0) return;
        var tuple = TupleOf(*rule, create: false);
        var place = PlaceOf(tuple, tuple->Buckets, rule);
        while (*place != (ulong)rule) place = &((SpdRule<TAddress>*)*place)->Next[tuple->Buckets->Generation];
        // The removed rule keeps its own link, for workers that stand on it.
        Volatile.Write(ref *place, rule->Next[tuple->Buckets->Generation]);
        Volatile.Write(ref _changes, _changes + 1);
        tuple->Rules--;
        Count--;
        var emptied = tuple->Rules == 0;
        var lengths = LengthsOf(*rule);
        _epochs.Retire(() => _rows.Give(rule));
        if (!emptied) return;
        _tuples.Remove(lengths);
        Publish();
        _epochs.Retire(tuple->Buckets);
        _epochs.Retire(tuple);
    }

    /// <summary>The link where the rule hangs or would hang in its chain: before the first that it precedes.</summary>
    private static ulong* PlaceOf(Tuple* tuple, Buckets* buckets, SpdRule<TAddress>* rule)
    {
        var place = (ulong*)(buckets + 1) + (Hash(rule->Local.Start & tuple->LocalMask, rule->Remote.Start & tuple->RemoteMask, rule->IfId) & buckets->Mask);
        while (*place != 0 && ((SpdRule<TAddress>*)*place)->Precedes(*rule)) place = &((SpdRule<TAddress>*)*place)->Next[buckets->Generation];
        return place;
    }

    private Tuple* TupleOf(in SpdRule<TAddress> rule, bool create)
    {
        var lengths = LengthsOf(rule);
        if (_tuples.TryGetValue(lengths, out var found) || !create) return (Tuple*)found;
        var tuple = (Tuple*)NativeMemory.AlignedAlloc((nuint)sizeof(Tuple), 64);
        *tuple = new Tuple { LocalMask = MaskOf(lengths.Local), RemoteMask = MaskOf(lengths.Remote), Buckets = NewBuckets(SmallestBuckets, 0), LeastRank = ulong.MaxValue };
        _tuples.Add(lengths, (nint)tuple);
        return tuple;
    }

    /// <summary>Gives a tuple more buckets. The chains of the new ones use the other link of each rule, so readers of the old ones go on undisturbed.</summary>
    private void Grow(Tuple* tuple)
    {
        var old = tuple->Buckets;
        var grown = NewBuckets(4 * (old->Mask + 1), old->Generation ^ 1);
        var heads = (ulong*)(old + 1);
        for (uint i = 0; i <= old->Mask; i++)
            for (var rule = (SpdRule<TAddress>*)heads[i]; rule != null; rule = (SpdRule<TAddress>*)rule->Next[old->Generation])
                Link(tuple, grown, rule);
        Volatile.Write(ref *(nint*)&tuple->Buckets, (nint)grown);
        // Links of the old generation are used again by the next growth: nobody may still follow them.
        _epochs.Synchronize();
        NativeMemory.AlignedFree(old);
    }

    private void Publish()
    {
        var root = (Root*)NativeMemory.AlignedAlloc((nuint)(2 * sizeof(Root) + _tuples.Count * sizeof(nint)), 64);
        root->Count = _tuples.Count;
        var tuples = (Tuple**)(root + 2);
        var at = 0;
        foreach (var tuple in _tuples.Values.OrderBy(t => ((Tuple*)t)->LeastRank)) tuples[at++] = (Tuple*)tuple;
        var old = (void*)_root;
        Volatile.Write(ref _root, (nint)root);
        _epochs.Retire(old);
    }
}
