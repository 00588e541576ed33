using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of bridges.</summary>
internal sealed class BridgeRules : ItemRules<BridgeSpec>
{
    private const int MaxMembers = 256;
    private const int MaxStations = 4096;
    private const long MinAge = 10, MaxAge = 1_000_000;

    protected override void Check(string name, BridgeSpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.Members.Count > MaxMembers) at["members"].Add(ErrorCode.TooMany, $"A bridge has at most {MaxMembers} members.");
        if (spec.Static.Count > MaxStations || spec.Static.Count > spec.MacLimit / 2)
            at["static"].Add(ErrorCode.TooMany, $"A bridge has at most {MaxStations} static MAC addresses, and at most half as many as mac_limit says.");
        if (spec.MacAge.Seconds is (> 0 and < MinAge) or > MaxAge) at["mac_age"].Add(ErrorCode.OutOfRange, $"Expected 0, or {MinAge}s to {MaxAge}s.");
        var members = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Members.Count; i++)
            if (!members.Add(spec.Members[i].Interface)) at["members"][i]["interface"].Add(ErrorCode.Conflict, "The interface stands twice.");
        if (spec.Bvi is { } bvi && members.Contains(bvi)) at["bvi"].Add(ErrorCode.Conflict, "The routed member is among the members; it joins as bvi alone.");

        var stations = new HashSet<MacAddress>();
        for (var i = 0; i < spec.Static.Count; i++)
        {
            var (station, within) = (spec.Static[i], at["static"][i]);
            if (station.Mac.IsMulticast || station.Mac.Value == 0) within["mac"].Add(ErrorCode.InvalidValue, "This is not the MAC address of one station.");
            else if (!stations.Add(station.Mac)) within["mac"].Add(ErrorCode.Conflict, "The MAC address stands twice.");
            if (!members.Contains(station.Interface)) within["interface"].Add(ErrorCode.InvalidValue, "This is no member of the bridge.");
        }
    }

    protected override IEnumerable<Reference> References(BridgeSpec spec)
    {
        for (var i = 0; i < spec.Members.Count; i++) yield return new(new(ItemCatalog.Interface, spec.Members[i].Interface), $".members[{i}].interface");
        if (spec.Bvi is { } bvi) yield return new(new(ItemCatalog.Interface, bvi), ".bvi");
    }

    protected override IEnumerable<HeldClaim> Claims(string name, BridgeSpec spec)
    {
        for (var i = 0; i < spec.Members.Count; i++) yield return new(new(SwitchRules.SwitchedClaim, spec.Members[i].Interface), $".members[{i}].interface");
        if (spec.Bvi is { } bvi) yield return new(new(SwitchRules.SwitchedClaim, bvi), ".bvi");
    }

    protected override void CheckAmong(BridgeSpec spec, RunningConfiguration all, ErrorScope at)
    {
        for (var i = 0; i < spec.Members.Count; i++)
            if (SwitchRules.FaultOfMember(all, spec.Members[i].Interface) is { } fault) at["members"][i]["interface"].Add(ErrorCode.Conflict, fault);
        for (var i = 0; i < spec.Members.Count; i++)
            if (VxlanRules.FaultOfBridge(all, spec.Members[i].Interface, spec.Bvi) is { } loop) at["members"][i]["interface"].Add(ErrorCode.Conflict, loop);
        if (spec.Bvi is { } bvi && all.TryGetValue(new(ItemCatalog.Interface, bvi), out var routed) && routed.Spec is InterfaceSpec { Type: not InterfaceType.Loopback })
            at["bvi"].Add(ErrorCode.Conflict, "The routed member of a bridge is a loopback interface.");
    }
}
