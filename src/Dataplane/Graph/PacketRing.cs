using System.Numerics;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Graph;

/// <summary>A bounded lock-free queue of packet indices from one thread to one other.</summary>
internal sealed unsafe class PacketRing : IDisposable
{
    private readonly uint* _slots;
    private readonly uint _mask;
    private readonly Ends* _ends;

    /// <summary>The two ends lie in cache lines of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 256)]
    private struct Ends
    {
        [FieldOffset(0)] public uint Written;
        [FieldOffset(128)] public uint Read;
    }

    public PacketRing(int capacity)
    {
        var size = BitOperations.RoundUpToPowerOf2((uint)capacity);
        _mask = size - 1;
        _slots = (uint*)NativeMemory.AlignedAlloc(size * sizeof(uint), 64);
        _ends = (Ends*)NativeMemory.AlignedAlloc((nuint)sizeof(Ends), 128);
        *_ends = default;
    }

    public int Capacity => (int)_mask + 1;

    public int Count => (int)(Volatile.Read(ref _ends->Written) - Volatile.Read(ref _ends->Read));

    public bool TryPush(uint value) => Push(new ReadOnlySpan<uint>(in value)) == 1;

    /// <summary>Pushes from the front of the span while there is room; returns how many.</summary>
    public int Push(ReadOnlySpan<uint> values)
    {
        var written = _ends->Written;
        var room = (int)(_mask + 1 - (written - Volatile.Read(ref _ends->Read)));
        var count = Math.Min(room, values.Length);
        for (var i = 0; i < count; i++) _slots[(written + (uint)i) & _mask] = values[i];
        Volatile.Write(ref _ends->Written, written + (uint)count);
        return count;
    }

    public int Pop(Span<uint> into)
    {
        var read = _ends->Read;
        var count = Math.Min((int)(Volatile.Read(ref _ends->Written) - read), into.Length);
        for (var i = 0; i < count; i++) into[i] = _slots[(read + (uint)i) & _mask];
        Volatile.Write(ref _ends->Read, read + (uint)count);
        return count;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_slots);
        NativeMemory.AlignedFree(_ends);
    }
}
