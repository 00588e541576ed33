using System.Collections.Concurrent;
using System.Net;
using Gateway.Host.Control;
using Gateway.Policy.Commands;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;
using Xunit;

namespace Gateway.Unit.Control;

public sealed class GatheringTests : IAsyncDisposable
{
    private readonly ConcurrentQueue<string> _calls = [];
    private readonly Gathering _routes;
    private readonly Reconciler _reconciler;
    private RunningConfiguration _configuration = RunningConfiguration.Empty;

    public GatheringTests()
    {
        _routes = new Gathering(new RecordingDescriptor("route", _calls), _calls);
        _reconciler = new Reconciler([new RecordingDescriptor("interface", _calls), _routes], new VirtualTime(), _ => { });
    }

    [Fact]
    public async Task Steps_of_a_kind_that_follow_one_another_take_effect_with_the_last_of_them()
    {
        await _reconciler.StartAsync(_configuration, []);
        await ApplyAsync(Route("a"), Wan, Route("b"));
        Assert.Equal(["create interface/wan", "gather", "create route/a", "create route/b", "take effect"], _calls);
    }

    [Fact]
    public async Task A_single_step_takes_effect_at_once()
    {
        await _reconciler.StartAsync(_configuration, []);
        await ApplyAsync(Route("a"));
        Assert.Equal(["create route/a"], _calls);
    }

    [Fact]
    public async Task What_was_gathered_takes_effect_also_when_a_step_fails()
    {
        _routes.Inner.Answers["b"] = () => throw new InvalidOperationException("It broke.");
        await _reconciler.StartAsync(_configuration, []);
        var outcome = await ApplyAsync(Route("a"), Route("b"), Route("c"));
        Assert.Equal([ItemState.Applied, ItemState.Pending, ItemState.Applied], outcome.Select(o => o.State));
        Assert.Equal("take effect", _calls.Last());
    }

    public ValueTask DisposeAsync() => _reconciler.DisposeAsync();

    private static Item Wan { get; } = new(new("interface", "wan"), new InterfaceSpec { Type = InterfaceType.Tap });

    private static Item Route(string name) => new(new("route", name), new RouteSpec { To = new IpPrefix(IPAddress.Any, 0), Blackhole = true });

    private Task<IReadOnlyList<ItemOutcome>> ApplyAsync(params Item[] items)
    {
        _configuration = _configuration.With([.. items.Select(i => new ItemChange(i.Key, i))], _configuration.Revision + 1);
        return _reconciler.ApplyAsync(_configuration, [.. items.Select(i => i.Key)]);
    }

    private sealed class Gathering(RecordingDescriptor inner, ConcurrentQueue<string> calls) : IGatheringDescriptor
    {
        public RecordingDescriptor Inner => inner;

        public string Kind => inner.Kind;

        public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => inner.Dependencies(item, desired);

        public bool CanUpdate(ItemSpec from, ItemSpec to) => inner.CanUpdate(from, to);

        public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => inner.CreateAsync(item, cancellationToken);

        public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => inner.UpdateAsync(from, to, cancellationToken);

        public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => inner.DeleteAsync(item, cancellationToken);

        public void Gather() => calls.Enqueue("gather");

        public void TakeEffect() => calls.Enqueue("take effect");
    }
}
