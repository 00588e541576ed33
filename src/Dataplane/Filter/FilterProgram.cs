using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// A place in the decision graph, a quarter of a cache line. With a mask it is a cut: the bits of one word of the key choose among the nodes from <see cref="Base"/> on, and the rules
/// that do not care about these bits are below <see cref="Also"/>. Without one it is a list: <see cref="Also"/> entries from <see cref="Base"/> on, in the order of their rules, filled up to whole groups of the family's.
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal struct FilterNode
{
    public uint Base;

    /// <summary>Lowest number of a rule below here, also of those below <see cref="Also"/>; nothing here can win against a lower one.</summary>
    public uint First;
    public uint Also;
    public byte Word;
    public byte Shift;
    public ushort Mask;
}

/// <summary>Compiled rules as workers read them: native memory, never changed, replaced as a whole.</summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct FilterProgram
{
    /// <summary>Branches that may wait while another is looked at; the compiler makes no graph that needs more.</summary>
    public const int MaxWaiting = 64;

    /// <summary>No rule matched.</summary>
    public const uint None = uint.MaxValue;

    public FilterNode* Nodes;

    /// <summary>What the rules compare, of the family's entry size each.</summary>
    public byte* Entries;

    /// <summary>Number of the rule that an entry belongs to.</summary>
    public uint* Order;

    /// <summary>By number of the rule; the last one is for packets that no rule matches.</summary>
    public FilterVerdict* Verdicts;

    /// <summary>Packets and bytes by rule, for each worker in turn, the next worker's <see cref="CounterStride"/> numbers further.</summary>
    public ulong* Counters;

    /// <summary>Number of the policer of each rule, and in the upper half that of its limit per source, 0 none; null when no rule has either.</summary>
    public ulong* Guards;

    /// <summary>Number of rules without the last one.</summary>
    public uint Rules;

    /// <summary>Numbers between one worker's counters and the next one's.</summary>
    public uint CounterStride;

    /// <summary>Whether any rule reflects.</summary>
    public bool Reflects;

    /// <summary>The lowest rule that matches the key; <see cref="None"/> when none does.</summary>
    /// <param name="program">Compiled rules.</param>
    /// <param name="key">Words of the family's key.</param>
    /// <param name="waiting">Room for <see cref="MaxWaiting"/> numbers.</param>
    /// <param name="at">The node to begin at.</param>
    /// <param name="best">A rule that matches already; only a lower one is of interest.</param>
    public static uint Find<TFamily>(FilterProgram* program, uint* key, uint* waiting, uint at = 0, uint best = None)
        where TFamily : struct, IFilterFamily
    {
        var nodes = program->Nodes;
        var depth = 0;
        while (true)
        {
            var node = nodes + at;
            if (node->First < best)
            {
                if (node->Mask != 0)
                {
                    if (node->Also != 0) waiting[depth++] = node->Also;
                    at = node->Base + (key[node->Word] >> node->Shift & node->Mask);
                    continue;
                }
                best = Math.Min(best, TFamily.First(program, key, node->Base, node->Also));
            }
            if (depth == 0) return best;
            at = waiting[--depth];
        }
    }

    /// <summary>Frees the program; no worker may hold it.</summary>
    public static void Free(FilterProgram* program)
    {
        if (program == null) return;
        NativeMemory.AlignedFree(program->Nodes);
        NativeMemory.AlignedFree(program->Entries);
        NativeMemory.AlignedFree(program->Order);
        NativeMemory.AlignedFree(program->Verdicts);
        NativeMemory.AlignedFree(program->Counters);
        NativeMemory.AlignedFree(program->Guards);
        NativeMemory.AlignedFree(program);
    }
}
