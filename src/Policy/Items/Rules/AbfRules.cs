using System.Net;
using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of policies of forwarding.</summary>
internal sealed class AbfPolicyRules : ItemRules<AbfPolicySpec>
{
    private const int MaxHops = 64;

    protected override void Check(string name, AbfPolicySpec spec, ValidationContext context, ErrorScope at)
    {
        if (spec.NextHops.Count == 0)
        {
            if (spec.Fallback != AbfFallback.Drop) at["next_hops"].Add(ErrorCode.MissingField, "A policy needs next hops, or 'drop' as its 'fallback'.");
            if (spec.NextHopVrf is not null) at["next_hop_vrf"].Add(ErrorCode.NotApplicable, "There is no next hop.");
        }

        if (spec.NextHops.Count > MaxHops) at["next_hops"].Add(ErrorCode.TooMany, $"A policy has at most {MaxHops} next hops.");
        var seen = new HashSet<(IPAddress?, string?)>();
        for (var i = 0; i < spec.NextHops.Count; i++)
        {
            var (hop, within) = (spec.NextHops[i], at["next_hops"][i]);
            if (hop.Via is null && hop.Interface is null) within["via"].Add(ErrorCode.MissingField, "A next hop needs 'via' or 'interface'.");
            else if (!seen.Add((hop.Via, hop.Interface))) within.Add(ErrorCode.Conflict, "The next hop stands twice; its share is its weight.");
            if (hop.Via is not { } via) continue;
            if (Addresses.FaultOfUnicast(via) is { } fault) within["via"].Add(ErrorCode.InvalidValue, fault);
            else if (via.IsIPv6LinkLocal && hop.Interface is null) within["interface"].Add(ErrorCode.MissingField, "A link-local next hop needs its interface.");
        }
    }

    protected override IEnumerable<Reference> References(AbfPolicySpec spec)
    {
        yield return new(new(ItemCatalog.Acl, spec.Acl), ".acl");
        foreach (var vrf in VrfRules.ReferenceTo(spec.NextHopVrf, ".next_hop_vrf")) yield return vrf;
        for (var i = 0; i < spec.NextHops.Count; i++)
            if (spec.NextHops[i].Interface is { } each) yield return new(new(ItemCatalog.Interface, each), $".next_hops[{i}].interface");
    }

    protected override void CheckAmong(AbfPolicySpec spec, RunningConfiguration all, ErrorScope at)
    {
        var vrf = VrfSpec.Canonical(spec.NextHopVrf);
        for (var i = 0; i < spec.NextHops.Count; i++)
        {
            var (hop, within) = (spec.NextHops[i], at["next_hops"][i]);
            if (hop.Interface is { } name && all.TryGetValue(new(ItemCatalog.Interface, name), out var on) && on.Spec is InterfaceSpec to && VrfSpec.Canonical(to.Vrf) != vrf)
                within["interface"].Add(ErrorCode.Conflict, "The interface is in another VRF; 'next_hop_vrf' says so when that is meant.");
            if (hop.Via is { } via && all.HolderOf(VrfRules.AddressIn(vrf, via)) is { } holder)
                within["via"].Add(ErrorCode.Conflict, $"The next hop is the gateway's own address on {holder}.");
        }
    }

    // An interface that names the policies knows how much they come to; a larger ACL changes that too.
    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        foreach (var item in all.OfKind(ItemCatalog.Interface))
        {
            if (put.ContainsKey(item.Key) || item.Spec is not InterfaceSpec { Abf.Count: > 0 } spec || AbfBindingRules.SizeOf(spec, all) <= AclSizes.MaxListEntries) continue;
            foreach (var (key, at) in put)
            {
                if (key.Kind != ItemCatalog.AbfPolicy || !spec.Abf.Contains(key.Name)) continue;
                at["acl"].Add(ErrorCode.TooMany, $"With it the policies of {item.Key} have more than {AclSizes.MaxListEntries} combinations of source, destination and ports together.");
                return;
            }
        }
    }
}

/// <summary>What must hold of the policies of forwarding that an interface names.</summary>
internal static class AbfBindingRules
{
    private const int MaxPolicies = 64;

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        if (spec.Abf.Count > MaxPolicies) at["abf"].Add(ErrorCode.TooMany, $"An interface has at most {MaxPolicies} policies.");
        var seen = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < spec.Abf.Count; i++)
            if (!seen.Add(spec.Abf[i])) at["abf"][i].Add(ErrorCode.Conflict, "The policy stands twice.");
    }

    public static IEnumerable<Reference> References(InterfaceSpec spec) => spec.Abf.Select((name, i) => new Reference(new(ItemCatalog.AbfPolicy, name), $".abf[{i}]"));

    public static void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (spec.Abf.Count > 0 && SizeOf(spec, all) > AclSizes.MaxListEntries)
            at["abf"].Add(ErrorCode.TooMany, $"With their groups in place the ACLs of the policies have more than {AclSizes.MaxListEntries} combinations of source, destination and ports together.");
    }

    /// <summary>Combinations of source, destination and ports of all policies together.</summary>
    public static long SizeOf(InterfaceSpec spec, RunningConfiguration all)
    {
        var sizes = new AclSizes(all);
        long sum = 0;
        foreach (var name in spec.Abf)
            if (all.TryGetValue(new(ItemCatalog.AbfPolicy, name), out var item) && all.TryGetValue(new(ItemCatalog.Acl, ((AbfPolicySpec)item.Spec).Acl), out var acl)) sum += sizes.Of((AclSpec)acl.Spec);
        return sum;
    }
}
