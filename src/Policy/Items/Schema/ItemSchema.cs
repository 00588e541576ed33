using System.ComponentModel.DataAnnotations;
using System.Net;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.Json.Schema;
using Gateway.Policy.Commands;
using Gateway.Policy.Items.Reading;
using Gateway.Policy.Items.Rules;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Items.Schema;

/// <summary>
/// JSON Schemas (2020-12) of items and commands, made from the records: members, types, words, ranges and defaults from the code, descriptions from its
/// documentation comments. The schema says what a text must look like; what holds between items is only checked when a command is decided.
/// </summary>
public static class ItemSchema
{
    /// <summary>How values look that are written as text.</summary>
    private static readonly Dictionary<Type, Func<JsonObject>> _texts = new()
    {
        [typeof(IPAddress)] = () => new() { ["type"] = "string", ["anyOf"] = new JsonArray(new JsonObject { ["format"] = "ipv4" }, new JsonObject { ["format"] = "ipv6" }) },
        [typeof(IpPrefix)] = () => Pattern("^[0-9A-Fa-f:.]+/[0-9]{1,3}$", "10.1.0.0/24"),
        [typeof(PrefixList)] = () => new() { ["type"] = "array", ["minItems"] = 1, ["maxItems"] = RouteListRules.MaxPrefixes, ["items"] = Pattern("^[0-9A-Fa-f:.]+/[0-9]{1,3}$", "10.1.0.0/24") },
        [typeof(InterfaceAddress)] = () => Pattern("^[0-9A-Fa-f:.]+/[0-9]{1,3}$", "10.1.0.1/24"),
        [typeof(MacAddress)] = () => Pattern("^([0-9A-Fa-f]{2}:){5}[0-9A-Fa-f]{2}$", "02:00:00:00:00:01"),
        [typeof(SwanDuration)] = () => Pattern("^[0-9]+[smhd]?$", "4h"),
        [typeof(AuthenticationWord)] = () => Pattern("^(psk|(ike:)?(pubkey|rsa|ecdsa|ed25519|ed448)|eap(-(md5|mschapv2|tls))?)[a-z0-9/:,-]*$", "rsa-3072-sha256"),
        [typeof(AclAddress)] = () => Pattern("^([0-9A-Fa-f:.]+(/[0-9]{1,3})?|[A-Za-z_][A-Za-z0-9._@+-]{0,63})$", "10.1.0.0/24"),
        [typeof(AclPort)] = () => Pattern("^([0-9]{1,5}(-[0-9]{1,5})?|[A-Za-z_][A-Za-z0-9._@+-]{0,63})$", "1024-65535"),
        [typeof(IpProtocol)] = () => Pattern("^([a-z][a-z0-9]*|[0-9]{1,3})$", "tcp"),
        [typeof(TcpFlags)] = () => Pattern("^!?(fin|syn|rst|psh|ack|urg|ece|cwr)(,!?(fin|syn|rst|psh|ack|urg|ece|cwr))*$", "syn,!ack"),
        [typeof(EtherType)] = () => Pattern("^(ipv4|ipv6|arp|0x[0-9A-Fa-f]{1,4})$", "arp"),
        [typeof(PolicerRate)] = () => Pattern("^[0-9]+[kMG]?(bit|packets)/s$", "10Mbit/s"),
        [typeof(PolicerBurst)] = () => Pattern("^[0-9]+[kMG]?(B|packets)$", "64kB"),
        [typeof(PolicerAction)] = () => Pattern("^(transmit|drop|dscp:[0-9]{1,2})$", "dscp:10"),
        [typeof(TrafficSelector)] = () => Pattern("^[0-9A-Fa-f:.]+([/-][0-9A-Fa-f:.]+)?(\\[[^\\]]*\\])?$", "10.1.0.0/24[tcp/80]"),
    };

    /// <summary>The schema of the spec of a kind, as a command gives it.</summary>
    public static JsonObject OfSpec(ItemKind kind)
    {
        var schema = (JsonObject)Of(kind.SpecType);
        if (kind.SpecType == typeof(SecretSpec))
        {
            ((JsonObject)schema["properties"]!)[SecretReading.Member] = new JsonObject
            {
                ["type"] = "string",
                ["minLength"] = 1,
                ["writeOnly"] = true,
                ["description"] = "The value: plain text, 0s and base64, or 0x and hexadecimal digits. Never shown again. An existing secret keeps its value when this is left out.",
            };
        }

        return schema;
    }

    /// <summary>The schema of an item: its kind, its name and its spec.</summary>
    public static JsonObject OfItem(ItemKind kind) => new()
    {
        ["type"] = "object",
        ["properties"] = new JsonObject
        {
            ["kind"] = new JsonObject { ["const"] = kind.Name },
            ["name"] = new JsonObject { ["type"] = "string", ["pattern"] = Names.ItemPattern },
            ["spec"] = OfSpec(kind),
        },
        ["required"] = new JsonArray("kind", "name", "spec"),
        ["additionalProperties"] = false,
    };

    /// <summary>The schema of every message that the gateway takes; items are under <c>$defs</c>, by kind.</summary>
    public static JsonObject OfCommand()
    {
        var transaction = (JsonObject)Of(typeof(TransactionBody));
        var properties = (JsonObject)transaction["properties"]!;
        properties["command"] = new JsonObject { ["const"] = "transaction" };
        ((JsonObject)properties["put"]!)["items"] = new JsonObject { ["oneOf"] = new JsonArray([.. ItemCatalog.Kinds.Select(k => new JsonObject { ["$ref"] = $"#/$defs/{k.Name}" })]) };
        ((JsonObject)properties["delete"]!)["items"] = new JsonObject
        {
            ["type"] = "object",
            ["properties"] = new JsonObject
            {
                ["kind"] = new JsonObject { ["enum"] = new JsonArray([.. ItemCatalog.Kinds.Select(k => JsonValue.Create(k.Name))]) },
                ["name"] = new JsonObject { ["type"] = "string", ["pattern"] = Names.ItemPattern },
            },
            ["required"] = new JsonArray("kind", "name"),
            ["additionalProperties"] = false,
        };
        var sa = (JsonObject)Of(typeof(SaBody));
        ((JsonObject)sa["properties"]!)["command"] = new JsonObject { ["enum"] = new JsonArray("initiate", "rekey", "terminate") };
        var clear = (JsonObject)Of(typeof(ClearSessionsBody));
        ((JsonObject)clear["properties"]!)["command"] = new JsonObject { ["const"] = "clear-sessions" };
        foreach (var body in new[] { transaction, sa, clear })
            ((JsonObject)((JsonObject)body["properties"]!)["id"]!)["maxLength"] = CommandReader.MaxIdLength;
        return new JsonObject
        {
            ["$schema"] = "https://json-schema.org/draft/2020-12/schema",
            ["title"] = "A command to the gateway",
            ["oneOf"] = new JsonArray(transaction, sa, clear),
            ["$defs"] = new JsonObject(ItemCatalog.Kinds.Select(k => KeyValuePair.Create<string, JsonNode?>(k.Name, OfItem(k)))),
        };
    }

    /// <summary>The schema of any record of Policy.</summary>
    public static JsonNode Of(Type type) => PolicyJson.Options.GetJsonSchemaAsNode(
        type, new JsonSchemaExporterOptions { TreatNullObliviousAsNonNullable = true, TransformSchemaNode = Transform });

    private static JsonNode Transform(JsonSchemaExporterContext context, JsonNode exported)
    {
        var type = Nullable.GetUnderlyingType(context.TypeInfo.Type) ?? context.TypeInfo.Type;
        var schema = _texts.TryGetValue(type, out var text) ? text()
            : StrictJson.ElementType(type) is { } element ? new JsonObject { ["type"] = "array", ["items"] = Of(element) }
            : exported as JsonObject ?? [];
        if (type.IsEnum) schema = new JsonObject { ["enum"] = new JsonArray([.. StrictJson.Words(type).Select(w => JsonValue.Create(w))]) };
        // Null is refused everywhere: a field that says nothing is left out.
        if (schema["type"] is JsonArray types) schema["type"] = types.First(t => (string)t! != "null")!.DeepClone();
        if (StrictJson.IsNumber(type)) schema.Remove("pattern");
        if (context.PropertyInfo is { } property)
        {
            var attributes = property.AttributeProvider?.GetCustomAttributes(typeof(RangeAttribute), true) ?? [];
            if (attributes is [RangeAttribute range, ..])
            {
                var (low, high) = StrictJson.Bounds(range);
                schema["minimum"] = low;
                if (high != long.MaxValue) schema["maximum"] = high;
            }

            if (DocumentationText.Of(property) is { } description) schema["description"] = description;
            if (Default(property, type) is { } normal) schema["default"] = normal;
        }
        else if (schema["properties"] is JsonObject properties)
        {
            foreach (var member in context.TypeInfo.Properties)
                if (member.AttributeProvider?.IsDefined(typeof(NotFromCommandsAttribute), true) == true) properties.Remove(member.Name);
            if (DocumentationText.Of(type) is { } description) schema["description"] = description;
        }

        return schema;
    }

    private static JsonNode? Default(System.Text.Json.Serialization.Metadata.JsonPropertyInfo property, Type type)
    {
        if (property.IsRequired || property.Get is null || LeaveOutDefaults.Prototype(property.DeclaringType) is not { } prototype) return null;
        var value = property.Get(prototype);
        if (value is null || (value is System.Collections.IEnumerable list and not string && !list.GetEnumerator().MoveNext()) || type == typeof(KeyHandle)) return null;
        return JsonSerializer.SerializeToNode(value, value.GetType(), PolicyJson.Options);
    }

    private static JsonObject Pattern(string pattern, string example) => new() { ["type"] = "string", ["pattern"] = pattern, ["examples"] = new JsonArray(example) };
}
