using System.Text.Json;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of interfaces of types gre, ipip and gretap.</summary>
internal static class IpTunnelRules
{
    public const string TunnelClaim = "tunnel";

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        if (!spec.IsIpTunnel)
        {
            foreach (var (member, given) in (ReadOnlySpan<(string, bool)>)
                [("remote", spec.Remote is not null), ("key", spec.Key is not null), ("ttl", spec.Ttl is not null), ("dscp", spec.Dscp is not null)])
                if (given) at[member].Add(ErrorCode.NotApplicable, "This goes with a gre, ipip or gretap interface only.");
            return;
        }

        if (spec.Device is not null) at["device"].Add(ErrorCode.NotApplicable, "A tunnel has no device.");
        if (spec.Queues is not null) at["queues"].Add(ErrorCode.NotApplicable, "A tunnel has no queues.");
        if (spec.Mac is not null && spec.Type != InterfaceType.Gretap) at["mac"].Add(ErrorCode.NotApplicable, "A tunnel of packets has no MAC address.");
        if (spec.Key is not null && spec.Type == InterfaceType.Ipip) at["key"].Add(ErrorCode.NotApplicable, "An ipip interface has no key.");
        if (spec.Local is null) at["local"].Add(ErrorCode.MissingField, "A tunnel needs its own end, an address of another interface.");
        else if (Addresses.FaultOfUnicast(spec.Local) is { } fault) at["local"].Add(ErrorCode.InvalidValue, fault);
        if (spec.Remote is not { } remote) at["remote"].Add(ErrorCode.MissingField, "A tunnel needs the address of its other end.");
        else if (Addresses.FaultOfUnicast(remote) is { } wrong) at["remote"].Add(ErrorCode.InvalidValue, wrong);
        else if (spec.Local is { } local && remote.AddressFamily != local.AddressFamily) at["remote"].Add(ErrorCode.InvalidValue, "The ends must be of one address family.");
        else if (remote.Equals(spec.Local)) at["remote"].Add(ErrorCode.Conflict, "The remote end is the local one.");
    }

    /// <summary>Two interfaces of one kind with the same ends and key would share their packets.</summary>
    public static HeldClaim? Claim(InterfaceSpec spec)
    {
        if (!spec.IsIpTunnel || spec is not { Local: { } local, Remote: { } remote }) return null;
        var key = spec.Key is { } k ? $" with key {k}" : "";
        return new(new(TunnelClaim, $"{JsonNamingPolicy.KebabCaseLower.ConvertName(spec.Type.ToString())} from {local} to {remote}{key}"), spec.Key is null ? ".remote" : ".key");
    }

    public static void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (!spec.IsIpTunnel) return;
        if (VxlanRules.Below(all, spec) is null) at["local"].Add(ErrorCode.Conflict, "No interface has this address.");
        else if (CarriesItself(spec, all)) at["local"].Add(ErrorCode.Conflict, "The interface would carry itself.");
        if (all.HolderOf(new(InterfaceRules.AddressClaim, spec.Remote!.ToString())) is { } holder)
            at["remote"].Add(ErrorCode.Conflict, $"This is the gateway's own address on {holder}.");
    }

    /// <summary>Follows the interfaces that have the local ends, from tunnel to tunnel, down to one that is none.</summary>
    private static bool CarriesItself(InterfaceSpec spec, RunningConfiguration all)
    {
        var passed = new HashSet<InterfaceSpec>(ReferenceEqualityComparer.Instance) { spec };
        for (var at = spec; ;)
        {
            if (VxlanRules.Below(all, at) is not { } key || !all.TryGetValue(key, out var item) || item.Spec is not InterfaceSpec below) return false;
            // A VLAN is carried by its parent.
            if (!passed.Add(below)) return true;
            at = below is { Type: InterfaceType.Vlan, Parent: { } parent } && all.TryGetValue(new(ItemCatalog.Interface, parent), out var carrier) ? (InterfaceSpec)carrier.Spec : below;
            if (at != below && !passed.Add(at)) return true;
        }
    }
}
