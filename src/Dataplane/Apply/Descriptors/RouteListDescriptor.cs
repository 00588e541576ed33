using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs lists of routes.</summary>
public sealed class RouteListDescriptor(DataplaneControl dataplane) : IDescriptor
{
    private readonly ConnectedNetworks _networks = new();

    public string Kind => ItemCatalog.RouteList;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => RouteDescriptor.DependenciesOf(((RouteListSpec)item.Spec).AsRoute(), _networks, desired);

    // Only what changed is touched. In another table the prefixes may be in the way of others that are there still, and go first.
    public bool CanUpdate(ItemSpec from, ItemSpec to) =>
        from is RouteListSpec a && to is RouteListSpec b && a.To.IsV6 == b.To.IsV6 && a.Preference == b.Preference && (a.Vrf ?? VrfSpec.Default) == (b.Vrf ?? VrfSpec.Default);

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var list = (RouteListSpec)item.Spec;
        var route = list.AsRoute();
        return new(RouteDescriptor.TrySettings(dataplane, route, out var way, out var waitsFor)
            ? RouteDescriptor.ResultOf(route, dataplane.SetRoutes(item.Key.Name, way, list.To))
            : new StepResult.Pending(waitsFor));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.RemoveRoutes(item.Key.Name);
        return new(new StepResult.Done());
    }
}
