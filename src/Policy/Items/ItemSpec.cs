using Gateway.Policy.Journal;

namespace Gateway.Policy.Items;

/// <summary>What an item of one kind says. The records are the contract: their JSON Schemas, the HTTP and bus documents and the stored events come from them.</summary>
public abstract record ItemSpec;

/// <summary>One piece of the configuration.</summary>
public sealed record Item(ItemKey Key, ItemSpec Spec)
{
    /// <summary>Who put it last and whom a change must come from; null = anybody. What is in force does not depend on it.</summary>
    public Principal? Owner { get; init; }
}
