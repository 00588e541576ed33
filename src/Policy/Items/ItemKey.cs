namespace Gateway.Policy.Items;

/// <summary>Identity of an item: its kind (kebab-case) and its name within the kind. Written <c>kind/name</c>.</summary>
public readonly record struct ItemKey(string Kind, string Name)
{
    public override string ToString() => $"{Kind}/{Name}";

    /// <summary>Reads <c>kind/name</c>; a name may hold further slashes.</summary>
    public static bool TryParse(string? text, out ItemKey key)
    {
        var slash = text?.IndexOf('/', StringComparison.Ordinal) ?? -1;
        key = slash > 0 && slash < text!.Length - 1 ? new ItemKey(text[..slash], text[(slash + 1)..]) : default;
        return key.Kind is not null;
    }
}
