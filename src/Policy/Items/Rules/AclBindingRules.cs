using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of the ACLs that an interface names.</summary>
internal static class AclBindingRules
{
    public static void Check(InterfaceSpec spec, ErrorScope at)
    {
        foreach (var (list, field) in Lists(spec))
        {
            if (list.Count > AclSizes.MaxLists) at[field].Add(ErrorCode.TooMany, $"There are at most {AclSizes.MaxLists} ACLs in a list.");
            var seen = new HashSet<string>(StringComparer.Ordinal);
            for (var i = 0; i < list.Count; i++)
                if (!seen.Add(list[i])) at[field][i].Add(ErrorCode.Conflict, "The ACL stands twice.");
        }
    }

    public static IEnumerable<Reference> References(InterfaceSpec spec)
    {
        foreach (var (list, field) in Lists(spec))
            for (var i = 0; i < list.Count; i++)
                yield return new(new(ItemCatalog.Acl, list[i]), $".{field}[{i}]");
    }

    public static void CheckAmong(InterfaceSpec spec, RunningConfiguration all, ErrorScope at)
    {
        if (spec.AclIn.Count + spec.AclOut.Count == 0) return;
        var sizes = new AclSizes(all);
        foreach (var (list, field) in Lists(spec))
        {
            long sum = 0;
            foreach (var name in list)
                if (all.TryGetValue(new(ItemCatalog.Acl, name), out var item)) sum += sizes.Of((AclSpec)item.Spec);
            if (sum > AclSizes.MaxListEntries) at[field].Add(ErrorCode.TooMany, $"With their groups in place the ACLs have more than {AclSizes.MaxListEntries} combinations of source, destination and ports together.");
        }
    }

    private static (ValueList<string> List, string Field)[] Lists(InterfaceSpec spec) => [(spec.AclIn, "acl_in"), (spec.AclOut, "acl_out")];
}
