using System.Diagnostics;
using System.Numerics;

namespace Gateway.Dataplane.Filter;

/// <summary>
/// Finds the decision graph of a list of rules. Where there are many rules, a window of bits of one word of the key is chosen that parts them best, and each of its values gets the rules that fit it;
/// rules that do not care about the window are not copied to every value but kept beside it (<see cref="FilterNode.Also"/>), so that memory grows with the number of rules alone, whatever they look like.
/// What cannot be parted any more is a list. A range of ports counts as the bits that all its ports share; lists compare the whole rule, so a cut may know less than the rule.
/// Time and memory are bounded: beyond the bounds lists stay long, which costs speed and nothing else.
/// </summary>
internal sealed class FilterCuts
{
    /// <summary>A list of so many entries is not cut.</summary>
    private const int ShortList = 4;

    private const int MaxDepth = 40;
    private const int MaxWindow = 10;

    /// <summary>Rules that a window is judged by.</summary>
    private const int Sample = 256;

    /// <summary>A rule that fits more values of a window than this does not care about it.</summary>
    private const int MostValues = 8;

    /// <summary>Of the rules so many at most may not care about a window.</summary>
    private const double MostBeside = 0.85;

    /// <summary>Rules that do not care and are copied to every value, at most: they lengthen each list. Copies for each rule of the set, at most, and what they cost in speed for the memory that they take.</summary>
    private const double MostCopied = 2, MostCopies = 1, CopyCost = 0.5;

    /// <summary>An entry to compare, and a second search, against a branch.</summary>
    private const double EntryCost = 0.2, BesideCost = 0.3;

    private static readonly TimeSpan _longest = TimeSpan.FromSeconds(2);

    /// <summary>In place of a row: fills up a group, and matches nothing.</summary>
    public const int Filling = -1;

    private readonly int _group;
    private readonly int _words;
    private readonly int _count;
    private readonly uint[] _values;
    private readonly uint[] _masks;
    private readonly uint[] _rules;
    private readonly bool[] _sharp;
    private readonly int[] _tally = new int[1 << MaxWindow];
    private readonly int _mostEntries;
    private readonly int _mostNodes;
    private long _deadline;

    /// <param name="rows">Sorted by rule.</param>
    /// <param name="ports">Number of the word of the key that holds the ports.</param>
    /// <param name="group">Entries that are compared at once.</param>
    public FilterCuts(IReadOnlyList<FilterRow> rows, int ports, int group = 1)
    {
        _group = group;
        _words = ports + 2;
        _count = rows.Count;
        (_values, _masks, _rules, _sharp) = (new uint[_count * _words], new uint[_count * _words], new uint[_count], new bool[_count]);
        for (var i = 0; i < _count; i++)
        {
            var row = rows[i];
            for (var w = 0; w < _words; w++)
            {
                _masks[i * _words + w] = row.Mask[w];
                _values[i * _words + w] = row.Value[w] & row.Mask[w];
            }
            var (sourceValue, sourceMask, sourceSharp) = Shared(row.Sources);
            var (destinationValue, destinationMask, destinationSharp) = Shared(row.Destinations);
            _values[i * _words + ports] = sourceValue << 16 | destinationValue;
            _masks[i * _words + ports] = sourceMask << 16 | destinationMask;
            _sharp[i] = sourceSharp && destinationSharp;
            _rules[i] = row.Rule;
        }
        _mostEntries = (_count * 3 + 4096) * group;
        _mostNodes = _count * 8 + 4096;
    }

    /// <summary>The graph; the first is where a search begins.</summary>
    public List<FilterNode> Nodes { get; } = [];

    /// <summary>Rows of the lists, one list behind the other.</summary>
    public List<int> Lists { get; } = [];

    /// <summary>Entries of the longest list.</summary>
    public int Longest { get; private set; }

    public void Make()
    {
        _deadline = Stopwatch.GetTimestamp() + (long)(_longest.TotalSeconds * Stopwatch.Frequency);
        Nodes.Add(default);
        Build(0, [.. Enumerable.Range(0, _count)], new uint[_words], 0, 0);
    }

    private void Build(int at, int[] set, uint[] known, int depth, int waiting)
    {
        set = UpToCover(set, known);
        if (set.Length <= ShortList || depth == MaxDepth || waiting + 1 >= FilterProgram.MaxWaiting || Lists.Count > _mostEntries || Nodes.Count > _mostNodes
            || Stopwatch.GetTimestamp() > _deadline || !TryChoose(set, known, out var cut))
        {
            List(at, set);
            return;
        }
        var children = new List<int>[cut.Size];
        var beside = new List<int>();
        foreach (var row in set)
        {
            if (Place(row, cut, out var value, out var free))
            {
                // Every value that the rule fits: the free bits run through all they can be.
                for (var some = free; ; some = (some - 1) & free)
                {
                    (children[value | some] ??= []).Add(row);
                    if (some == 0) break;
                }
            }
            else if (cut.CopyAll)
            {
                for (var c = 0; c < cut.Size; c++) (children[c] ??= []).Add(row);
            }
            else
            {
                beside.Add(row);
            }
        }
        var first = Nodes.Count;
        for (var c = 0; c < cut.Size; c++) Nodes.Add(default);
        var also = 0;
        if (beside.Count > 0)
        {
            also = Nodes.Count;
            Nodes.Add(default);
        }
        Nodes[at] = new FilterNode { Base = (uint)first, First = _rules[set[0]], Also = (uint)also, Word = (byte)cut.Word, Shift = (byte)cut.Shift, Mask = (ushort)(cut.Size - 1) };
        var deeper = (uint[])known.Clone();
        deeper[cut.Word] |= (uint)(cut.Size - 1) << cut.Shift;
        for (var c = 0; c < cut.Size; c++) Build(first + c, children[c] is { } list ? [.. list] : [], deeper, depth + 1, waiting + (also == 0 ? 0 : 1));
        if (also != 0) Build(also, [.. beside], known, depth + 1, waiting);
    }

    private void List(int at, int[] set)
    {
        Nodes[at] = new FilterNode { Base = (uint)Lists.Count, First = set.Length == 0 ? FilterProgram.None : _rules[set[0]], Also = (uint)set.Length };
        Lists.AddRange(set);
        while (Lists.Count % _group != 0) Lists.Add(Filling);
        Longest = Math.Max(Longest, set.Length);
    }

    /// <summary>Rules behind one that matches everything that can come here never have their turn.</summary>
    private int[] UpToCover(int[] set, uint[] known)
    {
        for (var i = 0; i < set.Length - 1; i++)
        {
            if (!_sharp[set[i]]) continue;
            uint open = 0;
            for (var w = 0; w < _words; w++) open |= _masks[set[i] * _words + w] & ~known[w];
            if (open == 0) return set[..(i + 1)];
        }
        return set;
    }

    private readonly record struct Cut(int Word, int Shift, int Size, bool CopyAll);

    /// <summary>Judges windows of all words and takes the one behind which the fewest rules are to be expected.</summary>
    private bool TryChoose(int[] set, uint[] known, out Cut best)
    {
        best = default;
        var step = Math.Max(1, set.Length / Sample);
        var sampled = (set.Length + step - 1) / step;
        var score = set.Length * EntryCost;
        var found = false;
        for (var word = 0; word < _words; word++)
        {
            uint cared = 0;
            foreach (var row in set) cared |= _masks[row * _words + word];
            cared &= ~known[word];
            if (cared == 0) continue;
            foreach (var width in (ReadOnlySpan<int>)[8, 4, 2, 1, 6, MaxWindow])
            {
                if (1 << width > Math.Max(4, set.Length * 2)) continue;
                for (var shift = 32 - width; shift >= 0; shift -= width > 4 ? 2 : 1)
                {
                    var window = (uint)((1 << width) - 1) << shift;
                    // Each bit is cut once, and the window's highest bit is one that rules care about.
                    if ((window & known[word]) != 0 || (cared >> (shift + width - 1) & 1) == 0) continue;
                    var cut = new Cut(word, shift, 1 << width, false);
                    var (worth, copyAll) = Judge(set, step, sampled, cut);
                    if (worth >= score) continue;
                    (score, best, found) = (worth, cut with { CopyAll = copyAll }, true);
                }
            }
        }
        return found;
    }

    private (double Score, bool CopyAll) Judge(int[] set, int step, int sampled, Cut cut)
    {
        var tally = _tally.AsSpan(0, cut.Size);
        tally.Clear();
        var (beside, placed, copies) = (0, 0, 0);
        long squares = 0;
        for (var i = 0; i < set.Length; i += step)
        {
            if (!Place(set[i], cut, out var value, out var free))
            {
                beside++;
                continue;
            }
            placed++;
            for (var some = free; ; some = (some - 1) & free)
            {
                // (n + 1)² − n²
                squares += 2 * tally[(int)(value | some)]++ + 1;
                copies++;
                if (some == 0) break;
            }
        }
        if (placed == 0 || copies > placed * 2) return (double.MaxValue, false);
        var scale = (double)set.Length / sampled;
        var expected = (double)squares / copies * scale;
        var all = beside * scale;
        // What hardly parts the rules would make a chain of cuts, which is worse than a list.
        if (all > set.Length * MostBeside) return (double.MaxValue, false);
        var memory = (double)(copies - placed) / sampled + cut.Size / (8.0 * set.Length);
        var parted = 1 + Cost(expected) + memory + (beside == 0 ? 0 : BesideCost + Cost(all));
        // Few rules that do not care are copied to each value, which saves a second search.
        var added = all * (cut.Size - 1) / set.Length;
        var copied = beside == 0 || all > MostCopied || added > MostCopies ? double.MaxValue : 1 + Cost(expected + all) + memory + added * CopyCost;
        return copied < parted ? (copied, true) : (parted, false);
    }

    /// <summary>What a search among so many rules is expected to cost: a short list, or cuts that part them by some bits each. In branches; a branch costs as much as several entries.</summary>
    private static double Cost(double rules) => rules <= ShortList ? rules * EntryCost : ShortList * EntryCost + Math.Log2(rules / ShortList) * 0.35;

    /// <summary>The values of the window that a rule fits: one, or one for each setting of the free bits. False when they are too many.</summary>
    private bool Place(int row, Cut cut, out uint value, out uint free)
    {
        var at = row * _words + cut.Word;
        var window = (uint)cut.Size - 1;
        free = ~(_masks[at] >> cut.Shift) & window;
        value = _values[at] >> cut.Shift & window;
        return 1 << BitOperations.PopCount(free) <= Math.Min(MostValues, cut.Size / 2);
    }

    /// <summary>The bits that all ports of a range have in common, and whether they say all of it.</summary>
    private static (uint Value, uint Mask, bool Sharp) Shared(uint range)
    {
        var low = range & 0xFFFF;
        var high = low + (range >> 16);
        var differ = 16 - (BitOperations.LeadingZeroCount(low ^ high) - 16);
        var mask = 0xFFFFu << differ & 0xFFFF;
        return (low & mask, mask, range >> 16 == (1u << differ) - 1);
    }
}
