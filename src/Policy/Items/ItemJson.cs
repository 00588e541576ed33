using System.Text.Json;
using System.Text.Json.Nodes;

namespace Gateway.Policy.Items;

/// <summary>Items as they are shown: in the form in which they could be put again. A secret has no value then, and putting it again keeps the value it has.</summary>
public static class ItemJson
{
    /// <summary><c>{"kind":…,"name":…,"spec":…}</c> without what is the gateway's own, as the handle of a secret.</summary>
    public static JsonObject Shown(Item item) => new()
    {
        ["kind"] = item.Key.Kind,
        ["name"] = item.Key.Name,
        ["spec"] = ShownSpec(item.Spec),
    };

    public static JsonNode ShownSpec(ItemSpec spec) =>
        JsonSerializer.SerializeToNode(spec is SecretSpec secret ? secret with { Handle = default } : spec, spec.GetType(), PolicyJson.Options)!;
}
