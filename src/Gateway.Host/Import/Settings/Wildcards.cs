using System.Text;
using System.Text.RegularExpressions;

namespace Gateway.Host.Import.Settings;

/// <summary>File names by shell wildcards (<c>*</c>, <c>?</c>, <c>[a-z]</c>), in the order of their names, as glob(3) gives them.</summary>
internal static class Wildcards
{
    public static IReadOnlyList<string> Expand(string pattern)
    {
        IEnumerable<string> found = ["/"];
        var parts = Path.GetFullPath(pattern).Split('/', StringSplitOptions.RemoveEmptyEntries);
        for (var i = 0; i < parts.Length; i++)
        {
            var (part, last) = (parts[i], i == parts.Length - 1);
            found = found.SelectMany(folder => Matches(folder, part, last)).ToArray();
        }

        return [.. found.Where(File.Exists).Order(StringComparer.Ordinal)];
    }

    private static IEnumerable<string> Matches(string folder, string part, bool last)
    {
        if (part.AsSpan().IndexOfAny('*', '?', '[') < 0)
        {
            var path = Path.Combine(folder, part);
            return last ? File.Exists(path) ? [path] : [] : Directory.Exists(path) ? [path] : [];
        }

        var pattern = ToRegex(part);
        try
        {
            // A leading dot must be written; wildcards do not match it.
            return Directory.EnumerateFileSystemEntries(folder)
                .Where(path => Path.GetFileName(path) is var name && (name[0] != '.' || part[0] == '.') && pattern.IsMatch(name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    private static Regex ToRegex(string part)
    {
        var regex = new StringBuilder("^");
        for (var i = 0; i < part.Length; i++)
        {
            var close = part[i] == '[' && i + 2 < part.Length ? part.IndexOf(']', i + 2) : -1;
            if (part[i] == '*') regex.Append(".*");
            else if (part[i] == '?') regex.Append('.');
            else if (close > 0)
            {
                var set = part[(i + 1)..close].Replace("\\", "\\\\", StringComparison.Ordinal).Replace("[", "\\[", StringComparison.Ordinal);
                regex.Append('[').Append(set[0] == '!' ? "^" + set[1..] : set).Append(']');
                i = close;
            }
            else regex.Append(Regex.Escape(part[i].ToString()));
        }

        return new Regex(regex.Append('$').ToString(), RegexOptions.CultureInvariant | RegexOptions.NonBacktracking | RegexOptions.Singleline);
    }
}
