using System.Collections.Frozen;

namespace Gateway.Policy.Items;

/// <summary>The one order of items: kinds as in the catalogue, names by ordinal.</summary>
public sealed class ItemOrder : IComparer<ItemKey>
{
    private static readonly FrozenDictionary<string, int> _ranks = ItemCatalog.Kinds.Index().ToFrozenDictionary(k => k.Item.Name, k => k.Index);

    public static ItemOrder Instance { get; } = new();

    public int Compare(ItemKey? x, ItemKey? y)
    {
        if (x is null || y is null) return (x is null ? 0 : 1) - (y is null ? 0 : 1);
        // In a large transaction most are of one kind.
        if (x.Kind == y.Kind) return string.CompareOrdinal(x.Name, y.Name);
        var (a, b) = (_ranks.GetValueOrDefault(x.Kind, int.MaxValue), _ranks.GetValueOrDefault(y.Kind, int.MaxValue));
        if (a != b) return a.CompareTo(b);
        return string.CompareOrdinal(x.Kind, y.Kind);
    }
}
