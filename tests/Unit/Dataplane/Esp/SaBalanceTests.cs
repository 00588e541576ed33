using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

public sealed class SaBalanceTests
{
    private static SaLoad Load(ulong sa, int worker, ulong packets) => new(new ChildSaId(sa), worker, packets);

    private static SaMove? After(int seconds, params SaLoad[] loads)
    {
        var balance = new SaBalance();
        SaMove? move = null;
        for (var i = 0; i < seconds; i++) move = balance.Choose(loads, 2);
        return move;
    }

    [Fact]
    public void The_SA_that_carries_nearest_to_half_the_difference_moves() =>
        Assert.Equal(new SaMove(new ChildSaId(2), 1), After(SaBalance.Patience, Load(1, 0, 10_000), Load(2, 0, 60_000), Load(3, 0, 110_000), Load(4, 1, 50_000)));

    [Fact]
    public void A_difference_must_last() => Assert.Null(After(SaBalance.Patience - 1, Load(1, 0, 100_000), Load(2, 0, 100_000)));

    [Fact]
    public void A_single_busy_SA_stays_where_it_is() => Assert.Null(After(SaBalance.Patience, Load(1, 0, 900_000)));

    [Fact]
    public void Workers_that_carry_little_are_left_alone() => Assert.Null(After(SaBalance.Patience, Load(1, 0, SaBalance.Busy / 3), Load(2, 0, SaBalance.Busy / 3)));

    [Fact]
    public void Workers_that_are_nearly_even_are_left_alone() => Assert.Null(After(SaBalance.Patience, Load(1, 0, 100_000), Load(2, 0, 20_000), Load(3, 1, 100_000)));

    [Fact]
    public void Random_loads_come_to_rest_and_no_move_makes_the_difference_greater()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var workers = random.Next(2, 9);
            var loads = Enumerable.Range(1, random.Next(1, 60)).Select(i => Load((ulong)i, random.Next(workers), (ulong)random.Next(200_000))).ToList();
            var balance = new SaBalance();
            var quiet = 0;
            for (var second = 0; quiet <= SaBalance.Patience * 2; second++)
            {
                Assert.True(second < 3000, "it never comes to rest");
                quiet++;
                if (balance.Choose(loads, workers) is not { } move) continue;
                quiet = 0;
                var at = loads.FindIndex(l => l.Sa == move.Sa);
                var gap = Sum(loads, loads[at].Worker) - Sum(loads, move.To);
                var from = loads[at].Worker;
                loads[at] = loads[at] with { Worker = move.To };
                Assert.True(Math.Abs(Sum(loads, from) - Sum(loads, move.To)) < gap);
            }
        }
    }

    private static long Sum(List<SaLoad> loads, int worker) => loads.Where(l => l.Worker == worker).Sum(l => (long)l.Packets);
}
