using System.Text.RegularExpressions;

namespace Gateway.Policy.Items.Rules;

/// <summary>How things may be named.</summary>
public static partial class Names
{
    /// <summary>Items: letters, digits and <c>._:@+/-</c>, beginning with a letter, a digit or <c>_</c>; 1–64 characters.</summary>
    public const string ItemPattern = "^[A-Za-z0-9_][A-Za-z0-9._:@+/-]{0,63}$";

    /// <summary>Children of connections: as items, but without slash, since commands write <c>connection/child</c>.</summary>
    public const string ChildPattern = "^[A-Za-z0-9_][A-Za-z0-9._:@+-]{0,63}$";

    /// <summary>Linux (dev_valid_name): at most 15 octets, no slash, colon or white space, not <c>.</c> or <c>..</c>.</summary>
    public const string DevicePattern = "^(?!\\.{1,2}$)[!-.0-9;-~]{1,15}$";

    /// <summary>RFC 1123 §2.1: labels of letters, digits and inner hyphens, at most 63 each.</summary>
    public const string HostPattern = "^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\\.?$";

    public static bool IsItem(string? text) => text is not null && ItemRegex().IsMatch(text);

    public static bool IsChild(string? text) => text is not null && ChildRegex().IsMatch(text);

    public static bool IsDevice(string? text) => text is not null && DeviceRegex().IsMatch(text);

    public static bool IsHost(string? text) => text is { Length: <= 253 } && HostRegex().IsMatch(text) && !text.All(c => char.IsAsciiDigit(c) || c == '.');

    /// <summary>Text without control characters, not longer than <paramref name="max"/>.</summary>
    public static bool IsPrintable(string text, int max) => text.Length > 0 && text.Length <= max && !text.Any(char.IsControl);

    // JSON Schema writes ^ and $; here \A and \z, because the $ of .NET also matches before a last line feed.
    [GeneratedRegex("\\A[A-Za-z0-9_][A-Za-z0-9._:@+/-]{0,63}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex ItemRegex();

    [GeneratedRegex("\\A[A-Za-z0-9_][A-Za-z0-9._:@+-]{0,63}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex ChildRegex();

    [GeneratedRegex("\\A(?!\\.{1,2}\\z)[!-.0-9;-~]{1,15}\\z", RegexOptions.CultureInvariant)]
    private static partial Regex DeviceRegex();

    [GeneratedRegex("\\A[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?(\\.[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?)*\\.?\\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)]
    private static partial Regex HostRegex();
}
