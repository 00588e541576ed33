using System.Collections.Frozen;
using System.Text;
using System.Text.Json.Serialization.Metadata;
using System.Text.RegularExpressions;
using System.Xml.Linq;

namespace Gateway.Policy.Items.Schema;

/// <summary>The documentation comments of this assembly as plain text, from the XML file that the compiler lays beside it; without the file there are no descriptions.</summary>
internal static partial class DocumentationText
{
    private static readonly Lazy<FrozenDictionary<string, string>> _texts = new(Load);

    public static string? Of(Type type) => _texts.Value.GetValueOrDefault($"T:{Name(type)}");

    public static string? Of(JsonPropertyInfo property) =>
        property.AttributeProvider is System.Reflection.PropertyInfo member ? _texts.Value.GetValueOrDefault($"P:{Name(member.DeclaringType!)}.{member.Name}") : null;

    private static string Name(Type type) => type.FullName!.Replace('+', '.');

    private static FrozenDictionary<string, string> Load()
    {
        var file = Path.Combine(AppContext.BaseDirectory, typeof(DocumentationText).Assembly.GetName().Name + ".xml");
        if (!File.Exists(file)) return FrozenDictionary<string, string>.Empty;
        return XDocument.Load(file).Descendants("member")
            .Where(m => m.Attribute("name") is not null && m.Element("summary") is not null)
            .ToFrozenDictionary(m => (string)m.Attribute("name")!, m => Plain(m.Element("summary")!));
    }

    private static string Plain(XElement summary)
    {
        var text = new StringBuilder();
        Add(summary, text);
        return Spaces().Replace(text.ToString(), " ").Trim();
    }

    private static void Add(XElement element, StringBuilder text)
    {
        foreach (var node in element.Nodes())
        {
            if (node is XText plain) text.Append(plain.Value);
            else if (node is XElement { HasElements: false, IsEmpty: true } reference) text.Append(Last((string?)reference.Attribute("cref") ?? (string?)reference.Attribute("name") ?? ""));
            else if (node is XElement inner) Add(inner, text);
        }
    }

    /// <summary>Members in comments are named as in code; in JSON they are snake_case.</summary>
    private static string Last(string reference)
    {
        var name = reference[(reference.LastIndexOf('.') + 1)..];
        return reference.StartsWith("P:", StringComparison.Ordinal) ? System.Text.Json.JsonNamingPolicy.SnakeCaseLower.ConvertName(name) : name;
    }

    [GeneratedRegex("\\s+")]
    private static partial Regex Spaces();
}
