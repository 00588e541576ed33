using Gateway.Policy.Items;
using Gateway.Projections.Folds;

namespace Gateway.Host.Explain;

/// <summary>Finds the command behind an item, or behind one of its lines: of several fields the one that was changed last.</summary>
internal sealed class Blames(BlameFold fold)
{
    /// <param name="item">The item.</param>
    /// <param name="path">Beginning of the fields' paths, as <c>rules[3]</c>; null all of them.</param>
    public Origin? Of(ItemKey item, string? path)
    {
        if (!fold.Items.TryGetValue(item, out var fields)) return null;
        Origin? newest = null;
        foreach (var (name, field) in fields)
            if ((path is null || IsUnder(name, path)) && (newest is null || field.Origin.Position > newest.Position)) newest = field.Origin;
        return newest ?? (path is null ? null : Of(item, null));
    }

    private static bool IsUnder(string name, string path) =>
        name.StartsWith(path, StringComparison.Ordinal) && (name.Length == path.Length || name[path.Length] is '.' or '[' || path.EndsWith('_'));
}
