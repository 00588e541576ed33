using Gateway.Bench.Harness;
using Gateway.Dataplane.Tables;

namespace Gateway.Bench.Graph;

/// <summary>
/// A forwarding table of many routes beside one of ten, each asked for ten thousand destinations that its routes cover. Size is the number of routes. The ratio says how much of the speed with ten
/// routes is left; what is missing is mostly the caches.
/// </summary>
internal sealed unsafe class Lookups : IDisposable
{
    private const int Destinations = 10_000;

    private readonly Epochs _epochs = new(1);
    private readonly Fib4 _fib4;
    private readonly Fib6 _fib6;
    private readonly uint[] _to4 = new uint[Destinations];
    private readonly ulong[] _to6 = new ulong[Destinations];

    private Lookups(int routes)
    {
        _fib4 = new Fib4(_epochs);
        _fib6 = new Fib6(_epochs);
        var random = new Random(1);
        var prefixes4 = new List<uint>(routes);
        var prefixes6 = new List<ulong>(routes);
        while (_fib4.Count < routes)
        {
            var length = random.Next(100) switch { < 60 => 24, < 70 => 23, < 85 => 22, < 92 => random.Next(16, 22), < 97 => random.Next(8, 16), _ => random.Next(25, 33) };
            var prefix = (uint)random.NextInt64(1L << 32) & Fib4.Mask(length);
            _fib4.Set(0, prefix, length, (uint)random.Next(4, 1000));
            prefixes4.Add(prefix);
        }
        while (_fib6.Count < routes)
        {
            var length = random.Next(100) switch { < 50 => 48, < 70 => random.Next(33, 48), < 90 => random.Next(24, 33), _ => random.Next(49, 65) };
            var prefix = (0x2000_0000_0000_0000 | ((ulong)random.NextInt64() >> 3)) & Fib6.MaskHigh(length);
            _fib6.Set(0, prefix, 0, length, (uint)random.Next(4, 1000));
            prefixes6.Add(prefix);
        }
        for (var i = 0; i < Destinations; i++)
        {
            _to4[i] = prefixes4[random.Next(prefixes4.Count)];
            _to6[i] = prefixes6[random.Next(prefixes6.Count)];
        }
    }

    /// <summary>What lookups found, so that they are not left out.</summary>
    public static uint Found { get; private set; }

    public static void Run(Report report, string suite)
    {
        foreach (var routes in new[] { 10_000, 1_000_000 })
        {
            if (!report.Wants("fib4-lookup", routes) && !report.Wants("fib6-lookup", routes)) continue;
            using var few = new Lookups(10);
            using var many = new Lookups(routes);
            report.Note($"graph: {routes} routes take {many._fib4.Bytes / (double)many._fib4.Count:0} bytes each for IPv4, {many._fib6.Bytes / (double)many._fib6.Count:0} for IPv6");
            if (report.Wants("fib4-lookup", routes))
                report.AddTimes(suite, "fib4-lookup", routes, Contest.Run([new Contender(Contest.Gateway, many.Run4), new Contender("ten-routes", few.Run4)], Destinations), "ns/lookup");
            if (report.Wants("fib6-lookup", routes))
                report.AddTimes(suite, "fib6-lookup", routes, Contest.Run([new Contender(Contest.Gateway, many.Run6), new Contender("ten-routes", few.Run6)], Destinations), "ns/lookup");
        }
    }

    public void Dispose()
    {
        _fib4.Dispose();
        _fib6.Dispose();
        _epochs.Dispose();
    }

    /// <summary>As the lookup nodes do it, a frame at a time.</summary>
    private void Run4(int times)
    {
        var nextHops = stackalloc uint[Fib4.MaxBatch];
        uint found = 0;
        fixed (uint* to = _to4)
            for (; times > 0; times--)
                for (var i = 0; i < Destinations; i += Fib4.MaxBatch)
                {
                    var count = Math.Min(Fib4.MaxBatch, Destinations - i);
                    new Span<uint>(nextHops, count).Clear();
                    _fib4.Lookup(to + i, nextHops, count);
                    found += nextHops[0];
                }
        Found += found;
    }

    private void Run6(int times)
    {
        var nextHops = stackalloc uint[Fib6.MaxBatch];
        var lows = stackalloc ulong[Fib6.MaxBatch];
        uint found = 0;
        new Span<ulong>(lows, Fib6.MaxBatch).Fill(1);
        fixed (ulong* to = _to6)
            for (; times > 0; times--)
                for (var i = 0; i < Destinations; i += Fib6.MaxBatch)
                {
                    var count = Math.Min(Fib6.MaxBatch, Destinations - i);
                    new Span<uint>(nextHops, count).Clear();
                    _fib6.Lookup(to + i, lows, nextHops, count);
                    found += nextHops[0];
                }
        Found += found;
    }
}
