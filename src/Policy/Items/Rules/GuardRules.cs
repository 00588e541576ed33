using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of what an interface asks of its frames, and of its profiles.</summary>
internal static class GuardRules
{
    private const string NoFrames = "The interface has no Ethernet frames of its own; rules of its ACLs may name policers and limits.";

    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        var hasFrames = !spec.IsPointToPoint && spec.Type != InterfaceType.Loopback;
        foreach (var (name, _, field) in Singles(spec))
            if (name is not null && !hasFrames) at[field].Add(ErrorCode.NotApplicable, NoFrames);
        foreach (var (list, field) in Lists(spec))
        {
            if (list.Count > 0 && !hasFrames) at[field].Add(ErrorCode.NotApplicable, NoFrames);
            if (list.Count > AclSizes.MaxLists) at[field].Add(ErrorCode.TooMany, $"There are at most {AclSizes.MaxLists} MAC ACLs in a list.");
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; i < list.Count; i++)
                if (!seen.Add(list[i])) at[field][i].Add(ErrorCode.Conflict, "The MAC ACL stands twice.");
        }

        if (spec.MacAclDefault is not null && spec.MacAclIn.Count + spec.MacAclOut.Count == 0) at["mac_acl_default"].Add(ErrorCode.NotApplicable, "This goes with mac_acl_in or mac_acl_out.");
        CheckProfiles(spec, at);
    }

    public static IEnumerable<Reference> References(InterfaceSpec spec)
    {
        foreach (var (name, kind, field) in Singles(spec))
            if (name is not null) yield return new(new(kind, name), $".{field}");
        foreach (var (list, field) in Lists(spec))
            for (var i = 0; i < list.Count; i++)
                yield return new(new(ItemCatalog.MacAcl, list[i]), $".{field}[{i}]");
    }

    public static void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        foreach (var (list, field) in Lists(spec))
        {
            var sum = 0;
            foreach (var name in list)
                if (all.TryGetValue(new(ItemCatalog.MacAcl, name), out var item)) sum += ((MacAclSpec)item.Spec).Rules.Count;
            if (sum > MacAclRules.MaxRules) at[field].Add(ErrorCode.TooMany, $"The MAC ACLs have more than {MacAclRules.MaxRules} rules together.");
        }
    }

    private static void CheckProfiles(InterfaceSpec spec, ErrorScope at)
    {
        for (var i = 1; i < spec.Profile.Count; i++)
            if (spec.Profile.Take(i).Contains(spec.Profile[i])) at["profile"][i].Add(ErrorCode.Conflict, "The profile stands twice.");
        if (spec.Profile.Contains(InterfaceProfile.DefaultDeny) && spec.AclDefault == AclDefault.Permit) at["acl_default"].Add(ErrorCode.Conflict, "The profile default-deny drops what this would permit.");
        if (!spec.Profile.Contains(InterfaceProfile.AntiSpoofing)) return;
        if (spec.Type is InterfaceType.Loopback or InterfaceType.Ipsec) at["profile"].Add(ErrorCode.NotApplicable, "Nothing comes in by it that was not checked: anti-spoofing is for what is received.");
        if (spec.Rpf4 == ReversePath.Loose) at["rpf4"].Add(ErrorCode.Conflict, "The profile anti-spoofing asks for the strict way back.");
        if (spec.Rpf6 == ReversePath.Loose) at["rpf6"].Add(ErrorCode.Conflict, "The profile anti-spoofing asks for the strict way back.");
    }

    private static (string? Name, string Kind, string Field)[] Singles(InterfaceSpec spec) =>
        [(spec.PolicerIn, ItemCatalog.Policer, "policer_in"), (spec.PolicerOut, ItemCatalog.Policer, "policer_out"), (spec.SourceLimit, ItemCatalog.SourceLimit, "source_limit")];

    private static (ValueList<string> List, string Field)[] Lists(InterfaceSpec spec) => [(spec.MacAclIn, "mac_acl_in"), (spec.MacAclOut, "mac_acl_out")];
}
