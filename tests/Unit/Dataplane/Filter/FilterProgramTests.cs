using Gateway.Dataplane.Filter;
using Xunit;

namespace Gateway.Unit.Dataplane.Filter;

/// <summary>Compiled rules against the obvious way to ask them: one after the other.</summary>
public sealed unsafe class FilterProgramTests
{
    /// <summary>Sets of rules that are hard in different ways.</summary>
    public enum Shape
    {
        /// <summary>Prefixes, ports and protocols as in the field.</summary>
        Mixed,

        /// <summary>No addresses at all: ranges of ports that overlap.</summary>
        Ports,

        /// <summary>Everything cares about one field alone, each another.</summary>
        Stripes,

        /// <summary>Masks of any bits, as no prefix has them.</summary>
        Bits,

        /// <summary>The same few prefixes again and again.</summary>
        Few,
    }

    public static TheoryData<Shape, int> Cases
    {
        get
        {
            var cases = new TheoryData<Shape, int>();
            foreach (var shape in Enum.GetValues<Shape>())
                foreach (var count in new[] { 0, 1, 5, 100, 1500 })
                    cases.Add(shape, count);
            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_first_rule_that_matches_an_ipv4_packet_is_found(Shape shape, int count) => Compare<FilterIp4>(shape, count);

    [Theory]
    [MemberData(nameof(Cases))]
    public void The_first_rule_that_matches_an_ipv6_packet_is_found(Shape shape, int count) => Compare<FilterIp6>(shape, count);

    [Theory]
    [InlineData(Shape.Mixed)]
    [InlineData(Shape.Ports)]
    [InlineData(Shape.Stripes)]
    [InlineData(Shape.Bits)]
    public void Memory_grows_with_the_number_of_rules_whatever_they_look_like(Shape shape)
    {
        var (rows, seed) = (new List<FilterRow>(), Random.Shared.Next());
        Fill<FilterIp4>(rows, shape, 10_000, new Random(seed));
        var cuts = new FilterCuts(rows, 2);
        cuts.Make();
        Assert.True(cuts.Lists.Count <= 4 * rows.Count + 8192, $"{cuts.Lists.Count} entries with seed {seed}");
        Assert.True(cuts.Nodes.Count <= 12 * rows.Count + 8192, $"{cuts.Nodes.Count} nodes with seed {seed}");
        if (shape == Shape.Mixed) Assert.True(cuts.Longest <= 64, $"a list of {cuts.Longest} with seed {seed}");
    }

    [Fact]
    public void Entries_and_nodes_have_the_sizes_that_cache_lines_are_shared_by()
    {
        Assert.Equal(16, sizeof(FilterNode));
        Assert.Equal(64, sizeof(FilterProgram));
        Assert.Equal(64, sizeof(FilterSlots));
        Assert.Equal(1, sizeof(FilterVerdict));
    }

    private static void Compare<TFamily>(Shape shape, int count)
        where TFamily : struct, IFilterFamily
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        var rows = new List<FilterRow>();
        Fill<TFamily>(rows, shape, count, random);
        var program = FilterCompiler.Compile<TFamily>(rows, new FilterVerdict[count + 1], 1);
        try
        {
            var key = stackalloc uint[TFamily.KeyWords];
            var waiting = stackalloc uint[FilterProgram.MaxWaiting];
            for (var i = 0; i < 3000; i++)
            {
                Pick<TFamily>(rows, random, new Span<uint>(key, TFamily.KeyWords));
                var expected = Slow<TFamily>(rows, new ReadOnlySpan<uint>(key, TFamily.KeyWords));
                Assert.True(expected == FilterProgram.Find<TFamily>(program, key, waiting), $"Rule {expected} of {count} {shape} was not found with seed {seed}.");
            }
        }
        finally
        {
            FilterProgram.Free(program);
        }
    }

    private static uint Slow<TFamily>(List<FilterRow> rows, ReadOnlySpan<uint> key)
        where TFamily : struct, IFilterFamily
    {
        var ports = TFamily.AddressWords * 2;
        foreach (var row in rows)
        {
            var fits = true;
            for (var w = 0; w < ports + 2; w++)
                if (w != ports) fits &= (key[w] & row.Mask[w]) == (row.Value[w] & row.Mask[w]);
            fits &= Within(key[ports] >> 16, row.Sources) && Within(key[ports] & 0xFFFF, row.Destinations);
            if (fits) return row.Rule;
        }

        return FilterProgram.None;

        static bool Within(uint port, uint range) => port >= (range & 0xFFFF) && port <= (range & 0xFFFF) + (range >> 16);
    }

    private static void Fill<TFamily>(List<FilterRow> rows, Shape shape, int count, Random random)
        where TFamily : struct, IFilterFamily
    {
        var words = TFamily.AddressWords;
        for (var i = 0; i < count; i++)
        {
            var (value, mask) = (new uint[words * 2 + 2], new uint[words * 2 + 2]);
            var (sources, destinations) = (FilterPorts.Any, FilterPorts.Any);
            if (shape == Shape.Bits)
            {
                for (var w = 0; w < words * 2; w++) (value[w], mask[w]) = ((uint)random.NextInt64(1L << 32), (uint)random.NextInt64(1L << 32) & (uint)random.NextInt64(1L << 32));
            }
            else if (shape is Shape.Mixed or Shape.Few)
            {
                for (var side = 0; side < 2; side++)
                    if (random.Next(5) != 0) Prefix(value, mask, side * words, words, shape == Shape.Few ? random.Next(4) * 8 : random.Next(words * 32 + 1), shape == Shape.Few ? new Random(random.Next(6)) : random);
            }
            else if (shape == Shape.Stripes && i % 3 != 0)
            {
                Prefix(value, mask, i % 3 == 1 ? 0 : words, words, words * 32 - random.Next(12), random);
            }

            if (random.Next(3) != 0 || shape == Shape.Ports)
            {
                (value[^1], mask[^1]) = (random.Next(2) == 0 ? 6u : 17u, FilterKey.ProtocolMask);
                if (shape != Shape.Stripes || i % 3 == 0) destinations = Range(random);
                if (random.Next(6) == 0) sources = Range(random);
                if (random.Next(8) == 0) (value[^1], mask[^1]) = (value[^1] | 2 << FilterKey.TcpFlagsShift, mask[^1] | 18 << FilterKey.TcpFlagsShift);
            }

            // Several rows may belong to one rule.
            rows.Add(new FilterRow((uint)(i - (i % 7 == 6 ? 1 : 0)), value, mask, sources, destinations));
        }
    }

    private static uint Range(Random random)
    {
        var low = random.Next(3) == 0 ? random.Next(100) : random.Next(65536);
        return FilterPorts.Pack((ushort)low, (ushort)Math.Min(65535, random.Next(3) switch { 0 => low, 1 => low + random.Next(20), _ => low + random.Next(65536 - low) }));
    }

    private static void Prefix(uint[] value, uint[] mask, int at, int words, int length, Random random)
    {
        for (var w = 0; w < words; w++)
        {
            var bits = Math.Clamp(length - w * 32, 0, 32);
            mask[at + w] = bits == 0 ? 0 : uint.MaxValue << (32 - bits);
            value[at + w] = (uint)random.NextInt64(1L << 32) & mask[at + w];
        }
    }

    /// <summary>A packet that fits some rule, or nearly so: packets at random would match the wide ones only.</summary>
    private static void Pick<TFamily>(List<FilterRow> rows, Random random, Span<uint> key)
        where TFamily : struct, IFilterFamily
    {
        for (var w = 0; w < key.Length; w++) key[w] = (uint)random.NextInt64(1L << 32);
        if (rows.Count == 0) return;
        var row = rows[random.Next(rows.Count)];
        var ports = TFamily.AddressWords * 2;
        for (var w = 0; w < ports + 2; w++) key[w] = (key[w] & ~row.Mask[w]) | (row.Value[w] & row.Mask[w]);
        key[ports] = Port(row.Sources) << 16 | Port(row.Destinations);
        if (random.Next(4) == 0) key[random.Next(ports + 2)] ^= 1u << random.Next(32);

        uint Port(uint range) => (range & 0xFFFF) + (uint)random.Next((int)(range >> 16) + 1);
    }
}
