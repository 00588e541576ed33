using Gateway.Policy.Commands;

namespace Gateway.Policy.Items.Rules;

/// <summary>What must hold of the items of one kind, beyond what the types of the record say.</summary>
public abstract class ItemRules
{
    /// <summary>Checks one item by itself; <paramref name="at"/> stands at its spec.</summary>
    public abstract void Check(Item item, ValidationContext context, ErrorScope at);

    /// <summary>Items that must exist when this one does.</summary>
    public virtual IEnumerable<Reference> References(Item item) => [];

    /// <summary>Values that no other item may have too.</summary>
    public virtual IEnumerable<HeldClaim> Claims(Item item) => [];

    /// <summary>Checks a put item among all the others as they would be; runs only when every item is right by itself.</summary>
    public virtual void CheckAmong(Item item, RunningConfiguration all, ErrorScope at)
    {
    }

    /// <summary>Checks all items of the kind together; runs once when any of them is put. <paramref name="put"/> gives the scope of those in the transaction.</summary>
    public virtual void CheckTogether(RunningConfiguration all, IReadOnlyDictionary<ItemKey, ErrorScope> put)
    {
    }
}

/// <summary>A reference to another item, and the JSON path below the spec where it stands.</summary>
public readonly record struct Reference(ItemKey Target, string Path);

/// <summary>A value that at most one item has: <c>("device", "wan")</c>.</summary>
public readonly record struct Claim(string What, string Value);

/// <summary>A claim, and the JSON path below the spec where it stands.</summary>
public readonly record struct HeldClaim(Claim Claim, string Path);

/// <summary>Items of one kind with their own record type.</summary>
public abstract class ItemRules<TSpec> : ItemRules
    where TSpec : ItemSpec
{
    public sealed override void Check(Item item, ValidationContext context, ErrorScope at) => Check(item.Key.Name, (TSpec)item.Spec, context, at);

    public sealed override IEnumerable<Reference> References(Item item) => References((TSpec)item.Spec);

    public sealed override IEnumerable<HeldClaim> Claims(Item item) => Claims(item.Key.Name, (TSpec)item.Spec);

    public sealed override void CheckAmong(Item item, RunningConfiguration all, ErrorScope at) => CheckAmong((TSpec)item.Spec, all, at);

    protected abstract void Check(string name, TSpec spec, ValidationContext context, ErrorScope at);

    protected virtual IEnumerable<Reference> References(TSpec spec) => [];

    protected virtual IEnumerable<HeldClaim> Claims(string name, TSpec spec) => [];

    protected virtual void CheckAmong(TSpec spec, RunningConfiguration all, ErrorScope at)
    {
    }
}
