using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Guard;

/// <summary>
/// How much each of very many sources used lately, in memory of a fixed size, shared by all workers without locks. A source that is not known takes the place of the one that used least, together with what that one used: in
/// all no more passes than the places let pass. A source without debt need not be known, so a flood of made-up sources hurts nobody while it is less than all places pay off in that time.
/// <code>
/// set: 64 octets  +-----------+-----------+- ... -+-----------+
///                 | place 0   | place 1   |       | place 7   |
///                 +-----------+-----------+- ... -+-----------+
/// place           | tag (24)  | debt's end (40), units of 16 ns |
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 64)]
internal unsafe struct SourceTable
{
    /// <summary>Places of a set: a cache line.</summary>
    public const int Places = 8;

    /// <summary>Nanoseconds of a unit of time, as a shift.</summary>
    private const int UnitShift = 4;
    private const int TimeBits = 40;
    private const ulong TimeMask = (1ul << TimeBits) - 1;

    /// <summary>Units by which workers' clocks may differ: 17 s.</summary>
    private const ulong Slack = 1ul << 30;

    public ulong* Sets;
    public uint SetMask;

    /// <summary>Units that one packet costs.</summary>
    public ulong Cost;

    /// <summary>Units that a source may be in debt.</summary>
    public ulong Span;

    /// <summary>So that nobody outside knows which sources share a set.</summary>
    public ulong Seed;

    public static SourceTable* Make(int sources, int perSecond, int burst, ulong seed)
    {
        var sets = BitOperations.RoundUpToPowerOf2((uint)Math.Max(1, sources / 8));
        var table = (SourceTable*)NativeMemory.AlignedAlloc((nuint)sizeof(SourceTable), 64);
        *table = new SourceTable
        {
            Sets = (ulong*)NativeMemory.AlignedAlloc(sets * 64, 64),
            SetMask = sets - 1,
            Cost = CostOf(perSecond),
            Span = CostOf(perSecond) * (uint)burst,
            Seed = seed | 1,
        };
        NativeMemory.Clear(table->Sets, sets * 64);
        return table;
    }

    /// <summary>Units between two events of a source at its rate, rounded to the nearest: at a million a second this is 0.8 % off.</summary>
    public static ulong CostOf(int perSecond) => (ulong)Math.Max(1, ((1_000_000_000L >> UnitShift) + perSecond / 2) / perSecond);

    public static void Free(SourceTable* table)
    {
        if (table == null) return;
        NativeMemory.AlignedFree(table->Sets);
        NativeMemory.AlignedFree(table);
    }

    /// <summary>Lets an event of a source pass, and notes it; false when the source used up what it may.</summary>
    /// <param name="now">Monotonic nanoseconds.</param>
    /// <param name="crowded">Whether the source had no place, and took over what another one used.</param>
    public static bool Take(SourceTable* table, ulong high, ulong low, long now, out bool crowded)
    {
        var time = ((ulong)now >> UnitShift) & TimeMask;
        var hash = Hash(table->Seed, high, low);
        var set = table->Sets + (nuint)((uint)hash & table->SetMask) * 8;
        var tag = Math.Max(1, hash >> TimeBits);
        while (true)
        {
            var place = Find(table, set, tag, time, out var seen, out var debt);
            crowded = seen >> TimeBits != tag && debt != 0;
            if (debt + table->Cost > table->Span) return false;
            if (Interlocked.CompareExchange(ref set[place], tag << TimeBits | ((time + debt + table->Cost) & TimeMask), seen) == seen) return true;
        }
    }

    /// <summary>The source's place, or that of the source with the least debt.</summary>
    private static int Find(SourceTable* table, ulong* set, ulong tag, ulong time, out ulong seen, out ulong debt)
    {
        // Most sources have a place: it is looked for by the tags alone.
        for (var i = 0; i < Places; i++)
        {
            seen = Volatile.Read(ref set[i]);
            if (seen >> TimeBits != tag) continue;
            debt = Debt(table, seen, time);
            return i;
        }

        var place = 0;
        (seen, debt) = (0, ulong.MaxValue);
        for (var i = 0; i < Places; i++)
        {
            var there = Volatile.Read(ref set[i]);
            var owed = Debt(table, there, time);
            if (owed >= debt) continue;
            (place, seen, debt) = (i, there, owed);
        }

        return place;
    }

    /// <summary>Sources that are in debt now, and those of them that used up what they may.</summary>
    public static (int Active, int Limited) Count(SourceTable* table, long now)
    {
        var time = ((ulong)now >> UnitShift) & TimeMask;
        var (active, limited) = (0, 0);
        for (nuint set = 0; set <= table->SetMask; set++)
            for (var i = 0; i < Places; i++)
            {
                var debt = Debt(table, Volatile.Read(ref table->Sets[set * 8 + (uint)i]), time);
                if (debt != 0) active++;
                if (debt + table->Cost > table->Span) limited++;
            }

        return (active, limited);
    }

    /// <summary>How far in the future a debt ends. One that would end too far away is an old one, from before the time's bits came round.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong Debt(SourceTable* table, ulong place, ulong time)
    {
        var debt = ((place & TimeMask) - time) & TimeMask;
        return place == 0 || debt > table->Span + Slack ? 0 : debt;
    }

    private static ulong Hash(ulong seed, ulong high, ulong low) => Mixed(Mixed(high ^ seed) ^ low);

    private static ulong Mixed(ulong word)
    {
        word = (word ^ word >> 33) * 0xFF51_AFD7_ED55_8CCD;
        word = (word ^ word >> 33) * 0xC4CE_B9FE_1A85_EC53;
        return word ^ word >> 33;
    }
}
