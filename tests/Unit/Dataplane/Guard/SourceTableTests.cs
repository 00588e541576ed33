using Gateway.Dataplane.Guard;
using Xunit;

namespace Gateway.Unit.Dataplane.Guard;

/// <summary>What each of many sources may send, held to a dictionary that forgets nothing.</summary>
public sealed unsafe class SourceTableTests
{
    private const long Second = 1_000_000_000;

    [Fact]
    public void Few_sources_get_exactly_what_a_dictionary_gives_them()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 30; round++)
        {
            var (rate, burst) = (1 + random.Next(5000), 2 + random.Next(100));
            using var lab = new Lab(65_536, rate, burst, random.Next());
            var slow = new Dictionary<ulong, ulong>();
            var now = (long)random.Next() * 1000;
            for (var i = 0; i < 5000; i++)
            {
                now += random.Next(4) == 0 ? random.NextInt64(Second / 10) : random.Next(2000);
                var source = (ulong)random.Next(40);
                var (time, cost) = ((ulong)now >> 4, SourceTable.CostOf(rate));
                var debt = Math.Max(slow.GetValueOrDefault(source), time) - time;
                var passes = debt + cost <= cost * (uint)burst;
                if (passes) slow[source] = time + debt + cost;
                Assert.True(lab.Take(source, now) == passes, $"seed {seed}, round {round}, packet {i}");
            }
        }
    }

    [Fact]
    public void A_flood_of_made_up_sources_frees_no_heavy_one_and_hurts_no_light_one()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var lab = new Lab(1024, 100, 20, seed);
        const ulong heavy = 1, light = 2;
        var (heavyPassed, lightDropped) = (0, 0);
        const int seconds = 5;
        // Each millisecond: fifty made-up sources, ten packets of the heavy one; every hundredth one of the light one.
        for (var ms = 0; ms < seconds * 1000; ms++)
        {
            var now = Second + ms * 1_000_000L;
            for (var i = 0; i < 50; i++)
            {
                lab.Take(1000 + (ulong)random.NextInt64(), now + i * 100);
                if (i % 5 == 0 && lab.Take(heavy, now + i * 100)) heavyPassed++;
            }

            if (ms % 100 == 0 && !lab.Take(light, now + 50_000)) lightDropped++;
        }

        Assert.True(heavyPassed <= (100 * seconds + 20) * 11 / 10, $"seed {seed}: {heavyPassed} of the heavy source passed.");
        Assert.True(heavyPassed >= 100 * seconds * 9 / 10, $"seed {seed}: {heavyPassed} of the heavy source passed.");
        Assert.True(lightDropped == 0, $"seed {seed}: {lightDropped} of the light source were dropped.");
    }

    [Fact]
    public void More_heavy_sources_than_there_are_places_get_no_more_than_the_places_do()
    {
        var seed = Environment.TickCount;
        using var lab = new Lab(1024, 100, 10, seed);
        const int sources = 5000;
        var passed = 0L;
        for (var round = 0; round < 200; round++)
            for (ulong source = 1; source <= sources; source++)
                if (lab.Take(source, Second + round * 1_000_000L)) passed++;
        // 1024 places: a burst each, and 20 in 200 ms.
        Assert.True(passed <= 1024 * (10 + 20 + 1), $"seed {seed}: {passed} passed.");
        Assert.True(lab.Crowded > 0, $"seed {seed}");
    }

    [Fact]
    public void A_source_that_was_away_for_long_is_not_taken_for_one_in_debt()
    {
        using var lab = new Lab(1024, 10, 5, 1);
        var hours = 3600L * Second;
        for (var i = 0; i < 10; i++) lab.Take(7, Second);
        Assert.False(lab.Take(7, Second));
        // The time that a place holds comes round every five hours.
        foreach (var away in (long[])[1, 2, 3, 4, 6, 7, 100, 1001]) Assert.True(lab.Take(7, Second + away * hours + 12345), $"{away} hours");
    }

    [Fact]
    public void Workers_together_let_pass_what_one_would()
    {
        using var lab = new Lab(1024, 1000, 50, 3);
        const long duration = Second;
        long clock = 2 * Second, passed = 0;
        var threads = Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            while (true)
            {
                var now = Interlocked.Add(ref clock, 20_000);
                if (now > 2 * Second + duration) return;
                if (lab.Take(99, now)) Interlocked.Increment(ref passed);
            }
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.InRange(passed, 1040, 1051);
    }

    private sealed class Lab(int sources, int rate, int burst, int seed) : IDisposable
    {
        private readonly SourceTable* _table = SourceTable.Make(sources, rate, burst, (ulong)seed * 0x9E37_79B9_7F4A_7C15);

        public int Crowded { get; private set; }

        public bool Take(ulong source, long now)
        {
            var passes = SourceTable.Take(_table, 0, source, now, out var crowded);
            if (crowded) Crowded++;
            return passes;
        }

        public void Dispose() => SourceTable.Free(_table);
    }
}
