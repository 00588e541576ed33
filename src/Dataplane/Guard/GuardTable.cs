using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Guard;

/// <summary>What an interface asks of its frames; a cache line.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct GuardSlots
{
    /// <summary>Numbers of policers; 0 none.</summary>
    public uint PolicerIn, PolicerOut;
}

/// <summary>Policers, and what the interfaces ask of their frames. Lives in one place for ever; changed by the control side under epochs.</summary>
internal sealed unsafe class GuardTable : IDisposable
{
    /// <summary>Numbers of policers run below this, from 1.</summary>
    public const int PolicerCapacity = 4096;

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

    public void Dispose()
    {
        for (uint i = 0; i < PolicerCapacity; i++)
        {
            NativeMemory.AlignedFree(_policers[i].Terms);
            NativeMemory.AlignedFree(_policers[i].Counters);
        }

        NativeMemory.AlignedFree(_policers);
        NativeMemory.Free(_slots);
    }
}
