using System.Text.Json.Nodes;
using Gateway.Policy.Items;

namespace Gateway.Projections;

/// <summary>How an item differs between two moments.</summary>
public enum ItemDifferenceKind
{
    /// <summary>It is only in the later one.</summary>
    Put,

    /// <summary>It is only in the earlier one.</summary>
    Delete,

    /// <summary>It is in both, with another spec.</summary>
    Change,
}

/// <summary>A field that differs: its JSON path below the spec, and both values; null = not there.</summary>
public sealed record FieldDifference(string Path, JsonNode? From, JsonNode? To);

/// <summary>An item that differs, with the fields that do.</summary>
public sealed record ItemDifference(ItemKey Key, ItemDifferenceKind Kind, Item? From, Item? To, IReadOnlyList<FieldDifference> Fields);

/// <summary>Compares two configurations.</summary>
public static class ConfigurationDiff
{
    /// <summary>What leads from one to the other, in the order of items.</summary>
    public static IReadOnlyList<ItemDifference> Between(RunningConfiguration from, RunningConfiguration to)
    {
        var differences = new List<ItemDifference>();
        foreach (var before in from.Values)
        {
            if (!to.TryGetValue(before.Key, out var after)) differences.Add(new(before.Key, ItemDifferenceKind.Delete, before, null, []));
            else if (!ReferenceEquals(before, after) && !before.Spec.Equals(after.Spec)) differences.Add(new(before.Key, ItemDifferenceKind.Change, before, after, Fields(before, after)));
        }

        foreach (var after in to.Values)
            if (!from.ContainsKey(after.Key)) differences.Add(new(after.Key, ItemDifferenceKind.Put, null, after, []));
        return [.. differences.OrderBy(d => d.Key, ItemOrder.Instance)];
    }

    private static List<FieldDifference> Fields(Item from, Item to)
    {
        var fields = new List<FieldDifference>();
        Compare("", ItemJson.ShownSpec(from.Spec), ItemJson.ShownSpec(to.Spec), fields);
        // A secret's value is not shown; that it is another one is.
        if (from.Spec is SecretSpec a && to.Spec is SecretSpec b && a.Handle != b.Handle) fields.Add(new("secret", "***", "***"));
        return fields;
    }

    private static void Compare(string path, JsonNode? from, JsonNode? to, List<FieldDifference> fields)
    {
        if (from is JsonObject a && to is JsonObject b)
        {
            foreach (var name in a.Select(m => m.Key).Union(b.Select(m => m.Key)).Order(StringComparer.Ordinal))
                Compare(path.Length == 0 ? name : $"{path}.{name}", a[name], b[name], fields);
        }
        else if (!JsonNode.DeepEquals(from, to)) fields.Add(new(path, from?.DeepClone(), to?.DeepClone()));
    }
}
