using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Filter;

/// <summary>The programs of one interface, null where there is none; a cache line. Pointers to <see cref="FilterProgram"/>.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal struct FilterSlots
{
    public nint In4;
    public nint In6;
    public nint Out4;
    public nint Out6;
}

/// <summary>Where the rules of an interface are asked.</summary>
internal enum FilterPoint
{
    In4,
    In6,
    Out4,
    Out6,
}

/// <summary>The programs of the interfaces. Lives in one place for ever; what it points to is changed by the control side under epochs.</summary>
internal sealed unsafe class FilterTable : IDisposable
{
    private readonly FilterSlots* _slots = (FilterSlots*)NativeMemory.AllocZeroed(InterfaceTable.Capacity, (nuint)sizeof(FilterSlots));

    /// <summary>Whether any interface has rules for what leaves by it. Without one nothing is asked behind the lookup.</summary>
    public bool AnyOut;

    public FilterSlots* this[uint index] => _slots + (index & (InterfaceTable.Capacity - 1));

    /// <summary>Puts a program (null none) to its place and returns the one before, which workers may still read.</summary>
    public FilterProgram* Exchange(uint index, FilterPoint point, FilterProgram* program)
    {
        ref var place = ref Place(index, point);
        var before = (FilterProgram*)place;
        Volatile.Write(ref place, (nint)program);
        return before;
    }

    public FilterProgram* Get(uint index, FilterPoint point) => (FilterProgram*)Place(index, point);

    private ref nint Place(uint index, FilterPoint point) => ref Unsafe.Add(ref Unsafe.AsRef<nint>(&this[index]->In4), (int)point);

    public void Dispose() => NativeMemory.Free(_slots);
}
