using System.Collections.Concurrent;
using System.Net;
using Gateway.Host.Control;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Xunit;

namespace Gateway.Unit.Control;

public sealed class ReconcilerTests : IAsyncDisposable
{
    private readonly VirtualTime _clock = new();
    private readonly ConcurrentQueue<string> _calls = [];
    private readonly ConcurrentQueue<GatewayEvent> _facts = [];
    private readonly RecordingDescriptor _interfaces;
    private readonly RecordingDescriptor _routes;
    private readonly Reconciler _reconciler;
    private RunningConfiguration _configuration = RunningConfiguration.Empty;

    public ReconcilerTests()
    {
        (_interfaces, _routes) = (new("interface", _calls), new("route", _calls));
        _reconciler = new Reconciler([_interfaces, _routes], _clock, _facts.Enqueue);
    }

    private static readonly Item _wan = new(new("interface", "wan"), new InterfaceSpec { Type = InterfaceType.Tap });
    private static readonly Item _route = new(new("route", "r"), new RouteSpec { To = new IpPrefix(IPAddress.Any, 0), Interface = "wan" });

    [Fact]
    public async Task Items_are_applied_in_order_and_the_outcome_says_so()
    {
        await StartAsync();
        Assert.Equal([new ItemOutcome("route/r", ItemState.Applied), new ItemOutcome("interface/wan", ItemState.Applied)], await ApplyAsync(_route, _wan));
        Assert.Equal(["create interface/wan", "create route/r"], _calls);
        Assert.Empty(_facts);
    }

    [Fact]
    public async Task An_item_waits_with_those_upon_it_and_a_poke_tries_them_at_once()
    {
        _interfaces.Answers["wan"] = () => new StepResult.Pending("device wan");
        await StartAsync();
        Assert.Equal(
            [new ItemOutcome("interface/wan", ItemState.Pending, "device wan"), new ItemOutcome("route/r", ItemState.Pending, "interface/wan")],
            await ApplyAsync(_wan, _route));
        Assert.Equal([new ItemPending(_wan.Key, 1, "device wan"), new ItemPending(_route.Key, 1, "interface/wan")], _facts);
        _interfaces.Answers.Clear();
        _facts.Clear();
        _reconciler.Poke("device wan came up");
        await UntilAsync(() => _facts.Count == 2);
        Assert.Equal([new ItemApplied(_wan.Key, 1), new ItemApplied(_route.Key, 1)], _facts);
    }

    [Fact]
    public async Task A_failed_step_is_tried_again_with_longer_and_longer_waits()
    {
        _interfaces.Answers["wan"] = () => new StepResult.Failed("It broke.");
        await StartAsync();
        await ApplyAsync(_wan);
        var waits = new List<double>();
        for (var i = 0; i < 10; i++)
        {
            var calls = _calls.Count;
            await UntilAsync(() => _clock.NextDue is not null);
            var wait = _clock.NextDue!.Value - _clock.GetUtcNow();
            waits.Add(wait.TotalSeconds);
            _clock.Advance(wait);
            await UntilAsync(() => _calls.Count > calls && _reconciler.StatusOf(_wan.Key)!.Attempts == i + 2);
        }

        Assert.Equal([0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30, 30], waits.Select(w => Math.Round(w, 3)));
        Assert.Single(_facts);
        _interfaces.Answers.Clear();
        _clock.Advance(TimeSpan.FromSeconds(30));
        await UntilAsync(() => _facts.Count == 2);
        Assert.Equal(new ItemApplied(_wan.Key, 1), _facts.Last());
    }

    [Fact]
    public async Task An_item_whose_time_comes_while_another_stands_in_its_way_does_not_keep_the_loop_busy()
    {
        _routes.Answers["r"] = () => new StepResult.Pending("a table");
        await StartAsync();
        await ApplyAsync(_wan, _route);
        _interfaces.Answers["wan"] = () => new StepResult.Pending("device wan");
        await ApplyAsync(_wan with { Spec = new InterfaceSpec { Type = InterfaceType.Loopback } });
        for (var i = 0; i < 5; i++)
        {
            await UntilAsync(() => _clock.NextDue > _clock.GetUtcNow());
            var calls = _calls.Count;
            _clock.Advance(_clock.NextDue!.Value - _clock.GetUtcNow());
            await UntilAsync(() => _calls.Count > calls && _clock.NextDue > _clock.GetUtcNow());
            Assert.Equal(calls + 1, _calls.Count);
        }

        Assert.Equal("interface/wan", _reconciler.StatusOf(_route.Key)!.WaitsFor);
    }

    [Fact]
    public async Task What_is_not_to_be_tried_yet_costs_a_change_of_something_else_nothing()
    {
        var asked = 0;
        _routes.OnDependencies = () => Interlocked.Increment(ref asked);
        _routes.Answers["r"] = () => new StepResult.Pending("a table");
        await StartAsync();
        await ApplyAsync(_wan, _route);
        var other = new Item(new("route", "s"), new RouteSpec { To = new IpPrefix(IPAddress.Parse("10.0.0.0"), 8), Interface = "wan" });
        for (var i = 1; i <= 5; i++)
        {
            Assert.Equal([new ItemOutcome("route/s", ItemState.Applied)], await ApplyAsync(other with { Spec = (RouteSpec)other.Spec with { Via = new IPAddress([10, 0, 0, (byte)i]) } }));
            Assert.Equal((i + 1, "a table"), (asked, _reconciler.StatusOf(_route.Key)!.WaitsFor));
        }

        _routes.Answers.Clear();
        await UntilAsync(() => _clock.NextDue is not null);
        _clock.Advance(_clock.NextDue!.Value - _clock.GetUtcNow());
        await UntilAsync(() => _reconciler.StatusOf(_route.Key)!.State == ItemState.Applied);
        Assert.Equal([new ItemPending(_route.Key, 1, "a table"), new ItemApplied(_route.Key, 1)], _facts);
    }

    [Fact]
    public async Task A_descriptor_that_fails_in_planning_is_asked_again_later()
    {
        var isBroken = true;
        _routes.OnDependencies = () => isBroken ? throw new InvalidOperationException("a bug") : 0;
        await StartAsync();
        Assert.Equal("a fault of the gateway (InvalidOperationException)", (await ApplyAsync(_route, _wan))[0].WaitsFor);
        isBroken = false;
        _clock.Advance(TimeSpan.FromSeconds(1));
        await UntilAsync(() => _reconciler.Statuses.All(s => s.State == ItemState.Applied));
    }

    [Fact]
    public async Task A_descriptor_that_throws_loses_only_its_item()
    {
        _interfaces.Answers["wan"] = () => throw new InvalidOperationException("a bug");
        await StartAsync();
        var lan = new Item(new("interface", "lan"), new InterfaceSpec { Type = InterfaceType.Tap });
        var outcomes = await ApplyAsync(_wan, lan);
        Assert.Equal([ItemState.Pending, ItemState.Applied], outcomes.Select(o => o.State));
        Assert.Equal("InvalidOperationException: a bug", outcomes[0].WaitsFor);
    }

    [Fact]
    public async Task What_a_failed_attempt_left_is_removed_with_the_item()
    {
        _interfaces.Answers["wan"] = () => new StepResult.Failed("half way");
        await StartAsync();
        await ApplyAsync(_wan);
        _interfaces.Answers.Clear();
        Assert.Equal(ItemState.Deleted, Assert.Single(await DeleteAsync(_wan.Key)).State);
        Assert.Equal(["create interface/wan", "delete interface/wan"], _calls);
        Assert.Equal([new ItemPending(_wan.Key, 1, "half way"), new ItemRemoved(_wan.Key, 2)], _facts);
    }

    [Fact]
    public async Task A_removal_that_fails_is_tried_again_and_told_when_it_is_done()
    {
        await StartAsync();
        await ApplyAsync(_wan);
        _interfaces.Answers["wan"] = () => new StepResult.Failed("busy");
        Assert.Equal(new ItemOutcome("interface/wan", ItemState.Pending, "busy"), Assert.Single(await DeleteAsync(_wan.Key)));
        _interfaces.Answers.Clear();
        _reconciler.Poke("test");
        await UntilAsync(() => _facts.OfType<ItemRemoved>().Any());
        Assert.Null(_reconciler.StatusOf(_wan.Key));
        Assert.Empty(_interfaces.World);
    }

    [Fact]
    public async Task A_change_that_cannot_be_made_in_place_takes_the_dependents_down_and_up_again()
    {
        await StartAsync();
        await ApplyAsync(_wan, _route);
        _calls.Clear();
        await ApplyAsync(_wan with { Spec = new InterfaceSpec { Type = InterfaceType.Loopback } });
        Assert.Equal(["delete route/r", "delete interface/wan", "create interface/wan", "create route/r"], _calls);
    }

    [Fact]
    public async Task The_outcome_does_not_wait_longer_than_its_patience_and_the_rest_is_told_later()
    {
        var gate = new TaskCompletionSource();
        _interfaces.Gate = gate.Task;
        await StartAsync();
        var outcome = ApplyAsync(_wan);
        await UntilAsync(() => !_calls.IsEmpty && _clock.NextDue is not null);
        _clock.Advance(TimeSpan.FromSeconds(2));
        Assert.Equal(new ItemOutcome("interface/wan", ItemState.Pending, "being applied"), Assert.Single(await outcome));
        gate.SetResult();
        await UntilAsync(() => !_facts.IsEmpty);
        Assert.Equal([new ItemApplied(_wan.Key, 1)], _facts);
    }

    [Fact]
    public async Task A_step_that_never_ends_is_cancelled_and_counts_as_failed()
    {
        _interfaces.Gate = new TaskCompletionSource().Task;
        await StartAsync();
        var outcome = ApplyAsync(_wan);
        await UntilAsync(() => !_calls.IsEmpty && _clock.NextDue is not null);
        _clock.Advance(TimeSpan.FromSeconds(10));
        await outcome;
        await UntilAsync(() => _reconciler.StatusOf(_wan.Key)?.WaitsFor == "It took longer than 10 s.");
    }

    [Fact]
    public async Task After_a_start_only_news_is_reported()
    {
        _configuration = _configuration.With([new(_wan.Key, _wan), new(_route.Key, _route)], 5);
        await _reconciler.StartAsync(_configuration, [_route.Key]);
        Assert.Equal([new ItemApplied(_route.Key, 5)], _facts);
    }

    [Fact]
    public async Task No_item_is_lost_in_a_storm_of_changes_and_faults()
    {
        var seed = Environment.TickCount & 0xffff;
        var random = new Random(seed);
        await StartAsync();
        var outcomes = new List<Task>();
        for (var i = 0; i < 300; i++)
        {
            var name = $"i{random.Next(10)}";
            _interfaces.Answers[name] = random.Next(3) switch
            {
                0 => () => new StepResult.Failed("random"),
                1 => () => new StepResult.Pending("random"),
                _ => () => new StepResult.Done(),
            };
            if (random.Next(3) == 0 && _configuration.Count > 0)
            {
                var key = _configuration.Ordered().ElementAt(random.Next(_configuration.Count)).Key;
                outcomes.Add(DeleteAsync([key, .. _configuration.ReferrersOf(key)]));
            }
            else
            {
                outcomes.Add(ApplyAsync(new Item(new("interface", name), new InterfaceSpec { Type = random.Next(2) == 0 ? InterfaceType.Tap : InterfaceType.Loopback, Mtu = 1300 + random.Next(3) })));
                if (random.Next(2) == 0)
                    outcomes.Add(ApplyAsync(new Item(new("route", $"r{random.Next(10)}"), new RouteSpec { To = new IpPrefix(IPAddress.Any, 0), Interface = name })));
            }

            if (random.Next(5) == 0) _clock.Advance(TimeSpan.FromMilliseconds(random.Next(3000)));
        }

        _interfaces.Answers.Clear();
        _routes.Answers.Clear();
        await UntilAsync(() =>
        {
            _clock.Advance(TimeSpan.FromSeconds(1));
            _reconciler.Poke("test");
            return outcomes.TrueForAll(o => o.IsCompleted) && _reconciler.Statuses.All(s => s.State == ItemState.Applied) && _reconciler.Statuses.Count == _configuration.Count;
        });
        var world = _interfaces.World.Concat(_routes.World).ToDictionary(w => w.Key, w => w.Value);
        Assert.True(world.Count == _configuration.Count && _configuration.Values.All(i => world[i.Key.Name].Equals(i.Spec)), $"seed {seed}");
    }

    public async ValueTask DisposeAsync() => await _reconciler.DisposeAsync();

    internal static async Task UntilAsync(Func<bool> holds)
    {
        // No assertion on time: the limit only ends a test that would never end.
        for (var i = 0; i < 24_000; i++)
        {
            if (holds()) return;
            await Task.Delay(5, TestContext.Current.CancellationToken);
        }

        Assert.Fail("It never came to be.");
    }

    private Task StartAsync() => _reconciler.StartAsync(_configuration, []);

    private Task<IReadOnlyList<ItemOutcome>> ApplyAsync(params Item[] items)
    {
        _configuration = _configuration.With([.. items.Select(i => new ItemChange(i.Key, i))], _configuration.Revision + 1);
        return _reconciler.ApplyAsync(_configuration, [.. items.Select(i => i.Key)]);
    }

    private Task<IReadOnlyList<ItemOutcome>> DeleteAsync(params ItemKey[] keys)
    {
        _configuration = _configuration.With([.. keys.Select(k => new ItemChange(k, null))], _configuration.Revision + 1);
        return _reconciler.ApplyAsync(_configuration, keys);
    }
}
