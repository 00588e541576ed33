using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;
using Gateway.Dataplane.Esp;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// The SAs by number (1 upwards) and by the SPI of the inbound direction (RFC 4301 §4.1: we choose it, so for unicast it suffices alone).
/// Entries lie in one place from <see cref="Add"/> to <see cref="Remove"/>; a number is used again only after every worker has passed.
/// </summary>
internal sealed unsafe class Sad : IDisposable
{
    /// <summary>Numbers run below this.</summary>
    public const uint Capacity = 1 << 20;

    private readonly Epochs _epochs;
    private readonly NativeMap _bySpi;
    private readonly Stack<uint> _free = [];

    /// <summary>Pages that no number used so far are never touched.</summary>
    private readonly SaEntry** _entries = (SaEntry**)NativeMemory.AllocZeroed(Capacity, (nuint)sizeof(SaEntry*));
    private uint _next = 1;

    /// <summary>Where entries lie.</summary>
    public RowSlab Rows { get; } = new(sizeof(SaEntry));

    public Sad(Epochs epochs)
    {
        _epochs = epochs;
        _bySpi = new NativeMap(epochs, 64);
    }

    public int Count => _bySpi.Count;

    /// <summary>The entry of a number; null when there is none.</summary>
    public SaEntry* this[uint index] => (SaEntry*)Volatile.Read(ref *(nint*)(_entries + (index & (Capacity - 1))));

    /// <summary>Brings what leads to the entry of a number towards the cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Prefetch(uint index) => Sse.Prefetch0(_entries + (index & (Capacity - 1)));

    /// <summary>Brings what leads to the number of an SPI towards the cache.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void PrefetchSpi(uint spi) => _bySpi.Prefetch(0, spi, 0);

    /// <summary>The SA that an inbound packet names; null when there is none.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public SaEntry* Find(uint spi) => _bySpi.TryGet(0, spi, 0, out var index) ? this[index] : null;

    /// <summary>Makes an SA visible and numbers it; false when all numbers are taken. Control side only.</summary>
    public bool Add(SaEntry* sa)
    {
        if (!_free.TryPop(out var index))
        {
            if (_next == Capacity) return false;
            index = _next++;
        }
        sa->Index = index;
        Volatile.Write(ref *(nint*)(_entries + index), (nint)sa);
        _bySpi.Set(0, sa->In.Spi, 0, index);
        return true;
    }

    /// <summary>Makes an SA invisible, and calls <paramref name="release"/> when no worker can hold it any more. Control side only.</summary>
    public void Remove(SaEntry* sa, Action release)
    {
        var index = sa->Index;
        _bySpi.Remove(0, sa->In.Spi, 0);
        Volatile.Write(ref *(nint*)(_entries + index), 0);
        _epochs.Retire(() =>
        {
            release();
            _free.Push(index);
        });
    }

    public void Dispose()
    {
        _bySpi.Dispose();
        NativeMemory.Free(_entries);
        Rows.Dispose();
    }
}
