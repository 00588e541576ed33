using System.Globalization;
using System.Text.Json.Nodes;
using Gateway.Policy.Items;
using Gateway.Policy.Sa;

namespace Gateway.Host.Import;

/// <summary>Values of swanctl.conf as JSON of an item.</summary>
internal static class SwanctlValue
{
    /// <summary>Null when the value does not have the row's form.</summary>
    public static JsonNode? ToJson(string value, SwanctlRule rule) => rule.Form switch
    {
        ValueForm.Text => value,
        ValueForm.List => ToArray(Split(value)),
        ValueForm.Number => long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null,
        ValueForm.YesNo => value.ToLowerInvariant() switch { "yes" or "true" or "enabled" or "1" => true, "no" or "false" or "disabled" or "0" => false, _ => null },
        ValueForm.Duration => SwanDuration.TryParse(value, out var duration) ? duration.ToString() : null,
        ValueForm.Bytes => Bytes(value),
        ValueForm.InterfaceId => InterfaceId(value),
        ValueForm.Selectors => Split(value).All(IsSelector) ? ToArray(Split(value).Select(Selector)) : null,
        ValueForm.Authentication => AuthenticationWord.TryParse(value, out var word) ? word.Text : null,
        ValueForm.Word => rule.Words!.TryGetValue(value.ToLowerInvariant(), out var known) ? known : null,
        _ => null,
    };

    public static string Describe(SwanctlRule rule) => rule.Form switch
    {
        ValueForm.Number => "a number",
        ValueForm.YesNo => "yes or no",
        ValueForm.Duration => "a duration",
        ValueForm.Bytes => "a number of bytes",
        ValueForm.InterfaceId => "the number of one interface (%unique and %unique-dir would need a new interface for each SA)",
        ValueForm.Selectors => "traffic selectors",
        ValueForm.Authentication => "a method of authentication that the gateway knows",
        ValueForm.Files => "files that could be read",
        ValueForm.Word => $"one of {string.Join(", ", rule.Words!.Keys)}",
        _ => "text",
    };

    public static IEnumerable<string> Split(string value) => value.Split(',', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    // vici: %dynamic is the older word for dynamic, and dynamic takes a protocol and port too.
    private static string Selector(string text) => text.StartsWith("%dynamic", StringComparison.Ordinal) ? text[1..] : text;

    private static bool IsSelector(string text)
    {
        var selector = Selector(text);
        if (selector.StartsWith("dynamic", StringComparison.Ordinal)) selector = "0.0.0.0/0" + selector["dynamic".Length..];
        return TrafficSelector.TryParse(selector, out _);
    }

    private static JsonArray ToArray(IEnumerable<string> words) => [.. words.Select(w => (JsonNode)w)];

    private static JsonNode? InterfaceId(string value)
    {
        var read = value.StartsWith("0x", StringComparison.OrdinalIgnoreCase)
            ? uint.TryParse(value.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var number)
            : value.Length > 1 && value[0] == '0' ? TryOctal(value, out number) : uint.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out number);
        return read ? (long)number : null;
    }

    private static bool TryOctal(string value, out uint number)
    {
        ulong read = 0;
        var valid = value.Length <= 12 && value.All(c => c is >= '0' and <= '7');
        foreach (var digit in valid ? value : "") read = (read << 3) + (uint)(digit - '0');
        number = (uint)read;
        return valid && read <= uint.MaxValue;
    }

    private static JsonNode? Bytes(string value)
    {
        if (value.Length == 0) return null;
        var unit = char.ToLowerInvariant(value[^1]) switch { 'k' => 1L << 10, 'm' => 1L << 20, 'g' => 1L << 30, _ => 1L };
        var digits = unit == 1 ? value : value[..^1];
        return long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count) && count <= long.MaxValue / unit ? count * unit : null;
    }
}
