using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of groups.</summary>
internal sealed class GroupRules : ItemRules<GroupSpec>
{
    private const int MaxMembers = 65_536;

    protected override void Check(string name, GroupSpec spec, ValidationContext context, ErrorScope at)
    {
        if (!GroupName.Is(name)) at.Add(ErrorCode.InvalidName, "A group's name begins with a letter or underscore and has neither colon nor slash, so that it cannot be taken for an address or a port.");
        if (spec.Addresses.Count == 0 && spec.Ports.Count == 0) at["addresses"].Add(ErrorCode.MissingField, "A group has addresses or ports.");
        if (spec.Addresses.Count > 0 && spec.Ports.Count > 0) at["ports"].Add(ErrorCode.NotApplicable, "A group has addresses or ports, not both.");
        if (spec.Addresses.Count > MaxMembers) at["addresses"].Add(ErrorCode.TooMany, $"A group has at most {MaxMembers} members.");
        if (spec.Ports.Count > MaxMembers) at["ports"].Add(ErrorCode.TooMany, $"A group has at most {MaxMembers} members.");
        for (var i = 0; i < spec.Addresses.Count && !at.Errors.IsFull; i++)
            if (spec.Addresses[i].Prefix is { IsCanonical: false }) at["addresses"][i].Add(ErrorCode.InvalidValue, "The address has bits set beyond the prefix length.");
    }

    protected override IEnumerable<Reference> References(GroupSpec spec)
    {
        for (var i = 0; i < spec.Addresses.Count; i++)
            if (spec.Addresses[i].Group is { } name) yield return new(new(ItemCatalog.Group, name), $".addresses[{i}]");
        for (var i = 0; i < spec.Ports.Count; i++)
            if (spec.Ports[i].Group is { } name) yield return new(new(ItemCatalog.Group, name), $".ports[{i}]");
    }

    /// <summary>Loops, kinds that do not fit, and ACLs that grow too big by a change of a group.</summary>
    public override void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        var sizes = new AclSizes(all);
        foreach (var (key, at) in put)
        {
            if (key.Kind != ItemCatalog.Group || !all.TryGetValue(key, out var item) || item.Spec is not GroupSpec spec) continue;
            if (sizes.Loops(key.Name))
            {
                at.Add(ErrorCode.Conflict, "The group holds itself, through others or not.");
                continue;
            }

            foreach (var (_, fault) in Users(all, key).Select(acl => (acl, Fault(sizes, all, acl, put))).Where(f => f.Item2 is not null).Take(1)) at.Add(ErrorCode.TooMany, fault!);
        }
    }

    private static string? Fault(AclSizes sizes, RunningConfiguration all, ItemKey acl, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
        if (put.ContainsKey(acl) || !all.TryGetValue(acl, out var item) || item.Spec is not AclSpec spec) return null;
        return sizes.Of(spec) > AclSizes.MaxEntries ? $"With it {acl} would have more than {AclSizes.MaxEntries} combinations of source, destination and ports." : null;
    }

    /// <summary>The ACLs that name the group, themselves or by other groups.</summary>
    private static IEnumerable<ItemKey> Users(RunningConfiguration all, ItemKey group)
    {
        var seen = new HashSet<ItemKey>();
        var next = new Stack<ItemKey>([group]);
        while (next.TryPop(out var key))
            foreach (var referrer in all.ReferrersOf(key))
            {
                if (!seen.Add(referrer)) continue;
                if (referrer.Kind == ItemCatalog.Group) next.Push(referrer);
                else if (referrer.Kind == ItemCatalog.Acl) yield return referrer;
            }
    }
}
