using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Xml.Linq;
using Gateway.Host.Appliance;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Appliance;

/// <summary>
/// Holds <c>docs/appliance.schema.json</c> to the record. After a change of that, a run of this class with GATEWAY_WRITE_DOCS=1 in the environment writes
/// the file anew.
/// </summary>
public sealed class ApplianceSchemaTests : IDisposable
{
    /// <summary>Limits that the reader checks in code.</summary>
    private static readonly (string Section, string Member, double Low, double High)[] _ranges =
    [
        ("journal", "start_timeout", -1, 86_400),
        ("journal", "spool_megabytes", 1, 4096),
        ("dataplane", "workers", 1, 64),
        ("dataplane", "buffers", 4096, 4_194_304),
        ("journal", "snapshot_events", 1000, 1_000_000),
        ("journal", "sign_events", 1, 1_000_000),
        ("journal", "sign_seconds", 1, 86_400),
        ("journal", "keep_days", 0, 36_500),
        ("ike", "retransmit_timeout", 0.1, 60),
        ("ike", "retransmit_base", 1, 10),
        ("ike", "retransmit_tries", 1, 50),
        ("ike", "keep_alive", 0, 3600),
    ];

    private readonly string _file = Path.Combine(Directory.CreateTempSubdirectory("gateway-schema-").FullName, "appliance.json");

    private static string SchemaFile => Path.Combine(Repository.Root, "docs/appliance.schema.json");

    public void Dispose() => Directory.Delete(Path.GetDirectoryName(_file)!, recursive: true);

    [Fact]
    public void The_schema_is_that_of_the_record()
    {
        var made = Make();
        if (DocsWriting.IsWanted) File.WriteAllText(SchemaFile, made.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping }) + "\n");
        Assert.True(JsonNode.DeepEquals(DocsWriting.Bare(made), DocsWriting.Bare(JsonNode.Parse(File.ReadAllText(SchemaFile)))), DocsWriting.Hint);
    }

    [Fact]
    public void What_the_schema_says_of_ranges_the_reader_does()
    {
        foreach (var (section, member, low, high) in _ranges)
        {
            var step = low % 1 == 0 ? 1 : 0.01;
            Load(section, member, low);
            Load(section, member, high);
            Assert.Throws<ApplianceException>(() => Load(section, member, low - step));
            Assert.Throws<ApplianceException>(() => Load(section, member, high + step));
        }
    }

    private void Load(string section, string member, double value)
    {
        File.WriteAllText(_file, new JsonObject { ["id"] = "g", [section] = new JsonObject { [member] = JsonNode.Parse(value.ToString(System.Globalization.CultureInfo.InvariantCulture)) } }.ToJsonString());
        ApplianceFile.Load(_file);
    }

    private static JsonObject Make()
    {
        var texts = Texts();
        var schema = (JsonObject)ApplianceFile.Options.GetJsonSchemaAsNode(typeof(ApplianceConfig), new JsonSchemaExporterOptions
        {
            TreatNullObliviousAsNonNullable = true,
            TransformSchemaNode = (context, node) =>
            {
                if (node is not JsonObject schema || context.PropertyInfo is not { } property) return node;
                if (texts.GetValueOrDefault($"P:{property.DeclaringType.FullName}.{((System.Reflection.PropertyInfo)property.AttributeProvider!).Name}") is { } text) schema["description"] = text;
                if (Default(property) is { } normal) schema["default"] = normal;
                return schema;
            },
        });
        var properties = (JsonObject)schema["properties"]!;
        properties["id"]!["pattern"] = "^[a-z0-9._-]{1,64}$";
        properties["bus"]!["properties"]!["uri"]!["pattern"] = "^amqps?://";
        foreach (var (section, member, low, high) in _ranges)
        {
            var of = properties[section]!["properties"]![member]!;
            (of["minimum"], of["maximum"]) = (Number(low), Number(high));
        }

        properties["config"] = JsonNode.Parse("""
            {
              "description": "Items, applied as the first transaction when the journal is empty.",
              "type": "array",
              "items": {
                "type": "object",
                "properties": { "kind": { "type": "string" }, "name": { "type": "string" }, "spec": { "type": "object" } },
                "required": ["kind", "name", "spec"],
                "additionalProperties": false
              }
            }
            """);
        var whole = new JsonObject { ["$schema"] = "https://json-schema.org/draft/2020-12/schema", ["title"] = "appliance.json: the box itself, never its configuration" };
        foreach (var (name, value) in schema) whole[name] = value?.DeepClone();
        return whole;
    }

    private static JsonNode Number(double value) => JsonNode.Parse(value.ToString(System.Globalization.CultureInfo.InvariantCulture))!;

    private static JsonNode? Default(System.Text.Json.Serialization.Metadata.JsonPropertyInfo property)
    {
        if (property.IsRequired || property.Get is null || property.DeclaringType.GetConstructor([]) is not { } make || property.DeclaringType == typeof(ApplianceConfig)) return null;
        var value = property.Get(make.Invoke(null));
        return value is null or (System.Collections.IEnumerable and not string) ? null : JsonSerializer.SerializeToNode(value, property.PropertyType, ApplianceFile.Options);
    }

    /// <summary>The summaries of the documentation file that the compiler lays beside the gateway.</summary>
    private static Dictionary<string, string> Texts()
    {
        var file = Path.Combine(AppContext.BaseDirectory, typeof(ApplianceConfig).Assembly.GetName().Name + ".xml");
        return !File.Exists(file) ? [] : XDocument.Load(file).Descendants("member").Where(m => m.Element("summary") is not null)
            .ToDictionary(m => (string)m.Attribute("name")!, m => string.Join(' ', string.Concat(m.Element("summary")!.Nodes().Select(Text)).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries)));
    }

    /// <summary>Members are named in comments as in code; in JSON they are snake_case.</summary>
    private static string Text(XNode node) => node switch
    {
        XElement { Name.LocalName: "see" } see => JsonNamingPolicy.SnakeCaseLower.ConvertName(((string)see.Attribute("cref")!).Split('.')[^1]),
        XElement element => element.Value,
        _ => node.ToString(),
    };
}
