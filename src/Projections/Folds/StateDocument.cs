using System.Buffers;
using System.Runtime.InteropServices;
using System.Text.Json;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;

namespace Gateway.Projections.Folds;

/// <summary>
/// A <see cref="StateFold"/> as UTF-8 JSON: what a snapshot holds. Items and SAs are written as the events that they come from, so that what reads events
/// reads them. It is read only by the build that wrote it (<see cref="Build"/>): another one folds the journal anew.
/// </summary>
public static class StateDocument
{
    /// <summary>Names the code that folds: a change of it makes documents of the code before worthless.</summary>
    public static string Build { get; } = $"{typeof(StateDocument).Module.ModuleVersionId:N}{typeof(GatewayEvent).Module.ModuleVersionId:N}";

    /// <param name="state">With blame.</param>
    public static byte[] Write(StateFold state)
    {
        var buffer = new ArrayBufferWriter<byte>(64 * 1024);
        using (var json = new Utf8JsonWriter(buffer, new JsonWriterOptions { Encoder = PolicyJson.Options.Encoder }))
        {
            json.WriteStartObject();
            json.WriteNumber("position", state.Position);
            if (state.Time is { } time) json.WriteNumber("time", time.UtcTicks);
            json.WriteNumber("revision", state.Configuration.Revision);
            json.WriteStartArray("items");
            foreach (var item in state.Configuration.Items) Put(json, item);
            json.WriteEndArray();
            json.WriteStartArray("open");
            foreach (var open in state.Configuration.Open)
            {
                if (open.Put is { } put) Put(json, put);
                else Event(json, new ItemDeleted(open.Key));
            }

            json.WriteEndArray();
            json.WriteStartArray("pending");
            foreach (var key in state.Configuration.Pending) json.WriteStringValue(key.ToString());
            json.WriteEndArray();
            Sas(json, state.Sas.ToInventory());
            json.WriteStartArray("leases");
            foreach (var lease in state.Leases.Leases.Values)
            {
                json.WriteStartArray();
                json.WriteStringValue(lease.Pool);
                json.WriteStringValue(lease.Address.ToString());
                json.WriteStringValue(lease.Identity);
                json.WriteBooleanValue(lease.Online);
                json.WriteNumberValue(lease.Since.UtcTicks);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            json.WriteStartArray("nat_blocks");
            foreach (var block in state.NatBlocks.Blocks.Values)
            {
                json.WriteStartArray();
                json.WriteStringValue(block.Rule);
                json.WriteStringValue(block.Host.ToString());
                json.WriteStringValue(block.Outside.ToString());
                json.WriteNumberValue(block.FirstPort);
                json.WriteNumberValue(block.LastPort);
                json.WriteNumberValue(block.Since.UtcTicks);
                json.WriteNumberValue(block.Position);
                json.WriteStringValue(block.Vrf);
                json.WriteEndArray();
            }

            json.WriteEndArray();
            Blame(json, state.Blame);
            json.WriteEndObject();
        }

        return buffer.WrittenSpan.ToArray();
    }

    /// <exception cref="JsonException">It is no such document.</exception>
    public static StateFold Read(ReadOnlyMemory<byte> document, bool blame)
    {
        try
        {
            using var json = JsonDocument.Parse(document);
            var root = json.RootElement;
            // Items and SAs are each much of the work of a start, and know nothing of each other.
            var sas = Task.Run(() => Sas(root.GetProperty("sas")));
            try
            {
                return Read(root, sas, blame);
            }
            finally
            {
                // It reads the document, which ends here.
                Task.WaitAny(sas);
            }
        }
        catch (Exception e) when (e is KeyNotFoundException or InvalidOperationException or FormatException or InvalidCastException)
        {
            throw new JsonException("This is no state of a journal.", e);
        }
    }

    private static StateFold Read(JsonElement root, Task<SaInventory> sas, bool blame)
    {
        var state = new StateFold(blame);
        state.Load(root.GetProperty("position").GetInt64(), root.TryGetProperty("time", out var time) ? Time(time) : null);
        state.Configuration.Load(
            root.GetProperty("revision").GetInt64(),
            root.GetProperty("items").EnumerateArray().Select(Put),
            root.GetProperty("pending").EnumerateArray().Select(Key),
            root.GetProperty("open").EnumerateArray().Select(o => Event(o) is ItemDeleted deleted ? new OpenChange(deleted.Key, null) : Put(o) is var put ? new OpenChange(put.Put.Key, put) : default));
        // The first journals knew no leases.
        var leases = root.TryGetProperty("leases", out var known) ? known.EnumerateArray() : default;
        state.Load(LeaseBook.Of(leases.Select(l => new LeaseEntry(
            l[0].GetString()!, System.Net.IPAddress.Parse(l[1].GetString()!), l[2].GetString()!, l[3].GetBoolean(), Time(l[4])))));
        var blocks = root.TryGetProperty("nat_blocks", out var given) ? given.EnumerateArray() : default;
        state.Load(NatBlockBook.Of(blocks.Select(b => new NatBlockEntry(
            b[0].GetString()!, System.Net.IPAddress.Parse(b[1].GetString()!), System.Net.IPAddress.Parse(b[2].GetString()!), b[3].GetInt32(), b[4].GetInt32(), Time(b[5]), b[6].GetInt64(), b[7].GetString()))));
        if (state.Blame is { } into) Blame(root, into);
        state.Sas.Load(sas.GetAwaiter().GetResult());
        return state;
    }

    private static void Put(Utf8JsonWriter json, PutItem item) => Event(json, item.Put, item.Principal);

    private static void Event(Utf8JsonWriter json, GatewayEvent e, Principal? by = null)
    {
        var (name, data) = EventCatalog.Encode(e);
        json.WriteStartObject();
        json.WriteString("event", name);
        if (by is not null)
        {
            json.WriteString("door", by.Door);
            json.WriteString("who", by.Name);
        }

        json.WritePropertyName("data");
        json.WriteRawValue(data.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    private static PutItem Put(JsonElement json) => new((ItemPut)Event(json), new Principal(json.GetProperty("door").GetString()!, json.GetProperty("who").GetString()!));

    private static GatewayEvent Event(JsonElement json)
    {
        var name = json.GetProperty("event").GetString()!;
        var data = JsonMarshal.GetRawUtf8Value(json.GetProperty("data"));
        return EventCatalog.TryDecode(name, data, out var e, out var failure) ? e : throw new JsonException(failure.Message);
    }

    private static void Sas(Utf8JsonWriter json, SaInventory inventory)
    {
        json.WriteStartObject("sas");
        json.WriteNumber("last_ike", inventory.LastIkeSaId);
        json.WriteNumber("last_child", inventory.LastChildSaId);
        json.WriteStartArray("ike");
        foreach (var sa in inventory.IkeSas.Values) Entry(json, sa.Established, sa.Since, sa.Position, null);
        json.WriteEndArray();
        json.WriteStartArray("child");
        foreach (var sa in inventory.ChildSas.Values) Entry(json, new ChildSaInstalled(sa.Parameters, sa.Proposal), sa.Since, sa.Position, sa.IkeSa);
        json.WriteEndArray();
        json.WriteStartArray("failures");
        foreach (var (connection, failure) in inventory.LastFailures)
        {
            json.WriteStartObject();
            json.WriteString("connection", connection.Value);
            json.WriteNumber("time", failure.Time.UtcTicks);
            json.WriteString("reason", failure.Reason);
            json.WriteString("detail", failure.Detail);
            if (failure.Peer is { } peer) json.WriteString("peer", peer.ToString());
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Entry(Utf8JsonWriter json, GatewayEvent e, DateTimeOffset since, long position, IkeSaId? of)
    {
        json.WriteStartObject();
        json.WriteNumber("since", since.UtcTicks);
        json.WriteNumber("position", position);
        if (of is { } ike) json.WriteNumber("of", ike.Value);
        json.WritePropertyName("fact");
        Event(json, e);
        json.WriteEndObject();
    }

    private static SaInventory Sas(JsonElement json) => SaInventory.Of(
        json.GetProperty("ike").EnumerateArray().Select(s => new IkeSaEntry((IkeSaEstablished)Event(s.GetProperty("fact")), Time(s.GetProperty("since")), s.GetProperty("position").GetInt64())),
        json.GetProperty("child").EnumerateArray().Select(s => Event(s.GetProperty("fact")) is ChildSaInstalled child
            ? new ChildSaEntry(child.Parameters, new IkeSaId(s.GetProperty("of").GetUInt64()), child.Proposal, Time(s.GetProperty("since")), s.GetProperty("position").GetInt64())
            : throw new JsonException("Expected a CHILD SA.")),
        json.GetProperty("failures").EnumerateArray().Select(f => KeyValuePair.Create(
            new ConnectionName(f.GetProperty("connection").GetString()!),
            new ConnectionFailure(
                Time(f.GetProperty("time")), f.GetProperty("reason").GetString()!, f.GetProperty("detail").GetString()!,
                f.TryGetProperty("peer", out var peer) ? System.Net.IPAddress.Parse(peer.GetString()!) : null))),
        json.GetProperty("last_ike").GetUInt64(),
        json.GetProperty("last_child").GetUInt64());

    private static void Blame(Utf8JsonWriter json, BlameFold? blame)
    {
        if (blame is null) return;
        var origins = blame.Items.Values.SelectMany(f => f.Values).Select(f => f.Origin).DistinctBy(o => o.Position).ToList();
        json.WriteStartArray("origins");
        foreach (var origin in origins)
        {
            json.WriteStartObject();
            json.WriteNumber("revision", origin.Revision);
            json.WriteNumber("position", origin.Position);
            json.WriteNumber("time", origin.Time.UtcTicks);
            json.WriteString("door", origin.Principal.Door);
            json.WriteString("who", origin.Principal.Name);
            if (origin.Issuer is { } issuer) json.WriteString("issuer", issuer);
            if (origin.CommandId is { } command) json.WriteString("command", command);
            if (origin.Reason is { } reason) json.WriteString("reason", reason);
            json.WriteEndObject();
        }

        json.WriteEndArray();
        json.WriteStartObject("blame");
        foreach (var (key, fields) in blame.Items)
        {
            json.WriteStartObject(key.ToString());
            foreach (var (path, field) in fields)
            {
                json.WriteStartArray(path);
                json.WriteStringValue(field.Value);
                json.WriteNumberValue(field.Origin.Position);
                json.WriteEndArray();
            }

            json.WriteEndObject();
        }

        json.WriteEndObject();
        json.WriteStartArray("open_blame");
        foreach (var open in blame.Open)
        {
            json.WriteStartObject();
            json.WriteNumber("position", open.Position);
            json.WriteNumber("time", open.Time.UtcTicks);
            json.WriteString("door", open.Principal.Door);
            json.WriteString("who", open.Principal.Name);
            if (open.Issuer is { } issuer) json.WriteString("issuer", issuer);
            if (open.CommandId is { } command) json.WriteString("command", command);
            json.WritePropertyName("fact");
            Event(json, open.Event);
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }

    private static void Blame(JsonElement root, BlameFold into)
    {
        var origins = root.GetProperty("origins").EnumerateArray().Select(o => new Origin(
            o.GetProperty("revision").GetInt64(), o.GetProperty("position").GetInt64(), Time(o.GetProperty("time")), new Principal(o.GetProperty("door").GetString()!, o.GetProperty("who").GetString()!),
            Text(o, "issuer"), Text(o, "command"), Text(o, "reason"))).ToDictionary(o => o.Position);
        foreach (var item in root.GetProperty("blame").EnumerateObject())
        {
            into.Load(
                ItemKey.TryParse(item.Name, out var key) ? key : throw new JsonException("Expected an item."),
                item.Value.EnumerateObject().Select(f => KeyValuePair.Create(f.Name, new BlamedField(f.Value[0].GetString()!, origins[f.Value[1].GetInt64()]))));
        }

        foreach (var open in root.GetProperty("open_blame").EnumerateArray())
        {
            into.Load(new JournalFact(
                open.GetProperty("position").GetInt64(), Time(open.GetProperty("time")), new Principal(open.GetProperty("door").GetString()!, open.GetProperty("who").GetString()!),
                Text(open, "issuer"), Text(open, "command"), Event(open.GetProperty("fact"))));
        }
    }

    private static string? Text(JsonElement json, string name) => json.TryGetProperty(name, out var text) ? text.GetString() : null;

    private static ItemKey Key(JsonElement json) => ItemKey.TryParse(json.GetString(), out var key) ? key : throw new JsonException("Expected an item.");

    private static DateTimeOffset Time(JsonElement json) => new(json.GetInt64(), TimeSpan.Zero);
}
