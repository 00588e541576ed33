using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using System.Text.Json.Serialization;
using System.Text.Json.Serialization.Metadata;
using System.Xml.Linq;
using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using Gateway.Policy.Sa;
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
        ("dataplane", "workers", 1, 63),
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

    private static readonly JsonSerializerOptions _json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        RespectNullableAnnotations = true,
        Converters = { new JsonStringEnumConverter(JsonNamingPolicy.KebabCaseLower, allowIntegerValues: false) },
        TypeInfoResolver = new DefaultJsonTypeInfoResolver(),
    };

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

    [Fact]
    public void Every_setting_of_the_schema_is_read()
    {
        var whole = new ApplianceConfig
        {
            Id = "g",
            Journal = new() { Kind = JournalKind.Eventstoredb, Path = "/j", Uri = "esdb://h", PasswordFile = "/p", Stream = "s", StartTimeout = 7, SpoolMegabytes = 8, SnapshotEvents = 9_000, SignEvents = 10, SignSeconds = 11, PublishHeads = true, Archive = "/a", KeepDays = 12 },
            Vault = new() { Path = "/v", Key = "/k" },
            Bus = new() { Kind = BusKind.Rabbitmq, Uri = "amqps://h", PasswordFile = "/b", Login = BusLogin.Certificate, Tls = new() { Ca = "/ca", Cert = "/c", Key = "/ck", ServerName = "n" } },
            Api = new() { Socket = "/s", Listen = "192.0.2.1:80", Tls = new() { Cert = "/ac", Key = "/ak", ClientCa = "/aa" } },
            Authorization = new()
            {
                Rules = [new() { Who = ["*"], Items = ["route"], Modes = [TransactionMode.Plan], Sa = [SaVerb.Rekey, SaVerb.Terminate], TakeOwnership = true, Read = false, Replay = true, Operate = true, Limits = new() { Rate = 1.5 } }],
            },
            Limits = new() { Rate = 2.5, Burst = 3, InFlight = 4, Bytes = 5_000, Items = 6 },
            Vici = new() { Socket = "/vici" },
            Dataplane = new() { Workers = 2, Cores = [0, 1], Buffers = 8192, Hugepages = false, PuntTap = "gw0" },
            Ike = new() { RetransmitTimeout = 1.5, RetransmitBase = 2.5, RetransmitTries = 3, KeepAlive = 4.5, MakeBeforeBreak = true, CookieThreshold = 5, BlockThreshold = 6, HalfOpenTimeout = 7.5, FragmentSize = 1000 },
            Telemetry = new() { Otlp = "http://127.0.0.1:4317" },
            Log = new() { Level = LogLevelName.Debug, Areas = new Dictionary<string, LogLevelName> { ["ike"] = LogLevelName.Warning } },
            Debug = new() { KeyLog = true },
            Config = JsonElement.Parse("""[{"kind":"route","name":"r","spec":{"to":"0.0.0.0/0"}}]"""),
        };
        var text = JsonSerializer.Serialize(whole, _json);
        foreach (var member in Members((JsonObject)Make(), ""))
            Assert.True(text.Contains($"\"{member.Split('.')[^1]}\":", StringComparison.Ordinal), $"{member} is not in this test.");
        File.WriteAllText(_file, text);
        Assert.Equal(text, JsonSerializer.Serialize(ApplianceFile.Load(_file), _json));

        static IEnumerable<string> Members(JsonObject schema, string at) =>
            schema["properties"] is not JsonObject properties || at == ".config" ? [] : properties.SelectMany(p => Members((JsonObject)p.Value!, $"{at}.{p.Key}").Prepend($"{at}.{p.Key}"));
    }

    private void Load(string section, string member, double value)
    {
        File.WriteAllText(_file, new JsonObject { ["id"] = "g", [section] = new JsonObject { [member] = JsonNode.Parse(value.ToString(System.Globalization.CultureInfo.InvariantCulture)) } }.ToJsonString());
        ApplianceFile.Load(_file);
    }

    private static JsonObject Make()
    {
        var texts = Texts();
        var schema = (JsonObject)_json.GetJsonSchemaAsNode(typeof(ApplianceConfig), new JsonSchemaExporterOptions
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
        return value is null or (System.Collections.IEnumerable and not string) ? null : JsonSerializer.SerializeToNode(value, property.PropertyType, _json);
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
