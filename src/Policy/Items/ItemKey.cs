using System.Diagnostics.CodeAnalysis;

namespace Gateway.Policy.Items;

/// <summary>Identity of an item: its kind (kebab-case) and its name within the kind. Written <c>kind/name</c>.</summary>
/// <remarks>A class: collections of it need no code of their own, which a start would have to compile.</remarks>
public sealed record ItemKey(string Kind, string Name)
{
    public override string ToString() => $"{Kind}/{Name}";

    /// <summary>Reads <c>kind/name</c>; a name may hold further slashes.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ItemKey? key)
    {
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        key = slash > 0 && slash < text!.Length - 1 ? new ItemKey(text[..slash], text[(slash + 1)..]) : null;
        return key is not null;
    }
}
