using System.Text.Json.Nodes;
using Gateway.Policy;
using Gateway.Policy.Items;
using Gateway.Policy.Items.Schema;
using Xunit;

namespace Gateway.Unit.Policy.Items;

public sealed class ItemSchemaTests
{
    public static TheoryData<string> Kinds => [.. ItemCatalog.Kinds.Select(k => k.Name)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public void A_schema_has_the_members_of_its_record_each_with_a_type(string name)
    {
        Assert.True(ItemCatalog.TryGet(name, out var kind));
        var schema = ItemSchema.OfSpec(kind);
        Assert.Equal("object", (string?)schema["type"]);
        Assert.False((bool)schema["additionalProperties"]!);
        Assert.NotNull(schema["description"]);
        var members = PolicyJson.Options.GetTypeInfo(kind.SpecType).Properties.Select(p => p.Name).Except(["handle"]).Concat(name == "secret" ? ["secret"] : []);
        var properties = (JsonObject)schema["properties"]!;
        Assert.Equal(members.Order(), properties.Select(p => p.Key).Order());
        Assert.All(properties, p => Assert.True(p.Value!["type"] is JsonValue || p.Value["enum"] is JsonArray || p.Value["$ref"] is not null, $"{p.Key}: {p.Value}"));
    }

    [Fact]
    public void Ranges_words_patterns_defaults_and_descriptions_come_from_the_code()
    {
        var mtu = Property("interface", "mtu");
        Assert.Equal((576L, 9216L), ((long)mtu["minimum"]!, (long)mtu["maximum"]!));
        Assert.StartsWith("Octets of the largest IP packet", (string?)mtu["description"], StringComparison.Ordinal);
        Assert.Equal("""["af-packet","tap","loopback","memif","af-xdp","ipsec","vlan","vxlan","gre","ipip","gretap"]""", Property("interface", "type")["enum"]!.ToJsonString());
        Assert.Equal("array", (string?)Property("interface", "addresses")["type"]);
        Assert.NotNull(Property("interface", "addresses")["items"]!["pattern"]);
        Assert.True((bool)Property("interface", "enabled")["default"]!);
        Assert.Equal("4h", (string?)Property("connection", "rekey_time")["default"]);
        var child = Property("connection", "children")["additionalProperties"]!["properties"]!;
        Assert.Equal(4096L, (long)child["replay_window"]!["maximum"]!);
        Assert.Equal("dynamic", (string?)child["local_ts"]!["default"]![0]);
        Assert.Equal("""["to"]""", Schema("route")["required"]!.ToJsonString());
    }

    [Fact]
    public void A_secret_can_be_written_but_its_handle_is_the_gateways_own()
    {
        Assert.True((bool)Property("secret", "secret")["writeOnly"]!);
        Assert.Null(((JsonObject)Schema("secret")["properties"]!)["handle"]);
    }

    [Fact]
    public void The_schema_of_commands_knows_every_kind()
    {
        var schema = ItemSchema.OfCommand();
        Assert.Equal(ItemCatalog.Kinds.Select(k => k.Name), ((JsonObject)schema["$defs"]!).Select(d => d.Key));
        var transaction = schema["oneOf"]![0]!["properties"]!;
        Assert.Equal(ItemCatalog.Kinds.Count, transaction["put"]!["items"]!["oneOf"]!.AsArray().Count);
        Assert.Equal("transaction", (string?)transaction["command"]!["const"]);
        Assert.Equal("""["initiate","rekey","terminate"]""", schema["oneOf"]![1]!["properties"]!["command"]!["enum"]!.ToJsonString());
    }

    private static JsonObject Schema(string kind) => ItemCatalog.TryGet(kind, out var row) ? ItemSchema.OfSpec(row) : throw new InvalidOperationException(kind);

    private static JsonNode Property(string kind, string name) => Schema(kind)["properties"]![name]!;
}
