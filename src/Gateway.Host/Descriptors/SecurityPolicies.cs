using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Host.Descriptors;

/// <summary>
/// The security policy database as the configuration says it (RFC 4301 §4.4.1): a protect policy per child, from configuration on, and the policy items.
/// Selectors that only an SA can tell (<c>dynamic</c> behind <c>%any</c>) come with the SA.
/// </summary>
internal static class SecurityPolicies
{
    public static IReadOnlyList<SecurityPolicy> Of(RunningConfiguration configuration)
    {
        var policies = new List<SecurityPolicy>();
        foreach (var item in configuration.OfKind(ItemCatalog.Connection))
        {
            var connection = (ConnectionSpec)item.Spec;
            foreach (var (name, child) in connection.Children)
            {
                // What a peer gives us is known with the SA; what we give a peer is of our pools.
                var pools = connection.Pools.Select(name => PoolRange(configuration, name)).OfType<TrafficSelector>().ToList();
                var (local, remote) = (Selectors(child.LocalTs, connection.Vips.Count > 0 ? [] : connection.LocalAddrs, []), Selectors(child.RemoteTs, connection.RemoteAddrs, pools));
                if (local.Count > 0 && remote.Count > 0) policies.Add(SecurityPolicy.OfChild(new ConnectionName(item.Key.Name), new ChildName(name), local, remote) with { Holds = ComesBySelf(child), IfId = (uint)(child.IfIdOut ?? connection.IfIdOut) });
            }
        }

        foreach (var item in configuration.OfKind(ItemCatalog.Policy))
        {
            var spec = (PolicySpec)item.Spec;
            var action = spec.Action == PolicyAction.Bypass ? SecurityAction.Bypass : SecurityAction.Discard;
            policies.Add(new SecurityPolicy(item.Key.Name, action, spec.LocalTs, spec.RemoteTs, spec.Priority));
        }

        return policies;
    }

    // Only for children that a packet, or the gateway itself, sets up there is something to wait for.
    private static bool ComesBySelf(ChildSpec child) =>
        child.StartAction != StartAction.None || child.DpdAction is LossAction.Trap or LossAction.Start || child.CloseAction is LossAction.Trap or LossAction.Start;

    private static ValueList<TrafficSelector> Selectors(ValueList<string> texts, ValueList<string> addresses, List<TrafficSelector> pools)
    {
        var selectors = new List<TrafficSelector>();
        foreach (var text in texts.Count == 0 ? ["dynamic"] : texts)
        {
            if (!SelectorPattern.TryParse(text, out var pattern)) continue;
            selectors.AddRange(pattern.Fill(pools.Count > 0 ? pools : addresses.Count > 0 && IpPrefix.TryAddress(addresses[0], out var address) ? [Host(address)] : []));
        }

        return selectors.ToValueList();
    }

    private static TrafficSelector? PoolRange(RunningConfiguration configuration, string name) =>
        configuration.TryGetValue(new ItemKey(ItemCatalog.Pool, name), out var item) && PoolSpec.TryRange(((PoolSpec)item.Spec).Addrs, out var range) ? range : null;

    private static TrafficSelector Host(IPAddress address) => new(address, address);
}
