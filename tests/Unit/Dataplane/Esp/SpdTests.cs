using System.Net;
using System.Numerics;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

public sealed unsafe class SpdTests
{
    [Fact]
    public void Table_finds_what_a_walk_through_the_ordered_list_finds_for_IPv4() => Compare<uint>(32);

    [Fact]
    public void Table_finds_what_a_walk_through_the_ordered_list_finds_for_IPv6() => Compare<UInt128>(128);

    private static void Compare<T>(int width)
        where T : unmanaged, IBinaryInteger<T>
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var table = new SpdTable<T>(epochs);
        using var cache = new SpdCache<T>();
        var rules = new List<nint>();
        // Few distinct high bits, so that rules overlap and packets hit.
        T Address() => (T.CreateTruncating(random.Next(4)) << (width - 8)) | (T.CreateTruncating(random.Next(3)) << (width - 16)) | T.CreateTruncating(random.Next(6));
        for (var round = 0; round < 60; round++)
        {
            for (var i = random.Next(60); i >= 0; i--)
            {
                var action = (SpdAction)random.Next(1, 4);
                var (local, remote) = (Range(random, width, Address()), Range(random, width, Address()));
                var rule = new SpdRule<T> { Local = local, Remote = remote, Action = action, Order = (ulong)random.NextInt64() };
                rule.Rank = SpdRank.Of(random.Next(10) == 0 ? random.Next(1, 5) : 0, action, local, remote);
                rules.Add((nint)table.Add(rule));
            }
            for (var i = random.Next(50); i >= 0 && rules.Count > 0; i--)
            {
                var victim = random.Next(rules.Count);
                table.Remove((SpdRule<T>*)rules[victim]);
                rules.RemoveAt(victim);
            }
            Assert.Equal(rules.Count, table.Count);
            var ordered = rules.OrderBy(r => ((SpdRule<T>*)r)->Rank).ThenBy(r => ((SpdRule<T>*)r)->Order).ToArray();
            for (var i = 0; i < 2000; i++)
            {
                SpdKey<T> key = default;
                (key.Local, key.Remote) = (Address(), Address());
                key.Protocol = (byte)(random.Next(2) == 0 ? 6 : 17);
                key.HasPorts = random.Next(5) != 0;
                if (key.HasPorts) (key.LocalPort, key.RemotePort) = ((ushort)random.Next(10), (ushort)random.Next(10));
                var expected = ordered.FirstOrDefault(r => Selects(*(SpdRule<T>*)r, key));
                for (var again = 0; again < 2; again++) Assert.True(expected == (nint)cache.Find(table, key), $"What was remembered differs: seed {seed}, round {round}");
                Assert.True(expected == (nint)table.Find(key), $"seed {seed}, round {round}, packet {key.Local} {key.Remote} {key.Protocol} {key.HasPorts} {key.LocalPort} {key.RemotePort}");
            }
        }
        Assert.True(table.Tuples > 1);
    }

    private static SpdRange<T> Range<T>(Random random, int width, T address)
        where T : unmanaged, IBinaryInteger<T>
    {
        var range = new SpdRange<T> { Start = address, End = address, LastPort = ushort.MaxValue };
        switch (random.Next(6))
        {
            case 0:
                range.End = address + T.CreateTruncating(random.Next(5));
                break;
            case 1:
                (range.Start, range.End) = (T.Zero, ~T.Zero);
                break;
            case < 5:
                var mask = (T.One << (width - (random.Next(3) * 8))) - T.One;
                if (mask == T.Zero || mask == ~T.Zero - T.One) mask = ~T.Zero >> 8;
                (range.Start, range.End) = (address & ~mask, address | mask);
                break;
        }
        if (random.Next(4) == 0) range.Protocol = (byte)(random.Next(2) == 0 ? 6 : 17);
        if (random.Next(4) == 0) (range.FirstPort, range.LastPort) = random.Next(4) == 0 ? (ushort.MaxValue, (ushort)0) : ((ushort)random.Next(5), (ushort)(5 + random.Next(5)));
        return range;
    }

    // Written apart from SpdRange, in the RFC's words.
    private static bool Selects<T>(SpdRule<T> rule, SpdKey<T> key)
        where T : unmanaged, IBinaryInteger<T>
    {
        foreach (var (range, address, port) in ((SpdRange<T>, T, ushort)[])[(rule.Local, key.Local, key.LocalPort), (rule.Remote, key.Remote, key.RemotePort)])
        {
            var opaque = range.FirstPort == 65535 && range.LastPort == 0;
            var any = range.FirstPort == 0 && range.LastPort == 65535;
            if (!(range.Start <= address && address <= range.End)) return false;
            if (range.Protocol != 0 && range.Protocol != key.Protocol) return false;
            if (any) continue;
            if (opaque && key.HasPorts) return false;
            if (!opaque && !(key.HasPorts && range.FirstPort <= port && port <= range.LastPort)) return false;
        }
        return true;
    }

    [Fact]
    public void Narrower_selectors_win_then_explicit_policies_then_children()
    {
        static ulong Rank(string local, string remote, SpdAction action = SpdAction.Protect, int priority = 0)
        {
            Assert.True(TrafficSelector.TryParse(local, out var l) & TrafficSelector.TryParse(remote, out var r));
            return SpdRank.Of(priority, action, Selectors.ToRange<uint>(l!), Selectors.ToRange<uint>(r!));
        }

        ulong[] ordered =
        [
            Rank("0.0.0.0/0", "0.0.0.0/0", priority: 1),
            Rank("10.1.0.1/32", "10.2.0.1/32", priority: 2),
            Rank("10.1.0.1/32", "10.2.0.1/32"),
            Rank("10.1.0.0/24[tcp/80]", "10.2.0.0/24[tcp]"),
            Rank("10.1.0.0/24[tcp]", "10.2.0.0/24[tcp]"),
            Rank("10.1.0.0/24", "10.2.0.0/24", SpdAction.Bypass),
            Rank("10.1.0.0/24", "10.2.0.0/24"),
            Rank("10.1.0.0/24", "10.2.0.0/16"),
            Rank("10.1.0.0/24", "0.0.0.0/0"),
            Rank("0.0.0.0/0", "0.0.0.0/0", SpdAction.Discard),
            Rank("0.0.0.0/0", "0.0.0.0/0"),
        ];
        Assert.Equal(ordered.Order(), ordered);
        Assert.Equal(ordered.Length, ordered.Distinct().Count());
    }

    [Fact]
    public void Thousands_of_children_of_one_shape_cost_one_probe()
    {
        using var epochs = new Epochs(1);
        using var table = new SpdTable<uint>(epochs);
        for (var i = 0; i < 5000; i++)
        {
            var remote = Selectors.ToRange<uint>(TrafficSelector.OfPrefix(new IPAddress([10, (byte)(100 + i / 250), (byte)(i % 250), 0]), 24));
            var local = Selectors.ToRange<uint>(TrafficSelector.OfPrefix(IPAddress.Parse("10.1.0.0"), 16));
            table.Add(new SpdRule<uint> { Local = local, Remote = remote, Rank = SpdRank.Of(0, SpdAction.Protect, local, remote), Order = (ulong)i, Action = SpdAction.Protect, Policy = (uint)i });
        }
        Assert.Equal(1, table.Tuples);
        var key = new SpdKey<uint> { Local = Selectors.ToNumber<uint>(IPAddress.Parse("10.1.2.3")), Remote = Selectors.ToNumber<uint>(IPAddress.Parse("10.119.249.7")), Protocol = 17 };
        Assert.Equal(4999u, table.Find(key)->Policy);
    }
}
