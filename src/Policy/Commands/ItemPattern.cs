using System.Diagnostics.CodeAnalysis;
using Gateway.Policy.Items;

namespace Gateway.Policy.Commands;

/// <summary>Names items: <c>*</c> all, <c>route</c> or <c>route/*</c> all of a kind, <c>connection/branch-*</c> those whose name fits; <c>*</c> stands for any text.</summary>
public sealed record ItemPattern(string Kind, string Name)
{
    public static ItemPattern All { get; } = new("*", "*");

    /// <summary>False for a kind that there is not, and for what is no pattern at all.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out ItemPattern? pattern)
    {
        pattern = null;
        if (string.IsNullOrEmpty(text)) return false;
        var slash = text.IndexOf('/', StringComparison.Ordinal);
        var (kind, name) = slash < 0 ? (text, "*") : (text[..slash], text[(slash + 1)..]);
        if (name.Length == 0 || (kind != "*" && !ItemCatalog.TryGet(kind, out _))) return false;
        pattern = new ItemPattern(kind, name);
        return true;
    }

    public bool Matches(ItemKey key) => (Kind == "*" || Kind == key.Kind) && Wildcard.Matches(Name, key.Name);

    public override string ToString() => Kind == "*" && Name == "*" ? "*" : $"{Kind}/{Name}";
}

/// <summary>Compares text with a pattern in which <c>*</c> stands for any text, also none.</summary>
public static class Wildcard
{
    public static bool Matches(ReadOnlySpan<char> pattern, ReadOnlySpan<char> text)
    {
        // The last star and where its text ended: only that one ever has to take more, so the time is at most pattern × text.
        var (p, t, star, taken) = (0, 0, -1, 0);
        while (t < text.Length)
        {
            if (p < pattern.Length && pattern[p] == '*') (star, taken) = (p++, t);
            else if (p < pattern.Length && pattern[p] == text[t]) (p, t) = (p + 1, t + 1);
            else if (star >= 0) (p, t) = (star + 1, ++taken);
            else return false;
        }

        return pattern[p..].TrimStart('*').IsEmpty;
    }
}
