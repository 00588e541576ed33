using System.Net;
using Gateway.Policy.Items;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Which interface of a configuration has the network that holds an address. Made once for a configuration, however many of its routes ask.</summary>
internal sealed class ConnectedNetworks
{
    private readonly record struct Network(string Vrf, int Length, AddressWords Prefix);

    private sealed record Known(RunningConfiguration Of, Dictionary<Network, ItemKey> Networks, int[] Lengths);

    private volatile Known? _known;

    /// <summary>The interface of the longest such network in a VRF; null when there is none.</summary>
    public ItemKey? Towards(string? vrf, IPAddress via, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var known = _known;
        // A configuration never changes, so its networks do not either; other dictionaries are those of tests.
        if (known is null || !ReferenceEquals(known.Of, desired)) _known = known = Find(desired as RunningConfiguration ?? RunningConfiguration.Empty, desired.Values);
        var words = AddressWords.From(via);
        foreach (var length in known.Lengths)
            if (length <= words.HostLength && known.Networks.TryGetValue(new Network(vrf ?? VrfSpec.Default, length, words.Masked(length)), out var key)) return key;
        return null;
    }

    private static Known Find(RunningConfiguration configuration, IEnumerable<Item> items)
    {
        var networks = new Dictionary<Network, ItemKey>();
        foreach (var item in ReferenceEquals(configuration, RunningConfiguration.Empty) ? items : configuration.OfKind(ItemCatalog.Interface))
        {
            if (item.Spec is not InterfaceSpec spec) continue;
            foreach (var address in spec.Addresses)
                networks.TryAdd(new Network(spec.Vrf ?? VrfSpec.Default, address.PrefixLength, AddressWords.From(address.Address).Masked(address.PrefixLength)), item.Key);
        }

        return new Known(configuration, networks, [.. networks.Keys.Select(n => n.Length).Distinct().OrderDescending()]);
    }
}
