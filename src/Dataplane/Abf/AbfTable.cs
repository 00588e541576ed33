using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using Gateway.Dataplane.Filter;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Abf;

/// <summary>The policies of an interface for one family, compiled: rules, and by number of the rule the way of its policy. Native memory, never changed, replaced as a whole.</summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal unsafe struct AbfProgram
{
    /// <summary>In a way: what cannot go to a next hop is dropped; else it follows its route.</summary>
    public const uint Drops = 1u << 31;

    /// <summary>Owned by a <see cref="FilterSet"/>.</summary>
    public FilterProgram* Rules;

    /// <summary>The adjacency of a list of next hops (0 none), with or without <see cref="Drops"/>; 0 is a rule whose packets follow their routes.</summary>
    public uint* Ways;

    public static AbfProgram* Make(FilterProgram* rules, ReadOnlySpan<uint> ways)
    {
        var program = (AbfProgram*)NativeMemory.AlignedAlloc((nuint)(sizeof(AbfProgram) + ways.Length * sizeof(uint)), 64);
        program->Rules = rules;
        program->Ways = (uint*)(program + 1);
        ways.CopyTo(new Span<uint>(program->Ways, ways.Length));
        return program;
    }
}

/// <summary>The policies of the interfaces for both families. Lives in one place for ever; what it points to is changed by the control side under epochs.</summary>
internal sealed unsafe class AbfTable : IDisposable
{
    private readonly nint* _programs = (nint*)NativeMemory.AllocZeroed(InterfaceTable.Capacity * 2, (nuint)sizeof(nint));

    /// <summary>Whether any interface has policies. Without one the lookups ask nothing.</summary>
    public bool Any;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public AbfProgram* Of(uint index, bool v6) => (AbfProgram*)Volatile.Read(ref _programs[(index & (InterfaceTable.Capacity - 1)) * 2 + (v6 ? 1u : 0)]);

    public void Set(uint index, bool v6, AbfProgram* program) => Volatile.Write(ref _programs[(index & (InterfaceTable.Capacity - 1)) * 2 + (v6 ? 1u : 0)], (nint)program);

    public void Dispose() => NativeMemory.Free(_programs);
}
