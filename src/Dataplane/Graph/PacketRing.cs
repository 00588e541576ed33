using System.Numerics;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Graph;

/// <summary>A bounded lock-free queue of packet indices from one thread to one other.</summary>
internal sealed unsafe class PacketRing : IDisposable
{
    private readonly uint* _slots;
    private readonly uint _mask;
    private readonly Ends* _ends;

    /// <summary>The two ends, and what the pusher alone looks at, lie in cache lines of their own.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 384)]
    private struct Ends
    {
        [FieldOffset(0)] public uint Written;
        [FieldOffset(128)] public uint Read;
        [FieldOffset(256)] public uint Staged;

        /// <summary>How far the taker had come when the pusher last looked.</summary>
        [FieldOffset(260)] public uint ReadSeen;
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

    public bool TryPush(uint value)
    {
        var written = _ends->Written;
        if (written - Volatile.Read(ref _ends->Read) > _mask) return false;
        _slots[written & _mask] = value;
        Volatile.Write(ref _ends->Written, written + 1);
        _ends->Staged = written + 1;
        return true;
    }

    /// <summary>Pushes from the front of the span while there is room; returns how many.</summary>
    public int Push(ReadOnlySpan<uint> values)
    {
        var written = _ends->Written;
        var room = (int)(_mask + 1 - (written - Volatile.Read(ref _ends->Read)));
        var count = Math.Min(room, values.Length);
        var first = Math.Min(count, (int)(_mask + 1 - (written & _mask)));
        values[..first].CopyTo(new Span<uint>(_slots + (written & _mask), first));
        values[first..count].CopyTo(new Span<uint>(_slots, count - first));
        Volatile.Write(ref _ends->Written, written + (uint)count);
        _ends->Staged = written + (uint)count;
        return count;
    }

    /// <summary>Puts a value in that the other side sees with the next <see cref="Publish"/>: one crossing between the cores for many values. False when the ring is full.</summary>
    public bool TryStage(uint value)
    {
        var staged = _ends->Staged;
        if (staged - _ends->ReadSeen > _mask)
        {
            _ends->ReadSeen = Volatile.Read(ref _ends->Read);
            if (staged - _ends->ReadSeen > _mask) return false;
        }
        _slots[staged & _mask] = value;
        _ends->Staged = staged + 1;
        return true;
    }

    public void Publish() => Volatile.Write(ref _ends->Written, _ends->Staged);

    public int Pop(Span<uint> into)
    {
        var read = _ends->Read;
        var count = Math.Min((int)(Volatile.Read(ref _ends->Written) - read), into.Length);
        var first = Math.Min(count, (int)(_mask + 1 - (read & _mask)));
        new Span<uint>(_slots + (read & _mask), first).CopyTo(into);
        new Span<uint>(_slots, count - first).CopyTo(into[first..]);
        Volatile.Write(ref _ends->Read, read + (uint)count);
        return count;
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_slots);
        NativeMemory.AlignedFree(_ends);
    }
}
