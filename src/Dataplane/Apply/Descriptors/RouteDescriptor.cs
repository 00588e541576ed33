using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs route items.</summary>
public sealed class RouteDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Route;

    /// <summary>The interface that is named, or the one whose subnet holds the next hop.</summary>
    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var route = (RouteSpec)item.Spec;
        if (route.Interface is { } name) return [new ItemKey(ItemCatalog.Interface, name)];
        return route.Via is { } via && InterfaceTowards(via, desired) is { } key ? [key] : [];
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is RouteSpec a && to is RouteSpec b && a.To == b.To;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var route = (RouteSpec)item.Spec;
        uint? index = null;
        if (route.Interface is { } name)
        {
            if (!dataplane.TryFindInterface(name, out var found)) return new(new StepResult.Pending($"interface/{name}"));
            index = found;
        }

        var active = dataplane.AddRoute(new RouteSettings { To = Network(route), Via = route.Via, Interface = index, Kind = route.Blackhole ? RouteKind.Blackhole : RouteKind.Unicast });
        return new(active ? new StepResult.Done() : new StepResult.Pending($"an interface whose network holds {route.Via}"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.RemoveRoute(0, Network((RouteSpec)item.Spec));
        return new(new StepResult.Done());
    }

    private static IPNetwork Network(RouteSpec route) => new(route.To.Address, route.To.Length);

    private static ItemKey? InterfaceTowards(IPAddress via, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var interfaces = desired is RunningConfiguration configuration ? configuration.OfKind(ItemCatalog.Interface) : desired.Values.Where(i => i.Spec is InterfaceSpec);
        return interfaces
            .SelectMany(i => ((InterfaceSpec)i.Spec).Addresses.Select(a => (i.Key, a)))
            .Where(x => new IpPrefix(x.a.Address, x.a.PrefixLength).Contains(via))
            .OrderByDescending(x => x.a.PrefixLength)
            .Select(x => x.Key)
            .FirstOrDefault();
    }
}
