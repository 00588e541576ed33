using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs route items.</summary>
public sealed class RouteDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Route;

    /// <summary>The interfaces that are named, or those whose subnets hold the next hops.</summary>
    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var route = (RouteSpec)item.Spec;
        // Of several next hops some may be away: the dataplane takes them as they come.
        if (route.NextHops.Count > 0) return [];
        if (route.Interface is { } name) return [new ItemKey(ItemCatalog.Interface, name)];
        return route.Via is { } via && InterfaceTowards(via, desired) is { } key ? [key] : [];
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is RouteSpec a && to is RouteSpec b && a.To == b.To && a.Preference == b.Preference;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var route = (RouteSpec)item.Spec;
        uint? index = null;
        if (route.Interface is { } name)
        {
            if (!dataplane.TryFindInterface(name, out var found)) return new(new StepResult.Pending($"interface/{name}"));
            index = found;
        }

        var active = dataplane.AddRoute(new RouteSettings
        {
            To = Network(route),
            Via = route.Via,
            Interface = index,
            Kind = route.Blackhole ? RouteKind.Blackhole : route.Unreachable ? RouteKind.Unreachable : route.Prohibit ? RouteKind.Prohibit : RouteKind.Unicast,
            Preference = (uint)route.Preference,
            NextHops = [.. route.NextHops.Select(h => new RouteHop(h.Via, h.Interface, h.Weight))],
        });
        return new(active ? new StepResult.Done() : new StepResult.Pending(route.Via is { } via ? $"an interface whose network holds {via}" : "a next hop with a link"));
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        var route = (RouteSpec)item.Spec;
        dataplane.RemoveRoute(0, Network(route), (uint)route.Preference);
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
