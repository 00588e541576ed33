using System.Collections.Concurrent;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Unit.Control;

/// <summary>A kind whose world is a dictionary; what it answers to a step can be set per item. Writes down every call.</summary>
internal sealed class RecordingDescriptor(string kind, ConcurrentQueue<string> calls) : IDescriptor
{
    private int _inside;

    public string Kind => kind;

    /// <summary>Answers other than Done, by item name.</summary>
    public ConcurrentDictionary<string, Func<StepResult>> Answers { get; } = [];

    /// <summary>Steps wait for this before they answer.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public ConcurrentDictionary<string, ItemSpec> World { get; } = [];

    public Func<int> OnDependencies { get; set; } = () => 0;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        OnDependencies();
        return item.Spec switch
        {
            RouteSpec { Interface: { } name } => [new("interface", name)],
            NeighborSpec neighbor => [new("interface", neighbor.Interface)],
            _ => [],
        };
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is not InterfaceSpec a || to is not InterfaceSpec b || a.Type == b.Type;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => StepAsync("create", item, () => World[item.Key.Name] = item.Spec, cancellationToken);

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => StepAsync("update", to, () => World[to.Key.Name] = to.Spec, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => StepAsync("delete", item, () => World.TryRemove(item.Key.Name, out _), cancellationToken);

    private async ValueTask<StepResult> StepAsync(string verb, Item item, Action change, CancellationToken cancellationToken)
    {
        if (Interlocked.Increment(ref _inside) != 1) throw new InvalidOperationException("Two calls at a time.");
        try
        {
            calls.Enqueue($"{verb} {item.Key}");
            await Gate.WaitAsync(cancellationToken);
            var answer = Answers.TryGetValue(item.Key.Name, out var make) ? make() : new StepResult.Done();
            if (answer is StepResult.Done) change();
            return answer;
        }
        finally
        {
            Interlocked.Decrement(ref _inside);
        }
    }
}
