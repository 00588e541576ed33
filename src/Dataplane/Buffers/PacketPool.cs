using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers.Interop;

namespace Gateway.Dataplane.Buffers;

/// <summary>
/// All packets of a gateway: one native region of 4096-byte chunks, a <see cref="PacketMeta"/> for each, and 32-bit indices instead of objects.
/// Index 0 is never given out. A worker takes and returns through a list of its own (<see cref="BindThread"/>); other threads share one under a spin lock.
/// </summary>
public sealed unsafe class PacketPool : IDisposable
{
    /// <summary>Bytes of a chunk; chunks are aligned to it.</summary>
    public const int ChunkSize = 4096;

    /// <summary>Least room before the data of a new packet: outer IPv6, UDP, ESP, IV, Ethernet and a vnet header fit.</summary>
    public const int Headroom = 256;

    /// <summary>
    /// Packets start at one of this many offsets, a cache line apart, by their index. Were they all to start at the same one, then with chunks of a power of two
    /// all headers of a frame would compete for the same few sets of the caches.
    /// </summary>
    private const int Colours = 8;
    private const int CacheLine = 64;

    /// <summary>Bytes that a fresh chunk can take from its offset on, whatever its index.</summary>
    public const int Room = ChunkSize - Headroom - (Colours - 1) * CacheLine;

    /// <summary>Largest worker slot of <see cref="BindThread"/>.</summary>
    public const int MaxWorkers = 64;

    private const int CacheCapacity = 1024;
    private const int CacheBatch = CacheCapacity / 2;

    [ThreadStatic]
    private static int _slot;

    private readonly nuint _bytes;
    private readonly byte* _chunks;
    private readonly PacketMeta* _metas;
    private readonly uint* _shared;
    private readonly Cache* _caches;
    private int _sharedCount;
    private int _lock;
    private bool _disposed;

    [StructLayout(LayoutKind.Sequential, Size = 64)]
    private struct Cache
    {
        public uint* Indices;
        public int Count;
    }

    /// <param name="chunks">How many packets there can be at once.</param>
    /// <param name="hugepages">Ask for 2 MB pages; ordinary ones are taken where there are none.</param>
    public PacketPool(int chunks, bool hugepages = true)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(chunks, 16);
        Capacity = chunks;
        _bytes = ((nuint)chunks + 1) * ChunkSize;
        _chunks = NativeMemoryMap.Map(ref _bytes, hugepages, out var huge);
        UsesHugepages = huge;
        _metas = (PacketMeta*)NativeMemory.AlignedAlloc(((nuint)chunks + 1) * (nuint)sizeof(PacketMeta), 64);
        NativeMemory.Clear(_metas, ((nuint)chunks + 1) * (nuint)sizeof(PacketMeta));
        _shared = (uint*)NativeMemory.AlignedAlloc((nuint)chunks * sizeof(uint), 64);
        _caches = (Cache*)NativeMemory.AlignedAlloc((MaxWorkers + 1) * (nuint)sizeof(Cache), 64);
        NativeMemory.Clear(_caches, (MaxWorkers + 1) * (nuint)sizeof(Cache));
        // The lowest index lies on top, so that a lightly loaded gateway stays in few pages.
        for (var i = 0; i < chunks; i++)
        {
            _shared[i] = (uint)(chunks - i);
            _metas[chunks - i].Flags = PacketFlags.Free;
        }
        _sharedCount = chunks;
        _metas[0].Flags = PacketFlags.Free;
    }

    /// <summary>How many chunks there are in all.</summary>
    public int Capacity { get; }

    /// <summary>Whether the region lies in 2 MB pages.</summary>
    public bool UsesHugepages { get; }

    /// <summary>The region of all chunks, for ports that register it with the kernel; chunk i starts at i × <see cref="ChunkSize"/>.</summary>
    public byte* Region => _chunks;

    /// <summary>Bytes of <see cref="Region"/>.</summary>
    public nuint RegionBytes => _bytes;

    /// <summary>Free chunks, in the shared list and in the workers' lists. Exact only while no worker runs.</summary>
    public int Available
    {
        get
        {
            var free = Volatile.Read(ref _sharedCount);
            for (var slot = 1; slot <= MaxWorkers; slot++) free += Volatile.Read(ref _caches[slot].Count);
            return free;
        }
    }

    /// <summary>Gives the calling thread the free list of a slot (1 to <see cref="MaxWorkers"/>) in every pool; 0 takes it away. Two threads must not use one slot of one pool.</summary>
    public static void BindThread(int slot)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan((uint)slot, (uint)MaxWorkers, nameof(slot));
        _slot = slot;
    }

    /// <summary>Start of a chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Chunk(uint index) => _chunks + (nuint)index * ChunkSize;

    /// <summary>The metadata of a chunk.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public PacketMeta* Meta(uint index) => _metas + index;

    /// <summary>The packet's current header.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public byte* Data(uint index) => _chunks + (nuint)index * ChunkSize + _metas[index].Offset;

    /// <summary>Takes up to that many packets; their metadata is cleared, the offset at least <see cref="Headroom"/>. Returns how many there were.</summary>
    public int Allocate(Span<uint> into)
    {
        var taken = _slot == 0 ? TakeShared(into) : TakeCached(into, _caches + _slot);
        for (var i = 0; i < taken; i++)
        {
            var meta = _metas + into[i];
            *meta = default;
            meta->Offset = (ushort)(Headroom + (into[i] & (Colours - 1)) * CacheLine);
        }
        return taken;
    }

    /// <summary>Takes one packet; 0 when there is none.</summary>
    public uint Allocate()
    {
        uint one = 0;
        return Allocate(new Span<uint>(ref one)) == 1 ? one : 0;
    }

    /// <summary>Returns packets with their whole chains.</summary>
    public void Free(ReadOnlySpan<uint> indices)
    {
        foreach (var first in indices)
            for (var index = first; index != 0;)
            {
                if (index > (uint)Capacity || (_metas[index].Flags & PacketFlags.Free) != 0) ThrowFreedTwice(index);
                var meta = _metas + index;
                meta->Flags = PacketFlags.Free;
                var next = meta->Next;
                if (_slot == 0) GiveShared(index);
                else GiveCached(index, _caches + _slot);
                index = next;
            }
    }

    /// <summary>Returns one packet with its whole chain.</summary>
    public void Free(uint index) => Free(new ReadOnlySpan<uint>(in index));

    /// <summary>Unmaps everything; no port or worker may hold a packet any more.</summary>
    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        for (var slot = 0; slot <= MaxWorkers; slot++) NativeMemory.AlignedFree(_caches[slot].Indices);
        NativeMemory.AlignedFree(_caches);
        NativeMemory.AlignedFree(_shared);
        NativeMemory.AlignedFree(_metas);
        NativeMemoryMap.Unmap(_chunks, _bytes);
        GC.SuppressFinalize(this);
    }

    private int TakeCached(Span<uint> into, Cache* cache)
    {
        if (cache->Indices == null) cache->Indices = (uint*)NativeMemory.AlignedAlloc(CacheCapacity * sizeof(uint), 64);
        var taken = 0;
        while (taken < into.Length)
        {
            if (cache->Count == 0)
            {
                cache->Count = TakeShared(new Span<uint>(cache->Indices, CacheBatch));
                if (cache->Count == 0) break;
            }
            var now = Math.Min(cache->Count, into.Length - taken);
            cache->Count -= now;
            new Span<uint>(cache->Indices + cache->Count, now).CopyTo(into[taken..]);
            taken += now;
        }
        return taken;
    }

    private void GiveCached(uint index, Cache* cache)
    {
        if (cache->Indices == null) cache->Indices = (uint*)NativeMemory.AlignedAlloc(CacheCapacity * sizeof(uint), 64);
        if (cache->Count == CacheCapacity)
        {
            Lock();
            cache->Count -= CacheBatch;
            new Span<uint>(cache->Indices + cache->Count, CacheBatch).CopyTo(new Span<uint>(_shared + _sharedCount, CacheBatch));
            _sharedCount += CacheBatch;
            Unlock();
        }
        cache->Indices[cache->Count++] = index;
    }

    private int TakeShared(Span<uint> into)
    {
        Lock();
        var taken = Math.Min(_sharedCount, into.Length);
        _sharedCount -= taken;
        new Span<uint>(_shared + _sharedCount, taken).CopyTo(into);
        Unlock();
        return taken;
    }

    private void GiveShared(uint index)
    {
        Lock();
        _shared[_sharedCount++] = index;
        Unlock();
    }

    private void Lock()
    {
        // Held for a copy of indices only; yet its holder may lose its core, so those who wait give theirs away after a few turns.
        var wait = default(SpinWait);
        while (Volatile.Read(ref _lock) != 0 || Interlocked.CompareExchange(ref _lock, 1, 0) != 0) wait.SpinOnce();
    }

    private void Unlock() => Volatile.Write(ref _lock, 0);

    [DoesNotReturn]
    private static void ThrowFreedTwice(uint index) => throw new InvalidOperationException($"Packet {index} was freed twice or never existed.");
}
