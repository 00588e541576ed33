using System.Net;
using System.Net.Sockets;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of rules of NAT44.</summary>
internal sealed class NatRules : ItemRules<NatSpec>
{
    private const int MaxNetworks = 256, MaxAddresses = 4096, MaxBackends = 256;

    protected override void Check(string name, NatSpec spec, ValidationContext context, ErrorScope at)
    {
        OnlyOf(spec, at);
        switch (spec.Type)
        {
            case NatType.Source:
                CheckSource(spec, at);
                break;
            case NatType.Static:
                CheckStatic(spec, at);
                break;
            case NatType.Service:
                CheckService(spec, at);
                break;
        }
    }

    protected override IEnumerable<Reference> References(NatSpec spec)
    {
        foreach (var vrf in VrfRules.ReferenceTo(spec.Vrf, ".vrf").Concat(VrfRules.ReferenceTo(spec.OutsideVrf, ".outside_vrf"))) yield return vrf;
        if (spec.OutInterface is { } name) yield return new(new(ItemCatalog.Interface, name), ".out_interface");
    }

    // An outside address and port lead to one place.
    protected override IEnumerable<HeldClaim> Claims(string name, NatSpec spec) =>
        spec.Outside is { } outside ? [new(new("outside address of NAT", spec.Protocol is null ? $"{outside}{InVrf(spec)}" : $"{outside}{InVrf(spec)} {spec.Protocol} {spec.OutsidePort}"), ".outside")] : [];

    protected override void CheckAmong(NatSpec spec, RunningConfiguration all, ErrorScope at)
    {
        var leaves = spec.OutInterface is { } name && all.TryGetValue(new(ItemCatalog.Interface, name), out var on) && on.Spec is InterfaceSpec to ? VrfSpec.Canonical(to.Vrf) : VrfSpec.Canonical(spec.Vrf);
        var outside = VrfSpec.Canonical(spec.OutsideVrf ?? leaves);
        if (spec.OutInterface is not null && outside != leaves) at["outside_vrf"].Add(ErrorCode.Conflict, $"What leaves by interface/{spec.OutInterface} leaves into the VRF {leaves ?? VrfSpec.Default}.");
        if (spec.Addresses.Count == 0 && spec is not { Type: NatType.Static, Protocol: null }) return;
        var own = all.OfKind(ItemCatalog.Interface).Where(i => VrfSpec.Canonical(((InterfaceSpec)i.Spec).Vrf) == outside).SelectMany(i => ((InterfaceSpec)i.Spec).Addresses.Select(a => (i.Key, a.Address)))
            .Where(a => a.Address.AddressFamily == AddressFamily.InterNetwork).ToList();
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            var (first, last) = (Addresses.Number(spec.Addresses[i].Start), Addresses.Number(spec.Addresses[i].End));
            foreach (var (key, address) in own)
                if (Addresses.Number(address) >= first && Addresses.Number(address) <= last) at["addresses"][i].Add(ErrorCode.Conflict, $"{key} has an address of this range; leave addresses out to use that of the interface.");
        }

        if (spec is not { Type: NatType.Static, Protocol: null, Outside: { } whole }) return;
        foreach (var (key, address) in own)
            if (address.Equals(whole)) at["outside"].Add(ErrorCode.Conflict, $"{key} has this address, and the gateway would not be reached by it any more; forward single ports of it instead.");
    }

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put) => NatBlockRules.CheckTogether(all, put);

    private static string InVrf(NatSpec spec) => VrfSpec.Canonical(spec.OutsideVrf ?? spec.Vrf) is { } vrf ? $" in vrf {vrf}" : "";

    // A field of another type of rule would be silently without effect.
    private static void OnlyOf(NatSpec spec, ErrorScope at)
    {
        bool source = spec.Type == NatType.Source, service = spec.Type == NatType.Service;
        (string Field, bool Given, bool Allowed)[] fields =
        [
            ("from", spec.From.Count > 0, source),
            ("out_interface", spec.OutInterface is not null, source),
            ("addresses", spec.Addresses.Count > 0, source && !spec.Exempt),
            ("exempt", spec.Exempt, source),
            ("protected", spec.Protected, source && !spec.Exempt),
            ("block_size", spec.BlockSize is not null, source && !spec.Exempt),
            ("blocks_per_host", spec.BlocksPerHost != 1, source && spec.BlockSize is not null),
            ("oversubscribe", spec.Oversubscribe, source && spec.BlockSize is not null),
            ("first_port", spec.FirstPort != 1024, source && !spec.Exempt),
            ("last_port", spec.LastPort != 32767, source && !spec.Exempt),
            ("outside", spec.Outside is not null, !source),
            ("inside", spec.Inside is not null, spec.Type == NatType.Static),
            ("protocol", spec.Protocol is not null, !source),
            ("outside_port", spec.OutsidePort is not null, !source),
            ("inside_port", spec.InsidePort is not null, spec.Type == NatType.Static),
            ("backends", spec.Backends.Count > 0, service),
            ("affinity", spec.Affinity, service),
        ];
        foreach (var (field, given, allowed) in fields)
            if (given && !allowed) at[field].Add(ErrorCode.NotApplicable, "This rule has no use for the field.");
    }

    private static void CheckSource(NatSpec spec, ErrorScope at)
    {
        if (spec.From.Count > MaxNetworks) at["from"].Add(ErrorCode.TooMany, $"There are at most {MaxNetworks}.");
        for (var i = 0; i < spec.From.Count; i++)
        {
            if (spec.From[i].Family != AddressFamily.InterNetwork) at["from"][i].Add(ErrorCode.InvalidValue, "Expected an IPv4 prefix.");
            else if (!spec.From[i].IsCanonical) at["from"][i].Add(ErrorCode.InvalidValue, "Bits beyond the prefix length are set.");
        }

        if (spec.FirstPort > spec.LastPort) at["last_port"].Add(ErrorCode.OutOfRange, "The highest port lies below the lowest.");
        UInt128 count = 0;
        for (var i = 0; i < spec.Addresses.Count; i++)
        {
            var range = spec.Addresses[i];
            if (range.Start.AddressFamily != AddressFamily.InterNetwork || range != TrafficSelectorOf(range.Start, range.End)) at["addresses"][i].Add(ErrorCode.InvalidValue, "Expected IPv4 addresses without protocol or port.");
            else if (Addresses.FaultOfUnicast(range.Start) is { } low) at["addresses"][i].Add(ErrorCode.InvalidValue, low);
            else if (Addresses.FaultOfUnicast(range.End) is { } high) at["addresses"][i].Add(ErrorCode.InvalidValue, high);
            else count += Addresses.Number(range.End) - Addresses.Number(range.Start) + 1;
        }

        if (count > MaxAddresses) at["addresses"].Add(ErrorCode.TooMany, $"There are at most {MaxAddresses} addresses.");
        else if (spec.BlockSize is not null) NatBlockRules.Check(spec, count, at);
    }

    private static void CheckStatic(NatSpec spec, ErrorScope at)
    {
        CheckHost(spec.Outside, at["outside"]);
        CheckHost(spec.Inside, at["inside"]);
        if (spec.Protocol is not null && spec.OutsidePort is null) at["outside_port"].Add(ErrorCode.MissingField, "With a protocol a port is needed; without both the whole address is meant.");
        if (spec.Protocol is null && (spec.OutsidePort ?? spec.InsidePort) is not null) at["protocol"].Add(ErrorCode.MissingField, "A port needs its protocol.");
        if (spec.Outside is { } outside && outside.Equals(spec.Inside) && spec.Protocol is null) at["inside"].Add(ErrorCode.Conflict, "Inside and outside are the same; a source rule with exempt leaves flows as they are.");
    }

    private static void CheckService(NatSpec spec, ErrorScope at)
    {
        CheckHost(spec.Outside, at["outside"]);
        if (spec.Protocol is null) at["protocol"].Add(ErrorCode.MissingField, "A service needs a protocol.");
        if (spec.OutsidePort is null) at["outside_port"].Add(ErrorCode.MissingField, "A service needs a port.");
        if (spec.Backends.Count == 0) at["backends"].Add(ErrorCode.MissingField, "A service needs a host that serves it.");
        if (spec.Backends.Count > MaxBackends) at["backends"].Add(ErrorCode.TooMany, $"There are at most {MaxBackends}.");
        HashSet<(IPAddress, int)> seen = [];
        for (var i = 0; i < spec.Backends.Count; i++)
        {
            CheckHost(spec.Backends[i].Address, at["backends"][i]["address"]);
            if (!seen.Add((spec.Backends[i].Address, spec.Backends[i].Port))) at["backends"][i].Add(ErrorCode.Conflict, "The same host and port stand twice.");
        }
    }

    private static void CheckHost(IPAddress? address, ErrorScope at)
    {
        if (address is null) at.Add(ErrorCode.MissingField, "The rule needs this address.");
        else if (address.AddressFamily != AddressFamily.InterNetwork) at.Add(ErrorCode.InvalidValue, "Expected an IPv4 address.");
        else if (Addresses.FaultOfUnicast(address) is { } fault) at.Add(ErrorCode.InvalidValue, fault);
    }

    private static TrafficSelector TrafficSelectorOf(IPAddress first, IPAddress last) => TrafficSelector.OfPrefix(first, 32) with { Start = first, End = last };
}
