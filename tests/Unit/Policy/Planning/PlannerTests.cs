using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Xunit;

namespace Gateway.Unit.Policy.Planning;

/// <summary>The planner against a slow simulator that carries out each step and checks what must hold at each.</summary>
public sealed class PlannerTests
{
    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 60), Environment.TickCount & 0xffff];

    [Fact]
    public void Dependencies_come_first_and_go_last()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", ["c"]), ("c", []));
        Assert.Equal(["create route/c", "create route/b", "create route/a"], world.CarryOut());
        world.Desire();
        Assert.Equal(["delete route/a", "delete route/b", "delete route/c"], world.CarryOut());
    }

    [Fact]
    public void A_change_in_place_touches_nothing_else()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", []));
        world.CarryOut();
        world.Desire(("a", ["b"]), ("b", []));
        Assert.Empty(world.CarryOut());
        world.Change("b", inPlace: true);
        Assert.Equal(["update route/b"], world.CarryOut());
    }

    [Fact]
    public void What_comes_to_need_another_or_lets_go_of_it_stays_in_force_with_all_that_was_made_upon_it()
    {
        var world = new ToyWorld();
        world.Desire(("top", ["a"]), ("a", []));
        world.CarryOut();
        world.Desire(("top", ["a"]), ("a", ["b"]), ("b", ["c"]), ("c", []));
        Assert.Equal(["create route/c", "create route/b", "update route/a"], world.CarryOut());
        world.Desire(("top", ["a"]), ("a", ["d"]), ("d", []));
        Assert.Equal(["create route/d", "update route/a", "delete route/b", "delete route/c"], world.CarryOut());
    }

    [Fact]
    public void What_must_come_again_takes_those_with_it_that_let_go_of_what_stands_upon_it()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", ["c"]), ("c", []));
        world.CarryOut();
        world.Desire(("a", []), ("c", []));
        world.Change("c", inPlace: false);
        Assert.Equal(["delete route/a", "delete route/b", "delete route/c", "create route/a", "create route/c"], world.CarryOut());
    }

    [Fact]
    public void What_cannot_change_in_place_goes_and_comes_again_with_all_that_was_made_upon_it()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", []), ("c", []));
        world.CarryOut();
        world.Change("b", inPlace: false);
        Assert.Equal(["delete route/a", "delete route/b", "create route/b", "create route/a"], world.CarryOut());
    }

    [Fact]
    public void An_item_waits_for_what_is_missing_and_so_do_those_upon_it()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", ["none"]), ("c", []));
        var plan = world.Plan();
        Assert.Equal(["create route/c"], plan.Steps.Select(s => s.ToString()));
        Assert.Equal([("route/a", "route/b"), ("route/b", "route/none")], plan.Waiting.Select(w => (w.Key.ToString(), w.WaitsFor)));
    }

    [Fact]
    public void A_cycle_is_named_and_keeps_nobody_else()
    {
        var world = new ToyWorld();
        world.Desire(("a", ["b"]), ("b", ["a"]), ("c", ["a"]), ("d", []), ("e", ["e"]));
        var plan = world.Plan();
        Assert.Equal(["create route/d"], plan.Steps.Select(s => s.ToString()));
        Assert.Equal(
            ["a way out of the cycle route/a → route/b → route/a", "a way out of the cycle route/b → route/a → route/b", "route/a", "a way out of the cycle route/e → route/e"],
            plan.Waiting.Select(w => w.WaitsFor));
    }

    [Fact]
    public void What_a_failed_attempt_left_is_made_again_or_removed()
    {
        var world = new ToyWorld();
        world.Desire(("a", []));
        world.Leave("a");
        Assert.Equal(["create route/a"], world.Plan().Steps.Select(s => s.ToString()));
        world.Desire();
        Assert.Equal(["delete route/a"], world.Plan().Steps.Select(s => s.ToString()));
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Random_graphs_lead_from_any_state_to_any_other(int seed)
    {
        var random = new Random(seed);
        var world = new ToyWorld();
        for (var round = 0; round < 12; round++)
        {
            world.Desire(Graph(random));
            foreach (var name in world.Desired.Select(d => d.Key.Name).Order(StringComparer.Ordinal).Where(_ => random.Next(4) == 0)) world.Change(name, random.Next(2) == 0);
            try
            {
                var plan = world.Plan();
                Assert.Equal(plan.Steps.Select(s => s.ToString()), world.Plan().Steps.Select(s => s.ToString()));
                world.CarryOut();
                world.CheckDone(plan);
                Assert.Empty(world.Plan().Steps);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                Assert.Fail($"seed {seed}, round {round}: {e.Message}");
            }
        }
    }

    [Theory]
    [MemberData(nameof(Seeds))]
    public void Planning_for_what_changed_gives_what_planning_for_everything_gives(int seed)
    {
        var random = new Random(seed);
        var world = new ToyWorld();
        for (var round = 0; round < 12; round++)
        {
            var before = world.Desired.ToDictionary();
            var waited = world.Plan().Waiting.Select(w => w.Key).ToList();
            world.Desire(Graph(random));
            var changed = world.Desired.Where(d => !before.TryGetValue(d.Key, out var old) || !old.Spec.Equals(d.Value.Spec)).Select(d => d.Key).Concat(before.Keys.Where(k => !world.Desired.ContainsKey(k)));
            var some = Planner.Plan(world.Desired, world.Applied, world.Descriptors, changed.Concat(waited), _ => null);
            // The order may differ where it does not matter; the world checks where it does.
            Assert.True(world.Plan().Steps.Select(s => s.ToString()).Order().SequenceEqual(some.Steps.Select(s => s.ToString()).Order()), $"seed {seed}, round {round}");
            world.CarryOut(some);
        }
    }

    /// <summary>Up to twelve items; edges mostly downward, now and then into a cycle or to nowhere.</summary>
    private static (string, string[])[] Graph(Random random)
    {
        var count = random.Next(12);
        return [.. Enumerable.Range(0, count).Select(i => ($"n{i}", Enumerable.Range(0, 13).Where(j => j < i ? random.Next(4) == 0 : random.Next(60) == 0).Select(j => $"n{j}").ToArray()))];
    }
}
