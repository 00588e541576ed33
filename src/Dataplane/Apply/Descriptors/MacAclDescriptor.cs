using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs MAC ACLs.</summary>
public sealed class MacAclDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.MacAcl;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Guarding.SetMacAcl(item.Key.Name, (MacAclSpec)item.Spec);
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Guarding.RemoveMacAcl(item.Key.Name);
        return new(new StepResult.Done());
    }
}
