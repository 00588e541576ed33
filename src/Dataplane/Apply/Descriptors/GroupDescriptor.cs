using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs groups: the ACLs that name one are compiled anew.</summary>
public sealed class GroupDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Group;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var spec = (GroupSpec)item.Spec;
        return spec.Addresses.Select(a => a.Group).Concat(spec.Ports.Select(p => p.Group)).OfType<string>().Distinct().Select(name => new ItemKey(ItemCatalog.Group, name));
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Filtering.SetGroup(item.Key.Name, (GroupSpec)item.Spec);
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Filtering.RemoveGroup(item.Key.Name);
        return new(new StepResult.Done());
    }
}
