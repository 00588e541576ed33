using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Items;

namespace Gateway.Policy.Planning;

/// <summary>An item as it was last programmed into the world.</summary>
/// <param name="Dependencies">What it was made upon.</param>
/// <param name="Whole">False after a failed attempt to make it: remains may be there, so it is made again, or removed, but nothing builds upon it.</param>
public sealed record AppliedItem(Item Item, ValueList<ItemKey> Dependencies, bool Whole = true);

/// <summary>What is programmed into the world, immutable, with the way back from a dependency to those that depend on it.</summary>
public sealed class AppliedState
{
    private readonly ImmutableDictionary<ItemKey, AppliedItem> _items;
    private readonly ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>> _dependents;

    private AppliedState(ImmutableDictionary<ItemKey, AppliedItem> items, ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>> dependents) =>
        (_items, _dependents) = (items, dependents);

    public static AppliedState Empty { get; } = new(ImmutableDictionary<ItemKey, AppliedItem>.Empty, ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>>.Empty);

    public int Count => _items.Count;

    public IEnumerable<ItemKey> Keys => _items.Keys;

    public bool TryGet(ItemKey key, [NotNullWhen(true)] out AppliedItem? item) => _items.TryGetValue(key, out item);

    /// <summary>True when others may build upon it.</summary>
    public bool IsInForce(ItemKey key) => _items.TryGetValue(key, out var item) && item.Whole;

    public IReadOnlyCollection<ItemKey> DependentsOf(ItemKey key) => _dependents.TryGetValue(key, out var dependents) ? dependents : [];

    public AppliedState With(AppliedItem item)
    {
        var without = Without(item.Item.Key);
        var dependents = without._dependents.ToBuilder();
        foreach (var dependency in item.Dependencies)
            dependents[dependency] = (dependents.TryGetValue(dependency, out var others) ? others : []).Add(item.Item.Key);
        return new AppliedState(without._items.SetItem(item.Item.Key, item), dependents.ToImmutable());
    }

    public AppliedState Without(ItemKey key)
    {
        if (!_items.TryGetValue(key, out var before)) return this;
        var dependents = _dependents.ToBuilder();
        foreach (var dependency in before.Dependencies)
        {
            if (!dependents.TryGetValue(dependency, out var others)) continue;
            others = others.Remove(key);
            if (others.IsEmpty) dependents.Remove(dependency);
            else dependents[dependency] = others;
        }

        return new AppliedState(_items.Remove(key), dependents.ToImmutable());
    }
}
