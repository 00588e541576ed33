using System.Text;
using System.Text.Json;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Projections.Folds;

/// <summary>The lines of a spec: its fields with their paths, as <c>children.net.local_ts</c> or <c>local[0].id</c>. A list of plain values is one line.</summary>
public static class SpecFields
{
    /// <summary>Paths with the JSON of their values, as it is stored.</summary>
    public static SortedDictionary<string, string> Of(ItemSpec spec)
    {
        var fields = new SortedDictionary<string, string>(StringComparer.Ordinal);
        var json = JsonSerializer.SerializeToUtf8Bytes(spec, spec.GetType(), PolicyJson.Options);
        var reader = new Utf8JsonReader(json);
        reader.Read();
        Object(ref reader, "", fields, json);
        return fields;
    }

    private static void Object(ref Utf8JsonReader reader, string path, SortedDictionary<string, string> fields, byte[] json)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.GetString()!;
            reader.Read();
            Value(ref reader, path.Length == 0 ? name : $"{path}.{name}", fields, json);
        }
    }

    private static void Value(ref Utf8JsonReader reader, string path, SortedDictionary<string, string> fields, byte[] json)
    {
        var start = (int)reader.TokenStartIndex;
        switch (reader.TokenType)
        {
            case JsonTokenType.StartObject:
                var before = fields.Count;
                Object(ref reader, path, fields, json);
                // An object without members is a line too: a child of which everything is as by default.
                if (fields.Count == before) fields[path] = "{}";
                break;
            case JsonTokenType.StartArray when HoldsObjects(reader):
                for (var i = 0; reader.Read() && reader.TokenType != JsonTokenType.EndArray; i++) Value(ref reader, $"{path}[{i}]", fields, json);
                break;
            default:
                reader.Skip();
                fields[path] = Encoding.UTF8.GetString(json, start, (int)reader.BytesConsumed - start);
                break;
        }
    }

    private static bool HoldsObjects(Utf8JsonReader ahead) => ahead.Read() && ahead.TokenType == JsonTokenType.StartObject;
}
