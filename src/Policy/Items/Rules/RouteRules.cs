using System.Globalization;
using System.Net;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of static routes.</summary>
internal sealed class RouteRules : ItemRules<RouteSpec>
{
    private const int MaxHops = 64;

    protected override void Check(string name, RouteSpec spec, ValidationContext context, ErrorScope at)
    {
        if (!spec.To.IsCanonical) at["to"].Add(ErrorCode.InvalidValue, $"Bits beyond the prefix length are set; write {Canonical(spec.To)}.");
        else if (IsMulticast(spec.To)) at["to"].Add(ErrorCode.NotSupported, "Multicast is not routed.");
        CheckWay(spec, at);
    }

    /// <summary>Checks what it says of where it leads.</summary>
    internal static void CheckWay(RouteSpec spec, ErrorScope at)
    {
        if (spec.IsRefusal)
        {
            CheckRefusal(spec, at);
            return;
        }

        if (spec.NextHops.Count > 0)
        {
            CheckHops(spec, at);
            return;
        }

        if (spec.Via is null && spec.Interface is null) at["via"].Add(ErrorCode.MissingField, "A route needs 'via', 'interface', 'next_hops', 'blackhole', 'unreachable' or 'prohibit'.");
        CheckHop(spec.To, spec.Via, spec.Interface, at);
    }

    protected override IEnumerable<Reference> References(RouteSpec spec) => ReferencesOf(spec);

    internal static IEnumerable<Reference> ReferencesOf(RouteSpec spec)
    {
        foreach (var vrf in VrfRules.ReferenceTo(spec.Vrf, ".vrf").Concat(VrfRules.ReferenceTo(spec.NextHopVrf, ".next_hop_vrf"))) yield return vrf;
        if (spec.Interface is { } name) yield return new(new(ItemCatalog.Interface, name), ".interface");
        for (var i = 0; i < spec.NextHops.Count; i++)
            if (spec.NextHops[i].Interface is { } each) yield return new(new(ItemCatalog.Interface, each), $".next_hops[{i}].interface");
    }

    /// <summary>Routes to one prefix have preferences of their own.</summary>
    protected override IEnumerable<HeldClaim> Claims(string name, RouteSpec spec) =>
        [new(new("route to", $"{spec.To}{(VrfSpec.Canonical(spec.Vrf) is { } vrf ? $" in vrf {vrf}" : "")}{(spec.Preference == 0 ? "" : $" with preference {spec.Preference.ToString(CultureInfo.InvariantCulture)}")}"), ".to")];

    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put) =>
        RouteListRules.CheckRoutes(all.OfKind(ItemCatalog.RouteList), put.Keys.Select(k => all[k]), (_, route) => put[route]["to"]);

    protected override void CheckAmong(RouteSpec spec, RunningConfiguration all, ErrorScope at) => CheckNextHops(spec, all, at);

    internal static void CheckNextHops(RouteSpec spec, RunningConfiguration all, ErrorScope at)
    {
        CheckNext(spec, spec.Via, spec.Interface, all, at);
        for (var i = 0; i < spec.NextHops.Count; i++) CheckNext(spec, spec.NextHops[i].Via, spec.NextHops[i].Interface, all, at["next_hops"][i]);
    }

    private static void CheckRefusal(RouteSpec spec, ErrorScope at)
    {
        var word = spec.Blackhole ? "blackhole" : spec.Unreachable ? "unreachable" : "prohibit";
        var what = word == "blackhole" ? "A blackhole" : "A route that refuses";
        if (spec.Via is not null) at["via"].Add(ErrorCode.NotApplicable, $"{what} has no next hop.");
        if (spec.Interface is not null) at["interface"].Add(ErrorCode.NotApplicable, $"{what} has no interface.");
        if (spec.NextHops.Count > 0) at["next_hops"].Add(ErrorCode.NotApplicable, $"{what} has no next hop.");
        if (spec.NextHopVrf is not null) at["next_hop_vrf"].Add(ErrorCode.NotApplicable, $"{what} has no next hop.");
        if (word != "unreachable" && spec.Unreachable) at["unreachable"].Add(ErrorCode.NotApplicable, $"The route is '{word}' already.");
        if (word != "prohibit" && spec.Prohibit) at["prohibit"].Add(ErrorCode.NotApplicable, $"The route is '{word}' already.");
    }

    private static void CheckHops(RouteSpec spec, ErrorScope at)
    {
        if (spec.Via is not null) at["via"].Add(ErrorCode.NotApplicable, "The next hops stand in 'next_hops'.");
        if (spec.Interface is not null) at["interface"].Add(ErrorCode.NotApplicable, "The next hops stand in 'next_hops'.");
        if (spec.NextHops.Count > MaxHops) at["next_hops"].Add(ErrorCode.TooMany, $"A route has at most {MaxHops} next hops.");
        var seen = new HashSet<(IPAddress?, string?)>();
        for (var i = 0; i < spec.NextHops.Count; i++)
        {
            var (hop, within) = (spec.NextHops[i], at["next_hops"][i]);
            if (hop.Via is null && hop.Interface is null) within["via"].Add(ErrorCode.MissingField, "A next hop needs 'via' or 'interface'.");
            else if (!seen.Add((hop.Via, hop.Interface))) within.Add(ErrorCode.Conflict, "The next hop stands twice; its share is its weight.");
            CheckHop(spec.To, hop.Via, hop.Interface, within);
        }
    }

    private static void CheckHop(IpPrefix to, IPAddress? next, string? name, ErrorScope at)
    {
        if (next is not { } via) return;
        if (via.AddressFamily != to.Family) at["via"].Add(ErrorCode.InvalidValue, "The next hop must be of the same address family as the destination.");
        else if (Addresses.FaultOfUnicast(via) is { } fault) at["via"].Add(ErrorCode.InvalidValue, fault);
        else if (via.IsIPv6LinkLocal && name is null) at["interface"].Add(ErrorCode.MissingField, "A link-local next hop needs its interface.");
    }

    private static void CheckNext(RouteSpec spec, IPAddress? next, string? name, RunningConfiguration all, ErrorScope at)
    {
        if (name is not null && all.TryGetValue(new(ItemCatalog.Interface, name), out var on) && on.Spec is InterfaceSpec to && VrfSpec.Canonical(to.Vrf) != spec.LeadsTo)
            at["interface"].Add(ErrorCode.Conflict, "The interface is in another VRF; 'next_hop_vrf' says so when that is meant.");
        if (next is { } via && all.HolderOf(VrfRules.AddressIn(spec.LeadsTo, via)) is { } holder)
            at["via"].Add(ErrorCode.Conflict, $"The next hop is the gateway's own address on {holder}.");
    }

    private static bool IsMulticast(IpPrefix prefix)
    {
        Span<byte> bytes = stackalloc byte[16];
        prefix.Address.TryWriteBytes(bytes, out var size);
        return size == 4 ? prefix.Length >= 4 && bytes[0] >> 4 == 0xe : prefix.Length >= 8 && bytes[0] == 0xff;
    }

    private static IpPrefix Canonical(IpPrefix prefix) => prefix with { Address = Sa.TrafficSelector.OfPrefix(prefix.Address, prefix.Length).Start };
}
