using System.Text.Json;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of interfaces of type vlan.</summary>
internal static class VlanRules
{
    public const string VlanClaim = "vlan";

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Type != InterfaceType.Vlan)
        {
            foreach (var (member, given) in (ReadOnlySpan<(string, bool)>)
                [("parent", spec.Parent is not null), ("vlan", spec.Vlan is not null), ("inner_vlan", spec.InnerVlan is not null), ("vlan_protocol", spec.VlanProtocol is not null)])
                if (given) at[member].Add(ErrorCode.NotApplicable, "This goes with a vlan interface only.");
            return;
        }

        if (spec.Queues is not null) at["queues"].Add(ErrorCode.NotApplicable, "A vlan interface has the queues of its parent.");
        if (spec.Parent is null) at["parent"].Add(ErrorCode.MissingField, "A vlan interface needs the interface that carries it.");
        if (spec.Vlan is null) at["vlan"].Add(ErrorCode.MissingField, "A vlan interface needs the number of its VLAN.");
    }

    /// <summary>Two interfaces with the same tags would share their frames.</summary>
    public static HeldClaim? Claim(InterfaceSpec spec)
    {
        if (spec is not { Type: InterfaceType.Vlan, Parent: { } parent, Vlan: { } vlan }) return null;
        var inner = spec.InnerVlan is { } i ? $".{i}" : "";
        return new(new(VlanClaim, $"{JsonNamingPolicy.KebabCaseLower.ConvertName(spec.OuterProtocol.ToString())} {vlan}{inner} on {parent}"), spec.InnerVlan is null ? ".vlan" : ".inner_vlan");
    }

    /// <summary>What an interface and the one that carries it must be to each other, whichever of the two is put.</summary>
    public static void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        foreach (var item in all.OfKind(ItemCatalog.Interface))
        {
            if (item.Spec is not InterfaceSpec { Type: InterfaceType.Vlan, Parent: { } name } spec || !all.TryGetValue(new(ItemCatalog.Interface, name), out var carrier)) continue;
            var parent = (InterfaceSpec)carrier.Spec;
            var isOwn = put.TryGetValue(item.Key, out var scope);
            if (!isOwn && !put.TryGetValue(carrier.Key, out scope)) continue;
            if (FaultOf(item.Key.Name, name, parent) is { } fault) scope[isOwn ? "parent" : "type"].Add(ErrorCode.Conflict, isOwn ? fault : $"{item.Key} is carried by it: {fault}");
            else if (spec.Mtu > parent.Mtu) scope["mtu"].Add(ErrorCode.Conflict, isOwn ? "The MTU is larger than that of the parent." : $"{item.Key}, which it carries, has a larger MTU.");
        }
    }

    private static string? FaultOf(string name, string parentName, InterfaceSpec parent)
    {
        if (name == parentName) return "An interface cannot carry itself.";
        return parent.Type switch
        {
            InterfaceType.Loopback => "A loopback carries no frames.",
            InterfaceType.Ipsec => "An ipsec interface carries packets, not frames.",
            InterfaceType.Gre or InterfaceType.Ipip => "The tunnel carries packets, not frames.",
            InterfaceType.Vlan => "The parent is a vlan interface itself; two tags are given with inner_vlan.",
            _ => null,
        };
    }
}
