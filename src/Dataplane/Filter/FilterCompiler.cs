using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// Makes programs of rules. Takes its time on the control side; workers never wait for it. <see cref="FilterCuts"/> finds the decision graph, this writes it down.
/// </summary>
internal static unsafe class FilterCompiler
{
    /// <param name="rows">Sorted by rule.</param>
    /// <param name="verdicts">One for each rule, and a last one for packets that none matches.</param>
    /// <param name="workers">How many workers count.</param>
    /// <param name="guards">Policer and limit of each rule, as many as verdicts; empty when no rule has one.</param>
    public static FilterProgram* Compile<TFamily>(IReadOnlyList<FilterRow> rows, ReadOnlySpan<FilterVerdict> verdicts, int workers, ReadOnlySpan<ulong> guards = default)
        where TFamily : struct, IFilterFamily
    {
        var cuts = new FilterCuts(rows, TFamily.AddressWords * 2, TFamily.Group);
        cuts.Make();
        var program = Allocate<FilterProgram>(1);
        program->Rules = (uint)verdicts.Length - 1;
        program->Verdicts = Copy(verdicts);
        program->Guards = guards.ContainsAnyExcept(0ul) ? Copy(guards) : null;
        foreach (var verdict in verdicts) program->Reflects |= verdict.Action == FilterAction.Reflect;
        // Whole cache lines, so that workers do not write to each other's.
        program->CounterStride = (uint)(verdicts.Length * 2 + 7) & ~7u;
        program->Counters = Allocate<ulong>((int)program->CounterStride * workers);
        program->Nodes = Copy<FilterNode>(CollectionsMarshal.AsSpan(cuts.Nodes));
        program->Entries = Allocate<byte>(cuts.Lists.Count * TFamily.EntrySize);
        program->Order = Allocate<uint>(cuts.Lists.Count);
        for (var i = 0; i < cuts.Lists.Count; i++)
        {
            var row = cuts.Lists[i] == FilterCuts.Filling ? default(FilterRow?) : rows[cuts.Lists[i]];
            TFamily.Write(program->Entries, i, row);
            program->Order[i] = row?.Rule ?? FilterProgram.None;
        }
        return program;
    }

    private static T* Copy<T>(ReadOnlySpan<T> from)
        where T : unmanaged
    {
        var memory = Allocate<T>(from.Length);
        from.CopyTo(new Span<T>(memory, from.Length));
        return memory;
    }

    private static T* Allocate<T>(int count)
        where T : unmanaged
    {
        var bytes = (nuint)Math.Max(1, count) * (nuint)sizeof(T);
        var memory = NativeMemory.AlignedAlloc(bytes, 64);
        NativeMemory.Clear(memory, bytes);
        return (T*)memory;
    }
}
