using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// A hash map in native memory from (128-bit key, tag) to a number, read by workers without a lock while one control thread changes it.
/// A slot once used never takes another key: removed ones stay until the map is rebuilt, so a reader sees a whole entry or none.
/// </summary>
internal sealed unsafe class NativeMap : IDisposable
{
    private const uint Empty = 0, Used = 1, Removed = 2;
    private static readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;

    private readonly Epochs _epochs;
    private nint _published;
    private uint _spent;

    [StructLayout(LayoutKind.Sequential, Size = 32)]
    private struct Entry
    {
        public ulong High;
        public ulong Low;
        public uint Tag;
        public uint Value;
        public uint State;
    }

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Block
    {
        public uint Mask;
    }

    public NativeMap(Epochs epochs, int capacity = 16)
    {
        _epochs = epochs;
        _published = (nint)New(BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, capacity * 2)));
    }

    private Block* Current => (Block*)_published;

    /// <summary>Entries in the map; for the control side.</summary>
    public int Count { get; private set; }

    /// <summary>Native bytes held now.</summary>
    public long Bytes => sizeof(Block) + (long)(Current->Mask + 1) * sizeof(Entry);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public bool TryGet(ulong high, ulong low, uint tag, out uint value)
    {
        var block = (Block*)Volatile.Read(ref _published);
        var entries = (Entry*)(block + 1);
        var mask = block->Mask;
        for (var slot = Hash(high, low, tag) & mask; ; slot = (slot + 1) & mask)
        {
            var entry = entries + slot;
            var state = Volatile.Read(ref entry->State);
            if (state == Used && entry->Low == low && entry->High == high && entry->Tag == tag)
            {
                value = entry->Value;
                return true;
            }
            if (state == Empty)
            {
                value = 0;
                return false;
            }
        }
    }

    /// <summary>Brings the first entry that a look for the key reads towards the cache; only where the processor has SSE.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(ulong high, ulong low, uint tag)
    {
        var block = (Block*)Volatile.Read(ref _published);
        Sse.Prefetch0((Entry*)(block + 1) + (Hash(high, low, tag) & block->Mask));
    }

    /// <summary>Adds or changes an entry. Control side only.</summary>
    public void Set(ulong high, ulong low, uint tag, uint value)
    {
        var entry = Find(Current, high, low, tag);
        if (entry->State == Used)
        {
            Volatile.Write(ref entry->Value, value);
            return;
        }
        if ((_spent + 1) * 2 > Current->Mask)
        {
            Rebuild();
            entry = Find(Current, high, low, tag);
        }
        entry->High = high;
        entry->Low = low;
        entry->Tag = tag;
        entry->Value = value;
        Volatile.Write(ref entry->State, Used);
        _spent++;
        Count++;
    }

    /// <summary>Removes an entry; false when it was not there. Control side only.</summary>
    public bool Remove(ulong high, ulong low, uint tag)
    {
        var entry = Find(Current, high, low, tag);
        if (entry->State != Used) return false;
        Volatile.Write(ref entry->State, Removed);
        Count--;
        return true;
    }

    public void Dispose() => NativeMemory.AlignedFree(Current);

    private static uint Hash(ulong high, ulong low, uint tag)
    {
        var h = (high ^ _seed) * 0x9E3779B97F4A7C15;
        h = (BitOperations.RotateLeft(h, 29) ^ low) * 0xBF58476D1CE4E5B9;
        h = (BitOperations.RotateLeft(h, 31) ^ tag) * 0x94D049BB133111EB;
        return (uint)(h >> 32) ^ (uint)h >> 15;
    }

    /// <summary>The entry of the key, or the empty one where it would go.</summary>
    private static Entry* Find(Block* block, ulong high, ulong low, uint tag)
    {
        var entries = (Entry*)(block + 1);
        for (var slot = Hash(high, low, tag) & block->Mask; ; slot = (slot + 1) & block->Mask)
        {
            var entry = entries + slot;
            if (entry->State == Empty) return entry;
            if (entry->State == Used && entry->Low == low && entry->High == high && entry->Tag == tag) return entry;
        }
    }

    private static Block* New(uint slots)
    {
        var bytes = (nuint)sizeof(Block) + slots * (nuint)sizeof(Entry);
        var block = (Block*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(block, bytes);
        block->Mask = slots - 1;
        return block;
    }

    private void Rebuild()
    {
        var old = Current;
        var block = New(BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, (Count + 1) * 4)));
        var entries = (Entry*)(old + 1);
        for (uint i = 0; i <= old->Mask; i++)
            if (entries[i].State == Used) *Find(block, entries[i].High, entries[i].Low, entries[i].Tag) = entries[i];
        _spent = (uint)Count;
        Volatile.Write(ref _published, (nint)block);
        _epochs.Retire(old);
    }
}
