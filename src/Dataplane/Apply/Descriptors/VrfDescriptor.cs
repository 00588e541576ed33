using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Gives VRFs their numbers.</summary>
public sealed class VrfDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Vrf;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => [];

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.VrfOf(item.Key.Name);
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.ForgetVrf(item.Key.Name);
        return new(new StepResult.Done());
    }

    /// <summary>The VRFs that must be there before what names them.</summary>
    internal static IEnumerable<ItemKey> Before(params ReadOnlySpan<string?> names)
    {
        List<ItemKey> keys = [];
        foreach (var name in names)
            if (name is not (null or VrfSpec.Default)) keys.Add(new ItemKey(ItemCatalog.Vrf, name));
        return keys;
    }
}
