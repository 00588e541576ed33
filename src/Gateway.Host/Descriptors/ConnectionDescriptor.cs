using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>A connection is in force when it compiles; the engine takes all of them together at the end of a pass (<see cref="ConfigurationPhases"/>).</summary>
internal sealed class ConnectionDescriptor(CompiledConnections compiled) : IDescriptor
{
    public string Kind => ItemCatalog.Connection;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => ((ConnectionSpec)item.Spec).Pools.Select(name => new ItemKey(ItemCatalog.Pool, name));

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(
        compiled.TryGet(item, out _, out var error) ? new StepResult.Done() : new StepResult.Failed(error));

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}
