using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold between interfaces and the bridges and cross-connects that they belong to, whichever of them is put.</summary>
internal static class SwitchRules
{
    /// <summary>An interface belongs to one bridge or one cross-connect.</summary>
    public const string SwitchedClaim = "switched interface";

    /// <summary>What keeps an interface from being a member, as a sentence; null when nothing does.</summary>
    public static string? FaultOfMember(RunningConfiguration all, string name)
    {
        if (!all.TryGetValue(new(ItemCatalog.Interface, name), out var item) || item.Spec is not InterfaceSpec spec) return null;
        if (spec.Type == InterfaceType.Loopback) return "A loopback has no frames to switch; as the routed member of a bridge it is its bvi.";
        if (spec.Type == InterfaceType.Ipsec) return "An ipsec interface carries packets, not frames.";
        if (spec.IsPointToPoint) return "The tunnel carries packets, not frames; a gretap carries frames.";
        if (spec.Unnumbered is not null) return "The interface has borrowed addresses; those of a bridge are on its bvi.";
        return spec.Addresses.Count > 0 ? "The interface has addresses; those of a bridge are on its bvi." : null;
    }

    /// <summary>Whether a bridge has this interface as its routed member.</summary>
    public static bool IsBvi(RunningConfiguration all, string name) =>
        all.ReferrersOf(new(ItemCatalog.Interface, name)).Any(r => all.TryGetValue(r, out var item) && item.Spec is BridgeSpec { Bvi: { } bvi } && bvi == name);

    /// <summary>Interfaces that are put and belong to something that stays as it was.</summary>
    public static void CheckInterfaces(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        foreach (var (key, at) in put)
        {
            if (!all.TryGetValue(key, out var item) || item.Spec is not InterfaceSpec spec) continue;
            foreach (var referrer in all.ReferrersOf(key).OrderBy(r => r.ToString(), StringComparer.Ordinal))
            {
                if (!all.TryGetValue(referrer, out var owner)) continue;
                if (owner.Spec is BridgeSpec bridge && bridge.Bvi == key.Name)
                {
                    if (spec.Type != InterfaceType.Loopback) at["type"].Add(ErrorCode.Conflict, $"It is the routed member of {referrer}, which must be a loopback.");
                }
                else if (owner.Spec is BridgeSpec or CrossConnectSpec && FaultOfMember(all, key.Name) is { } fault)
                {
                    at[spec.Type == InterfaceType.Loopback ? "type" : "addresses"].Add(ErrorCode.Conflict, $"It belongs to {referrer}. {fault}");
                }
            }
        }
    }
}
