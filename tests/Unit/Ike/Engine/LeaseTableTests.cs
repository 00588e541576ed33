using System.Net;
using System.Net.Sockets;
using Gateway.Ike.Engine;
using Gateway.Ike.Sa;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Ike.Engine;

public sealed class LeaseTableTests
{
    [Theory]
    [InlineData("10.3.0.0/28", "10.3.0.1", 14)]
    [InlineData("10.3.0.5/28", "10.3.0.5", 10)]
    [InlineData("10.3.0.0/31", "10.3.0.0", 2)]
    [InlineData("10.3.0.7/32", "10.3.0.7", 1)]
    [InlineData("10.3.0.0-10.3.0.9", "10.3.0.0", 10)]
    [InlineData("fd03::/120", "fd03::1", 254)]
    [InlineData("fd03::/64", "fd03::1", long.MaxValue)]
    public void A_prefix_lends_neither_its_own_address_nor_its_last(string addrs, string first, long size)
    {
        var pool = Pool("rw", addrs);
        Assert.Equal(first, pool.At(0).ToString());
        Assert.Equal(size, pool.Size);
        Assert.True(pool.Contains(pool.At(size - 1)));
        Assert.False(pool.Contains(IPAddress.Parse("192.0.2.1")));
    }

    [Fact]
    public void What_the_journal_says_online_and_nobody_uses_is_released_and_kept()
    {
        var table = new LeaseTable();
        table.SetPools([Pool("rw", "10.3.0.0/28")]);
        table.Use(IPAddress.Parse("10.3.0.2"));
        var released = new List<LeaseReleased>();
        table.Restore([new("rw", IPAddress.Parse("10.3.0.1"), "a", true), new("rw", IPAddress.Parse("10.3.0.2"), "b", true), new("rw", IPAddress.Parse("10.3.0.3"), "c", false)], released.Add);
        Assert.Equal("10.3.0.1", Assert.Single(released).Address.ToString());
        Assert.Equal("10.3.0.3", table.Find(Request("c"))!.Address.ToString());
        Assert.Equal("10.3.0.4", table.Find(Request("d"))!.Address.ToString());
        Assert.Equal("10.3.0.1", table.Find(Request("a"))!.Address.ToString());
    }

    // Every clever structure has a slow, obvious twin.
    [Fact]
    public void No_address_is_ever_used_by_two_identities()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var table = new LeaseTable();
        table.SetPools([Pool("rw", "10.3.0.0/28")]);
        var held = new List<(string Identity, IPAddress Address)>();
        for (var i = 0; i < 20_000; i++)
        {
            if (held.Count > 0 && random.Next(2) == 0)
            {
                var gone = held[random.Next(held.Count)];
                held.Remove(gone);
                var released = table.Leave(gone.Address);
                Assert.True((released is not null) == held.TrueForAll(h => !h.Address.Equals(gone.Address)), $"seed {seed}");
                continue;
            }

            var identity = $"peer{random.Next(40)}";
            var wanted = random.Next(4) == 0 ? IPAddress.Parse($"10.3.0.{random.Next(1, 18)}") : null;
            var lease = table.Find(Request(identity) with { Wanted = wanted });
            if (lease is null)
            {
                Assert.True(held.Select(h => h.Address).Distinct().Count() == 14, $"seed {seed}: {held.Count} held");
                continue;
            }

            Assert.True(held.TrueForAll(h => !h.Address.Equals(lease.Address) || h.Identity == identity), $"seed {seed}");
            table.Use(lease.Address);
            held.Add((identity, lease.Address));
        }
    }

    private static AddressPool Pool(string name, string addrs) => AddressPool.TryCompile(name, new PoolSpec { Addrs = addrs }, out var pool) ? pool : throw new FormatException(addrs);

    private static LeaseRequest Request(string identity) =>
        new(new ConnectionName("lab"), new IkeSaId(1), ["rw"], identity, AddressFamily.InterNetwork, null, false);
}
