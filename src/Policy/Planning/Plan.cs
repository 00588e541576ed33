using Gateway.Policy.Items;

namespace Gateway.Policy.Planning;

/// <summary>What a step does to the world.</summary>
public enum StepKind
{
    Delete,
    Create,
    Update,
}

/// <summary>One call of a descriptor.</summary>
/// <param name="From">The item as it is applied; null for a create.</param>
/// <param name="To">The item as it is desired; null for a delete.</param>
/// <param name="Dependencies">What must be in force before; empty for a delete.</param>
public sealed record PlanStep(StepKind Kind, Item? From, Item? To, ValueList<ItemKey> Dependencies)
{
    public ItemKey Key => (To ?? From)!.Key;

    /// <summary>For people, as <c>create interface/wan</c>.</summary>
    public override string ToString() => Kind switch
    {
        StepKind.Delete => $"delete {Key}",
        StepKind.Create => $"create {Key}",
        _ => $"update {Key}",
    };
}

/// <summary>A desired item that cannot be applied yet.</summary>
/// <param name="WaitsFor">An item, <c>interface/wan</c>, or a sentence.</param>
public sealed record WaitingItem(ItemKey Key, string WaitsFor);

/// <summary>Ordered steps from the applied to the desired state, and what has to wait.</summary>
public sealed record Plan(IReadOnlyList<PlanStep> Steps, IReadOnlyList<WaitingItem> Waiting);
