using System.Diagnostics.CodeAnalysis;
using System.Net;
using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs route items.</summary>
public sealed class RouteDescriptor(DataplaneControl dataplane) : IDescriptor
{
    private readonly ConnectedNetworks _networks = new();

    public string Kind => ItemCatalog.Route;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired) => DependenciesOf((RouteSpec)item.Spec, _networks, desired);

    /// <summary>The interfaces that are named, or those whose subnets hold the next hops.</summary>
    internal static IEnumerable<ItemKey> DependenciesOf(RouteSpec route, ConnectedNetworks networks, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        // Of several next hops some may be away: the dataplane takes them as they come.
        var vrfs = VrfDescriptor.Before(route.Vrf, route.NextHopVrf);
        if (route.NextHops.Count > 0) return vrfs;
        if (route.Interface is { } name) return [new ItemKey(ItemCatalog.Interface, name), .. vrfs];
        return route.Via is { } via && networks.Towards(route.NextHopVrf ?? route.Vrf, via, desired) is { } key ? [key, .. vrfs] : vrfs;
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => from is RouteSpec a && to is RouteSpec b && a.To == b.To && a.Preference == b.Preference && (a.Vrf ?? VrfSpec.Default) == (b.Vrf ?? VrfSpec.Default);

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        var route = (RouteSpec)item.Spec;
        return new(TrySettings(dataplane, route, out var settings, out var waitsFor) ? ResultOf(route, dataplane.AddRoute(settings)) : new StepResult.Pending(waitsFor));
    }

    internal static StepResult ResultOf(RouteSpec route, bool active) => active ? new StepResult.Done() : new StepResult.Pending(route.Via is { } via ? $"an interface whose network holds {via}" : "a next hop with a link");

    /// <summary>What the dataplane is told; false when an interface is not there.</summary>
    internal static bool TrySettings(DataplaneControl dataplane, RouteSpec route, [NotNullWhen(true)] out RouteSettings? settings, [NotNullWhen(false)] out string? waitsFor)
    {
        (settings, waitsFor) = (null, null);
        uint? index = null;
        if (route.Interface is { } name)
        {
            if (!dataplane.TryFindInterface(name, out var found))
            {
                waitsFor = $"interface/{name}";
                return false;
            }

            index = found;
        }

        settings = new RouteSettings
        {
            Vrf = dataplane.VrfOf(route.Vrf),
            NextHopVrf = dataplane.VrfOf(route.NextHopVrf ?? route.Vrf),
            To = Network(route),
            Via = route.Via,
            Interface = index,
            Kind = route.Blackhole ? RouteKind.Blackhole : route.Unreachable ? RouteKind.Unreachable : route.Prohibit ? RouteKind.Prohibit : RouteKind.Unicast,
            Preference = (uint)route.Preference,
            NextHops = [.. route.NextHops.Select(h => new RouteHop(h.Via, h.Interface, h.Weight))],
        };
        return true;
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
