using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs route items.</summary>
public sealed class RouteDescriptor(DataplaneControl dataplane) : IDescriptor
{
    private readonly ConnectedNetworks _networks = new();

    public string Kind => ItemCatalog.Route;

    /// <summary>The interfaces that are named, or those whose subnets hold the next hops.</summary>
    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var route = (RouteSpec)item.Spec;
        // Of several next hops some may be away: the dataplane takes them as they come.
        var vrfs = VrfDescriptor.Before(route.Vrf, route.NextHopVrf);
        if (route.NextHops.Count > 0) return vrfs;
        if (route.Interface is { } name) return [new ItemKey(ItemCatalog.Interface, name), .. vrfs];
        return route.Via is { } via && _networks.Towards(route.NextHopVrf ?? route.Vrf, via, desired) is { } key ? [key, .. vrfs] : vrfs;
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is RouteSpec a && to is RouteSpec b && a.To == b.To && a.Preference == b.Preference && (a.Vrf ?? VrfSpec.Default) == (b.Vrf ?? VrfSpec.Default);

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
            Vrf = dataplane.VrfOf(route.Vrf),
            NextHopVrf = dataplane.VrfOf(route.NextHopVrf ?? route.Vrf),
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
        dataplane.RemoveRoute(dataplane.VrfOf(route.Vrf), Network(route), (uint)route.Preference);
        return new(new StepResult.Done());
    }

    private static IPNetwork Network(RouteSpec route) => new(route.To.Address, route.To.Length);
}
