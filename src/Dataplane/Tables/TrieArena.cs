using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Buffers.Interop;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Native memory for the nodes of a trie, named by 32-bit numbers in place of pointers: a node's children then cost four bytes each. Memory comes in chunks of 2 MB, so that the
/// processor's large pages hold it where the system gives them; blocks that are given back are used again for others of their size. The control side alone takes and gives back.
/// </summary>
internal sealed unsafe class TrieArena : IDisposable
{
    /// <summary>Blocks are multiples of this, and start at one.</summary>
    public const int Unit = 16;

    /// <summary>Largest block, bytes.</summary>
    public const int Largest = 1536;

    /// <summary>Numbers run below this, so that a slot has a bit to spare.</summary>
    private const uint Units = 1u << 31;
    private const int ChunkShift = 17;
    private const uint ChunkUnits = 1u << ChunkShift;
    private const nuint ChunkBytes = (nuint)ChunkUnits * Unit;

    /// <summary>Blocks given back together: workers are waited for once for all of them.</summary>
    private const int Batch = 512;

    private readonly Epochs _epochs;
    private readonly byte** _chunks = (byte**)NativeMemory.AllocZeroed((nuint)(Units >> ChunkShift), (nuint)sizeof(byte*));
    private readonly Stack<uint>[] _free = new Stack<uint>[Largest / Unit + 1];
    private List<(uint Block, int Units)> _limbo = [];
    private uint _next = 1;
    private uint _end;

    public TrieArena(Epochs epochs)
    {
        _epochs = epochs;
        for (var i = 0; i < _free.Length; i++) _free[i] = new Stack<uint>();
    }

    /// <summary>Bytes in blocks that are in use, those that workers may still look at among them.</summary>
    public long Used { get; private set; }

    /// <summary>Bytes taken from the system.</summary>
    public long Reserved { get; private set; }

    /// <summary>Where a block lies; it stays there until it is given back.</summary>
    public byte* this[uint block]
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => _chunks[block >> ChunkShift] + (nuint)(block & (ChunkUnits - 1)) * Unit;
    }

    /// <summary>Takes a block, zeroed; never 0.</summary>
    public uint Take(int bytes)
    {
        var units = (bytes + Unit - 1) / Unit;
        if (!_free[units].TryPop(out var block)) block = Extend((uint)units);
        Used += units * Unit;
        NativeMemory.Clear(this[block], (nuint)(units * Unit));
        return block;
    }

    /// <summary>Gives a block back once no worker can look at it; nothing may lead to it any more.</summary>
    public void Return(uint block, int bytes)
    {
        if (block == 0) return;
        _limbo.Add((block, (bytes + Unit - 1) / Unit));
        if (_limbo.Count == Batch) Flush();
    }

    public void Dispose()
    {
        for (var i = 0; _chunks[i] != null; i++) NativeMemory.AlignedFree(_chunks[i]);
        NativeMemory.Free(_chunks);
    }

    private void Flush()
    {
        var batch = _limbo;
        _limbo = new List<(uint, int)>(Batch);
        _epochs.Retire(() =>
        {
            foreach (var (block, units) in batch)
            {
                _free[units].Push(block);
                Used -= units * Unit;
            }
        });
    }

    private uint Extend(uint units)
    {
        if (_end - _next < units || _end == 0)
        {
            // What is left of the chunk serves smaller blocks.
            if (_end > _next) _free[_end - _next].Push(_next);
            if (_end == Units) throw new InsufficientMemoryException("The forwarding table is full.");
            var chunk = NativeMemory.AlignedAlloc(ChunkBytes, ChunkBytes);
            // One chunk is a small table, whose 2 MB should not all be in memory.
            if (_end != 0) NativeMemoryMap.PreferHugePages((byte*)chunk, ChunkBytes);
            _chunks[_end >> ChunkShift] = (byte*)chunk;
            Reserved += (long)ChunkBytes;
            _next = _end == 0 ? 1 : _end;
            _end += ChunkUnits;
        }
        var block = _next;
        _next += units;
        return block;
    }
}
