using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs limits per source.</summary>
public sealed class SourceLimitDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.SourceLimit;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Guarding.SetSourceLimit(item.Key.Name, (SourceLimitSpec)item.Spec);
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Guarding.RemoveSourceLimit(item.Key.Name);
        return new(new StepResult.Done());
    }
}
