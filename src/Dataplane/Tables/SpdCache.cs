using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// What the SPD said of the flows that a worker saw last: one place for each hash, the latest flow has it. An answer counts as long as no rule was added or removed; a rule is freed only after every worker
/// has seen that.
/// </summary>
internal sealed unsafe class SpdCache<TAddress> : IDisposable
    where TAddress : unmanaged, IBinaryInteger<TAddress>
{
    private const int Slots = 2048;

    /// <summary>Memory that no flow came to is never touched.</summary>
    private readonly Entry* _entries = (Entry*)NativeMemory.AllocZeroed(Slots, (nuint)sizeof(Entry));

    private struct Entry
    {
        public TAddress Local;
        public TAddress Remote;

        /// <summary>Ports, protocol and whether there are ports.</summary>
        public ulong Rest;

        /// <summary>Of the table when the answer was found; 0 none.</summary>
        public ulong Changes;
        public SpdRule<TAddress>* Rule;
    }

    /// <summary>As <see cref="SpdTable{TAddress}.Find"/> for packets that are not routed into an ipsec interface.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SpdRule<TAddress>* Find(SpdTable<TAddress> table, in SpdKey<TAddress> key)
    {
        var rest = (ulong)key.LocalPort << 48 | (ulong)key.RemotePort << 32 | (ulong)key.Protocol << 8 | (key.HasPorts ? 1ul : 0);
        var entry = _entries + (Hash(key, rest) & (Slots - 1));
        // Read before the rules are.
        var changes = table.Changes;
        if (entry->Changes == changes && entry->Rest == rest && entry->Local == key.Local && entry->Remote == key.Remote) return entry->Rule;
        return Ask(table, key, rest, changes, entry);
    }

    public void Dispose() => NativeMemory.Free(_entries);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Hash(in SpdKey<TAddress> key, ulong rest)
    {
        // No secret: who makes flows collide gets each of them looked up, which is what they cost without a cache.
        var addresses = typeof(TAddress) == typeof(uint)
            ? (ulong)Unsafe.BitCast<TAddress, uint>(key.Local) << 32 | Unsafe.BitCast<TAddress, uint>(key.Remote)
            : Mix(Unsafe.BitCast<TAddress, UInt128>(key.Local)) ^ BitOperations.RotateLeft(Mix(Unsafe.BitCast<TAddress, UInt128>(key.Remote)), 32);
        return (uint)(((addresses ^ BitOperations.RotateLeft(rest, 20)) * 0x9E3779B97F4A7C15) >> 40);
    }

    private static ulong Mix(UInt128 address) => ((ulong)(address >> 64) * 0xBF58476D1CE4E5B9) ^ (ulong)address;

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static SpdRule<TAddress>* Ask(SpdTable<TAddress> table, in SpdKey<TAddress> key, ulong rest, ulong changes, Entry* entry)
    {
        var rule = table.Find(key);
        entry->Local = key.Local;
        entry->Remote = key.Remote;
        entry->Rest = rest;
        entry->Rule = rule;
        entry->Changes = changes;
        return rule;
    }
}
