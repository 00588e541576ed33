using Gateway.Ike.Engine;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Host.Descriptors;

/// <summary>A pool is in force when its addresses can be read; the engine takes all of them together at the end of a pass (<see cref="ConfigurationPhases"/>).</summary>
internal sealed class PoolDescriptor : IDescriptor
{
    public string Kind => ItemCatalog.Pool;

    /// <summary>The pools of a configuration that are in force.</summary>
    public static List<AddressPool> Compile(RunningConfiguration desired, AppliedState applied)
    {
        var pools = new List<AddressPool>();
        foreach (var item in desired.OfKind(ItemCatalog.Pool))
            if (applied.IsInForce(item.Key) && AddressPool.TryCompile(item.Key.Name, (PoolSpec)item.Spec, out var pool)) pools.Add(pool);
        return pools;
    }

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken) => new(
        AddressPool.TryCompile(item.Key.Name, (PoolSpec)item.Spec, out _) ? new StepResult.Done() : new StepResult.Failed("The pool has no addresses."));

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken) => new(new StepResult.Done());
}
