using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs cross-connects; the ends join when they come.</summary>
public sealed class CrossConnectDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.CrossConnect;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (CrossConnectSpec)item.Spec;
        if (dataplane.Switching.SetConnect(new CrossConnectSettings(item.Key.Name, spec.A, spec.B))) return new(new StepResult.Done());
        return new(new StepResult.Pending($"interface/{(dataplane.TryFindInterface(spec.A, out _) ? spec.B : spec.A)}"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Switching.RemoveConnect(item.Key.Name);
        return new(new StepResult.Done());
    }
}
