using System.Buffers;
using System.Text.Json;

namespace Gateway.Policy.Commands;

/// <summary>
/// One form for all JSON texts that say the same: members ordered by name, no white space, one way of escaping. Numbers stay as written.
/// Two deliveries of a command are compared in this form, so that a client library may write it anew for a retry.
/// </summary>
public static class CanonicalJson
{
    public static byte[] Write(JsonElement json)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(buffer, new JsonWriterOptions { MaxDepth = 2 * CommandLimits.MaxDepth })) Write(json, writer);
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(JsonElement json, Utf8JsonWriter writer)
    {
        switch (json.ValueKind)
        {
            case JsonValueKind.Object:
                writer.WriteStartObject();
                foreach (var member in json.EnumerateObject().OrderBy(m => m.Name, StringComparer.Ordinal))
                {
                    writer.WritePropertyName(member.Name);
                    Write(member.Value, writer);
                }

                writer.WriteEndObject();
                break;
            case JsonValueKind.Array:
                writer.WriteStartArray();
                foreach (var element in json.EnumerateArray()) Write(element, writer);
                writer.WriteEndArray();
                break;
            default:
                json.WriteTo(writer);
                break;
        }
    }
}
