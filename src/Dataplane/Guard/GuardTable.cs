using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Guard;

/// <summary>What an interface asks of its frames; a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct GuardSlots
{
    /// <summary>Numbers of policers; 0 none.</summary>
    public uint PolicerIn, PolicerOut;

    /// <summary>Number of the limit per source; 0 none.</summary>
    public uint LimitIn;

    /// <summary>Rules of MAC ACLs, pointers to <see cref="MacProgram"/>; null none.</summary>
    public nint MacIn, MacOut;
}

/// <summary>Policers, and what the interfaces ask of their frames. Lives in one place for ever; changed by the control side under epochs.</summary>
internal sealed unsafe class GuardTable : IDisposable
{
    /// <summary>Numbers of policers run below this, from 1.</summary>
    public const int PolicerCapacity = 4096;

    /// <summary>Numbers of limits per source run below this, from 1.</summary>
    public const int LimitCapacity = 128;

    private readonly nint* _limits = (nint*)NativeMemory.AllocZeroed(LimitCapacity, (nuint)sizeof(nint));
    private readonly nint* _limitCounters = (nint*)NativeMemory.AllocZeroed(LimitCapacity, (nuint)sizeof(nint));
    private readonly GuardSlots* _slots = (GuardSlots*)NativeMemory.AllocZeroed(InterfaceTable.Capacity, (nuint)sizeof(GuardSlots));
    private readonly Policer* _policers;

    public GuardTable()
    {
        var bytes = (nuint)(PolicerCapacity * sizeof(Policer));
        _policers = (Policer*)NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(_policers, bytes);
    }

    public GuardSlots* this[uint index] => _slots + (index & (InterfaceTable.Capacity - 1));

    public Policer* Policer(uint number) => _policers + (number & (PolicerCapacity - 1));

    /// <summary>A limit per source; null when it is gone.</summary>
    public SourceLimit* Limit(uint number) => (SourceLimit*)Volatile.Read(ref _limits[number & (LimitCapacity - 1)]);

    /// <summary>Puts a limit to its number and returns the one before, which workers may still read.</summary>
    public SourceLimit* ExchangeLimit(uint number, SourceLimit* limit)
    {
        var before = Limit(number);
        Volatile.Write(ref _limits[number], (nint)limit);
        return before;
    }

    /// <summary>Where the workers count for a limit; outlives its changes.</summary>
    public ulong* LimitCounters(uint number, int workers, bool clear)
    {
        var bytes = (nuint)(workers * SourceLimit.CounterStride * sizeof(ulong));
        if (_limitCounters[number] == 0) _limitCounters[number] = (nint)NativeMemory.AlignedAlloc(bytes, 64);
        if (clear) NativeMemory.Clear((void*)_limitCounters[number], bytes);
        return (ulong*)_limitCounters[number];
    }

    public void Dispose()
    {
        for (uint i = 0; i < PolicerCapacity; i++)
        {
            NativeMemory.AlignedFree(_policers[i].Terms);
            NativeMemory.AlignedFree(_policers[i].Counters);
        }

        for (uint i = 0; i < LimitCapacity; i++)
        {
            SourceLimit.Free(Limit(i));
            NativeMemory.AlignedFree((void*)_limitCounters[i]);
        }

        NativeMemory.Free(_limits);
        NativeMemory.Free(_limitCounters);
        NativeMemory.AlignedFree(_policers);
        NativeMemory.Free(_slots);
    }
}
