using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs policies of forwarding. A policy does not depend on the interfaces of its next hops: it takes them as they come.</summary>
public sealed class AbfPolicyDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.AbfPolicy;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) =>
        [new(ItemCatalog.Acl, ((AbfPolicySpec)item.Spec).Acl), .. VrfDescriptor.Before(((AbfPolicySpec)item.Spec).NextHopVrf)];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var spec = (AbfPolicySpec)item.Spec;
        dataplane.Steering.SetPolicy(new AbfPolicy(
            item.Key.Name, spec.Acl, [.. spec.NextHops.Select(h => new RouteHop(h.Via, h.Interface, h.Weight))], dataplane.VrfOf(spec.NextHopVrf), spec.Fallback == AbfFallback.Drop));
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Steering.RemovePolicy(item.Key.Name);
        return new(new StepResult.Done());
    }
}
