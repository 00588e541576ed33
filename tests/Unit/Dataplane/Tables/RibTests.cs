using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed class RibTests
{
    [Fact]
    public void The_best_of_several_routes_is_in_the_table_as_a_list_of_all_of_them_says()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var tables = new DataplaneTables(epochs);
        var rib = new Rib(tables);
        Dictionary<PrefixKey, List<(RouteSource Source, uint Owner, uint Adjacency)>> slow = [];
        for (var step = 0; step < 20_000; step++)
        {
            var v6 = random.Next(2) == 0;
            var address = v6 ? new AddressWords(true, (ulong)random.Next(4) << 60, 0) : new AddressWords(false, 0, (ulong)random.Next(4) << 28);
            var key = new PrefixKey((uint)random.Next(2), address, v6 ? 60 + random.Next(2) : 28 + random.Next(2));
            var (source, owner) = ((RouteSource)random.Next(5), (uint)random.Next(3));
            if (!slow.TryGetValue(key, out var all)) slow[key] = all = [];
            var at = all.FindIndex(c => c.Source == source && c.Owner == owner);
            if (random.Next(3) == 0)
            {
                Assert.True(rib.Clear(key, source, owner) == at >= 0, $"seed {seed}, step {step}");
                if (at >= 0) all.RemoveAt(at);
            }
            else
            {
                var adjacency = (uint)random.Next(1, 1000);
                rib.Set(key, source, owner, adjacency);
                // Of one source the first stays first, also when it is set anew.
                if (at >= 0) all[at] = (source, owner, adjacency);
                else all.Add((source, owner, adjacency));
            }

            // A stable sort.
            var best = all.OrderBy(c => c.Source).ThenBy(c => c.Source == RouteSource.Static ? c.Owner : 0).FirstOrDefault();
            var found = v6
                ? tables.Fib6.TryGet(key.Vrf, address.High, address.Low, key.Length, out var there)
                : tables.Fib4.TryGet(key.Vrf, (uint)address.Low, key.Length, out there);
            Assert.True(found == all.Count > 0 && (!found || there == best.Adjacency), $"seed {seed}, step {step}: {there} in place of {best}");
        }
        Assert.Equal(slow.Count(s => s.Value.Count > 0), rib.Best.Count());
    }
}
