using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of static neighbors.</summary>
internal sealed class NeighborRules : ItemRules<NeighborSpec>
{
    protected override void Check(string name, NeighborSpec spec, ValidationContext context, ErrorScope at)
    {
        if (Addresses.FaultOfUnicast(spec.Address) is { } fault) at["address"].Add(ErrorCode.InvalidValue, fault);
        if (spec.Mac.IsMulticast || spec.Mac.Value == 0) at["mac"].Add(ErrorCode.InvalidValue, "This is not the MAC address of one station.");
    }

    protected override IEnumerable<Reference> References(NeighborSpec spec) => [new(new(ItemCatalog.Interface, spec.Interface), ".interface")];

    protected override IEnumerable<HeldClaim> Claims(string name, NeighborSpec spec) => [new(new("neighbor", $"{spec.Address} on {spec.Interface}"), ".address")];

    protected override void CheckAmong(NeighborSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (all.TryGetValue(new(ItemCatalog.Interface, spec.Interface), out var on) && on.Spec is InterfaceSpec { Type: InterfaceType.Loopback or InterfaceType.Ipsec } bare && !SwitchRules.IsBvi(all, spec.Interface))
            at["interface"].Add(ErrorCode.NotApplicable, bare.Type == InterfaceType.Loopback ? "A loopback has no neighbors unless it is the routed member of a bridge." : "An ipsec interface has no neighbors: its packets go to the peers of its CHILD SAs.");
        if (all.TryGetValue(new(ItemCatalog.Interface, spec.Interface), out var tunnel) && tunnel.Spec is InterfaceSpec { IsIpTunnel: true, IsPointToPoint: true })
            at["interface"].Add(ErrorCode.NotApplicable, "A tunnel of packets has no neighbors: its other end is the only one.");
        if (all.HolderOf(VrfRules.AddressIn(((InterfaceSpec?)on?.Spec)?.Vrf, spec.Address)) is { } holder)
            at["address"].Add(ErrorCode.Conflict, $"This is the gateway's own address on {holder}.");
    }
}
