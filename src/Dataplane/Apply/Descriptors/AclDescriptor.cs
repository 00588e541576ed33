using Gateway.Policy.Items;
using Gateway.Policy.Planning;

namespace Gateway.Dataplane.Apply.Descriptors;

/// <summary>Programs ACLs.</summary>
public sealed class AclDescriptor(DataplaneControl dataplane) : IDescriptor
{
    public string Kind => ItemCatalog.Acl;

    public IEnumerable<ItemKey> Dependencies(Item item, IReadOnlyDictionary<ItemKey, Item> desired)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (var limit in ((AclSpec)item.Spec).Rules.Select(r => r.SourceLimit).OfType<string>().Distinct()) yield return new(ItemCatalog.SourceLimit, limit);
        foreach (var policer in ((AclSpec)item.Spec).Rules.Select(r => r.Policer).OfType<string>().Distinct()) yield return new(ItemCatalog.Policer, policer);
        foreach (var rule in ((AclSpec)item.Spec).Rules)
            foreach (var name in rule.From.Concat(rule.To).Select(a => a.Group).Concat(rule.FromPorts.Concat(rule.ToPorts).Select(p => p.Group)))
                if (name is not null && seen.Add(name)) yield return new(ItemCatalog.Group, name);
    }

    public bool CanUpdate(ItemSpec from, ItemSpec to) => true;

    public ValueTask<StepResult> CreateAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Filtering.SetAcl(item.Key.Name, (AclSpec)item.Spec);
        return new(new StepResult.Done());
    }

    public ValueTask<StepResult> UpdateAsync(Item from, Item to, CancellationToken cancellationToken) => CreateAsync(to, cancellationToken);

    public ValueTask<StepResult> DeleteAsync(Item item, CancellationToken cancellationToken)
    {
        dataplane.Filtering.RemoveAcl(item.Key.Name);
        return new(new StepResult.Done());
    }
}
