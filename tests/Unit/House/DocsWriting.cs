using System.Globalization;
using System.Text.Json.Nodes;
using YamlDotNet.RepresentationModel;

namespace Gateway.Unit.House;

/// <summary>For documents that are made from code: they are compared, and written anew when the environment says so.</summary>
internal static class DocsWriting
{
    public const string Hint = "The document is not what the code says; run these tests with GATEWAY_WRITE_DOCS=1 to write it anew.";

    public static bool IsWanted => Environment.GetEnvironmentVariable("GATEWAY_WRITE_DOCS") == "1";

    /// <summary>A copy without descriptions: a comment may be reworded without writing the documents anew.</summary>
    public static JsonNode? Bare(JsonNode? node) => node switch
    {
        JsonObject o => new JsonObject(o.Where(p => !(p.Key == "description" && p.Value is JsonValue)).OrderBy(p => p.Key, StringComparer.Ordinal).Select(p => KeyValuePair.Create(p.Key, Bare(p.Value)))),
        JsonArray a => new JsonArray([.. a.Select(Bare)]),
        null => null,
        // Numbers compare by what they say, not by how they were made.
        JsonValue v => JsonNode.Parse(v.ToJsonString()),
        _ => throw new System.Diagnostics.UnreachableException(),
    };

    /// <summary>JSON as the dictionaries, lists and values that a YAML writer takes.</summary>
    public static object? Plain(JsonNode? node) => node switch
    {
        JsonObject o => o.ToDictionary(p => p.Key, p => Plain(p.Value)),
        JsonArray a => a.Select(Plain).ToList(),
        JsonValue v when v.GetValueKind() == System.Text.Json.JsonValueKind.Number => long.TryParse(v.ToJsonString(), CultureInfo.InvariantCulture, out var whole) ? whole : double.Parse(v.ToJsonString(), CultureInfo.InvariantCulture),
        JsonValue v when v.GetValueKind() is System.Text.Json.JsonValueKind.True or System.Text.Json.JsonValueKind.False => (bool)v,
        JsonValue v => (string)v!,
        _ => null,
    };

    /// <summary>YAML as JSON, by the rules of its core schema.</summary>
    public static JsonNode Yaml(string text)
    {
        var stream = new YamlStream();
        stream.Load(new StringReader(text));
        return Json(stream.Documents[0].RootNode)!;
    }

    private static JsonNode? Json(YamlNode node) => node switch
    {
        YamlMappingNode map => new JsonObject(map.Children.Select(c => KeyValuePair.Create(((YamlScalarNode)c.Key).Value!, Json(c.Value)))),
        YamlSequenceNode list => new JsonArray([.. list.Children.Select(Json)]),
        YamlScalarNode { Style: not YamlDotNet.Core.ScalarStyle.Plain } text => text.Value,
        YamlScalarNode { Value: "null" or "~" or "" } => null,
        YamlScalarNode { Value: "true" } => true,
        YamlScalarNode { Value: "false" } => false,
        YamlScalarNode scalar when long.TryParse(scalar.Value, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number) => JsonNode.Parse(number.ToString(CultureInfo.InvariantCulture)),
        YamlScalarNode scalar => scalar.Value,
        _ => throw new System.Diagnostics.UnreachableException(),
    };
}
