using System.Collections;
using System.Collections.Immutable;
using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Items.Rules;

namespace Gateway.Policy.Items;

/// <summary>
/// The items in force at one revision, immutable. A change costs the logarithm of the size, and old revisions stay usable, so that several commands
/// can be decided one upon the other before the first is stored. Keeps who refers to an item and who holds a unique value, so that a transaction is
/// checked in the time of its own size.
/// </summary>
[System.Diagnostics.CodeAnalysis.SuppressMessage("Naming", "CA1710", Justification = "Its name is the word of the design; that it can be read as a dictionary is beside the point.")]
public sealed class RunningConfiguration : IReadOnlyDictionary<ItemKey, Item>
{
    private readonly ImmutableDictionary<string, ImmutableDictionary<string, Item>> _kinds;
    private readonly ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>> _referrers;
    private readonly ImmutableDictionary<Claim, ItemKey> _holders;

    private RunningConfiguration(
        long revision,
        ImmutableDictionary<string, ImmutableDictionary<string, Item>> kinds,
        ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>> referrers,
        ImmutableDictionary<Claim, ItemKey> holders) => (Revision, _kinds, _referrers, _holders) = (revision, kinds, referrers, holders);

    public static RunningConfiguration Empty { get; } = new(
        0,
        ImmutableDictionary<string, ImmutableDictionary<string, Item>>.Empty,
        ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>>.Empty,
        ImmutableDictionary<Claim, ItemKey>.Empty);

    /// <summary>Number of accepted transactions.</summary>
    public long Revision { get; }

    public int Count => _kinds.Values.Sum(k => k.Count);

    public IEnumerable<ItemKey> Keys => Values.Select(i => i.Key);

    /// <summary>All items, in no order; see <see cref="Ordered"/>.</summary>
    public IEnumerable<Item> Values => _kinds.Values.SelectMany(k => k.Values);

    public Item this[ItemKey key] => TryGetValue(key, out var item) ? item : throw new KeyNotFoundException(key.ToString());

    /// <summary>All items, kinds in the catalogue's order, names by ordinal.</summary>
    public IEnumerable<Item> Ordered() => ItemCatalog.Kinds.SelectMany(kind => OfKind(kind.Name).OrderBy(i => i.Key.Name, StringComparer.Ordinal));

    public IEnumerable<Item> OfKind(string kind) => _kinds.TryGetValue(kind, out var items) ? items.Values : [];

    public bool ContainsKey(ItemKey key) => TryGetValue(key, out _);

    public bool TryGetValue(ItemKey key, [MaybeNullWhen(false)] out Item value)
    {
        value = null;
        return _kinds.TryGetValue(key.Kind, out var items) && items.TryGetValue(key.Name, out value);
    }

    /// <summary>The items that refer to <paramref name="key"/>.</summary>
    public IReadOnlyCollection<ItemKey> ReferrersOf(ItemKey key) => _referrers.TryGetValue(key, out var referrers) ? referrers : [];

    /// <summary>The item that has the unique value.</summary>
    public ItemKey? HolderOf(Claim claim) => _holders.TryGetValue(claim, out var holder) ? holder : null;

    /// <summary>The configuration after the changes. Never fails: what was accepted once is taken as it is.</summary>
    public RunningConfiguration With(IReadOnlyCollection<ItemChange> changes, long revision)
    {
        var kinds = _kinds.ToBuilder();
        var referrers = _referrers.ToBuilder();
        var holders = _holders.ToBuilder();
        foreach (var ofKind in changes.GroupBy(c => c.Key.Kind))
        {
            var items = kinds.GetValueOrDefault(ofKind.Key, ImmutableDictionary<string, Item>.Empty).ToBuilder();
            foreach (var change in ofKind)
            {
                if (items.TryGetValue(change.Key.Name, out var before)) Forget(before, referrers, holders);
                if (change.After is null) items.Remove(change.Key.Name);
                else items[change.Key.Name] = change.After;
            }

            kinds[ofKind.Key] = items.ToImmutable();
        }

        // Only when all old values are gone: a unique value may move from one item to another within a transaction.
        foreach (var change in changes)
            if (change.After is { } after) Remember(after, referrers, holders);
        return new RunningConfiguration(revision, kinds.ToImmutable(), referrers.ToImmutable(), holders.ToImmutable());
    }

    public IEnumerator<KeyValuePair<ItemKey, Item>> GetEnumerator() => Values.Select(i => KeyValuePair.Create(i.Key, i)).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    private static void Forget(Item item, ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>>.Builder referrers, ImmutableDictionary<Claim, ItemKey>.Builder holders)
    {
        if (!ItemCatalog.TryGet(item.Key.Kind, out var kind)) return;
        foreach (var reference in kind.Rules.References(item))
        {
            if (!referrers.TryGetValue(reference.Target, out var keys)) continue;
            keys = keys.Remove(item.Key);
            if (keys.IsEmpty) referrers.Remove(reference.Target);
            else referrers[reference.Target] = keys;
        }

        foreach (var held in kind.Rules.Claims(item))
            if (holders.TryGetValue(held.Claim, out var holder) && holder == item.Key) holders.Remove(held.Claim);
    }

    private static void Remember(Item item, ImmutableDictionary<ItemKey, ImmutableHashSet<ItemKey>>.Builder referrers, ImmutableDictionary<Claim, ItemKey>.Builder holders)
    {
        if (!ItemCatalog.TryGet(item.Key.Kind, out var kind)) return;
        foreach (var reference in kind.Rules.References(item))
            referrers[reference.Target] = referrers.GetValueOrDefault(reference.Target, []).Add(item.Key);
        foreach (var held in kind.Rules.Claims(item)) holders[held.Claim] = item.Key;
    }
}

/// <summary>What becomes of one item; null = it is deleted.</summary>
public readonly record struct ItemChange(ItemKey Key, Item? After);
