using System.Buffers;
using System.Collections.Frozen;
using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Nodes;
using Gateway.Policy.Events.Written;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;

namespace Gateway.Policy.Events;

/// <summary>Encodes and decodes by a table of rows and upcasts; the table in force is <see cref="EventCatalog"/>.</summary>
public sealed class EventReader
{
    /// <summary>Octets; a writer that grew beyond is let go.</summary>
    private const int LargestKept = 64 * 1024;

    [ThreadStatic]
    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json)? _writer;

    private readonly FrozenDictionary<string, EventRow> _byName;
    private readonly FrozenDictionary<string, Upcast> _upcasts;
    private readonly FrozenDictionary<Type, string> _names;
    private readonly FrozenDictionary<string, (string Put, string Deleted)> _itemNames;

    public EventReader(IReadOnlyList<EventRow> rows, IReadOnlyList<Upcast> upcasts)
    {
        Rows = rows;
        _byName = rows.ToFrozenDictionary(r => r.Name);
        _upcasts = upcasts.ToFrozenDictionary(u => u.From);
        // The last row of a type is the version that is written.
        _names = rows.Where(r => r.Kind is null).GroupBy(r => r.Type).ToFrozenDictionary(g => g.Key, g => g.Last().Name);
        _itemNames = rows.Where(r => r.Kind is not null).GroupBy(r => r.Kind!.Name).ToFrozenDictionary(
            g => g.Key,
            g => (g.Last(r => r.Type == typeof(ItemPut)).Name, g.Last(r => r.Type == typeof(ItemDeleted)).Name));
    }

    public IReadOnlyList<EventRow> Rows { get; }

    public string NameOf(GatewayEvent e) => e switch
    {
        ItemPut put => _itemNames[put.Key.Kind].Put,
        ItemDeleted deleted => _itemNames[deleted.Key.Kind].Deleted,
        _ => _names.TryGetValue(e.GetType(), out var name) ? name : throw new InvalidOperationException($"{e.GetType().Name} has no row in the event catalogue."),
    };

    public static Octets DataOf(GatewayEvent e)
    {
        // Each thread has a writer of its own; one that failed in the middle of an event is not used again.
        var (buffer, writer) = _writer ?? NewWriter();
        _writer = null;
        Write(writer, e);
        writer.Flush();
        var data = new Octets(buffer.WrittenSpan);
        buffer.ResetWrittenCount();
        writer.Reset();
        if (buffer.Capacity <= LargestKept) _writer = (buffer, writer);
        return data;
    }

    /// <inheritdoc cref="EventCatalog.TryDecode(string, ReadOnlySpan{byte}, out GatewayEvent?, out EventFailure?, RecurringValues?)"/>
    public bool TryDecode(string name, ReadOnlySpan<byte> data, [NotNullWhen(true)] out GatewayEvent? e, [NotNullWhen(false)] out EventFailure? failure, RecurringValues? recurring = null)
    {
        e = null;
        try
        {
            if (_upcasts.ContainsKey(name)) return TryUpcast(name, data, out e, out failure);
            if (!_byName.TryGetValue(name, out var row))
            {
                failure = new EventFailure.Unknown(name) { Known = Rows.LastOrDefault(r => Stem(r.Name) == Stem(name))?.Name };
                return false;
            }

            e = WrittenEvents.TryRead(row, data, recurring) ?? Read(row, data);
            failure = e is null ? new EventFailure.Unreadable(name, "It is null.") : null;
            return e is not null;
        }
        catch (Exception bad) when (bad is JsonException or InvalidOperationException)
        {
            // The latter of a text that is no UTF-8.
            failure = new EventFailure.Unreadable(name, bad.Message);
            return false;
        }
    }

    /// <summary>Reads an event of this gateway's own, already verified journal; throws <see cref="JournalDamagedException"/> with its position when it cannot.</summary>
    public GatewayEvent Decode(long position, string name, ReadOnlySpan<byte> data, RecurringValues? recurring = null) =>
        TryDecode(name, data, out var e, out var failure, recurring) ? e : throw new JournalDamagedException(position, $"Position {position}: {failure.Message}");

    private static (ArrayBufferWriter<byte> Buffer, Utf8JsonWriter Json) NewWriter()
    {
        var buffer = new ArrayBufferWriter<byte>(1024);
        return (buffer, new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = PolicyJson.Options.Encoder }));
    }

    private static void Write(Utf8JsonWriter writer, GatewayEvent e)
    {
        switch (e)
        {
            case ItemPut put:
                writer.WriteStartObject();
                writer.WriteString("name", put.Key.Name);
                writer.WritePropertyName("spec");
                JsonSerializer.Serialize(writer, put.Spec, put.Spec.GetType(), PolicyJson.Options);
                writer.WriteEndObject();
                break;
            case ItemDeleted deleted:
                writer.WriteStartObject();
                writer.WriteString("name", deleted.Key.Name);
                writer.WriteEndObject();
                break;
            default:
                JsonSerializer.Serialize(writer, e, e.GetType(), PolicyJson.Options);
                break;
        }
    }

    private static string Stem(string name) => name.LastIndexOf(".v", StringComparison.Ordinal) is var dot and > 0 ? name[..dot] : name;

    private bool TryUpcast(string name, ReadOnlySpan<byte> data, [NotNullWhen(true)] out GatewayEvent? e, [NotNullWhen(false)] out EventFailure? failure)
    {
        var old = JsonNode.Parse(data) as JsonObject ?? throw new JsonException("Expected an object.");
        while (_upcasts.TryGetValue(name, out var upcast)) (name, old) = (upcast.To, upcast.Change(old));
        return TryDecode(name, JsonSerializer.SerializeToUtf8Bytes(old, PolicyJson.Options), out e, out failure);
    }

    /// <summary>Reads every form that JSON may have.</summary>
    internal static GatewayEvent? Read(EventRow row, ReadOnlySpan<byte> data)
    {
        if (row.Kind is not { } kind) return (GatewayEvent?)JsonSerializer.Deserialize(data, row.Type, PolicyJson.Stored);
        var json = new Utf8JsonReader(data);
        string? name = null;
        ItemSpec? spec = null;
        Expect(json.Read() && json.TokenType == JsonTokenType.StartObject);
        while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
        {
            if (name is null && json.ValueTextEquals("name"u8)) name = json.Read() && json.TokenType == JsonTokenType.String ? json.GetString() : null;
            else if (row.Type == typeof(ItemPut) && spec is null && json.ValueTextEquals("spec"u8)) spec = (ItemSpec?)JsonSerializer.Deserialize(ref json, kind.SpecType, PolicyJson.Stored);
            else throw new JsonException("Expected nothing but a name and, for a put, a spec, once each.");
        }

        Expect(json.TokenType == JsonTokenType.EndObject && !json.Read() && !string.IsNullOrEmpty(name));
        var key = new ItemKey(kind.Name, name!);
        if (row.Type == typeof(ItemDeleted)) return new ItemDeleted(key);
        Expect(spec is not null);
        return new ItemPut(key, spec!);

        static void Expect(bool held)
        {
            if (!held) throw new JsonException("Expected an object with a name and, for a put, a spec.");
        }
    }
}
