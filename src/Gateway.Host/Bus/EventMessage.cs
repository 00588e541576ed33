using System.Buffers;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy.Journal;

namespace Gateway.Host.Bus;

/// <summary>A journal event as it is published. Positions are contiguous; the same one may come twice, never with another content.</summary>
public sealed record EventMessage
{
    internal static JsonWriterOptions Writing { get; } = new() { Encoder = ApiJson.Options.Encoder, SkipValidation = true };

    public required long Position { get; init; }

    /// <summary>What it is about: <c>interface/wan</c>, <c>ike-sa/12</c>, <c>gateway</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Stable name with version.</summary>
    public required string Name { get; init; }

    public required DateTimeOffset Time { get; init; }

    public string? CommandId { get; init; }

    /// <summary>Door and proven name: <c>bus:user:onap</c>.</summary>
    public required string Principal { get; init; }

    public string? Issuer { get; init; }

    /// <summary>Position of the event that caused it.</summary>
    public long? Cause { get; init; }

    public required JsonElement Data { get; init; }

    /// <summary>The event as JSON. Its data goes out as it is stored, without being read: a gateway publishes every event it ever writes.</summary>
    internal static byte[] Write(Envelope e)
    {
        var buffer = new ArrayBufferWriter<byte>(e.Data.Length + 256);
        using (var json = new Utf8JsonWriter(buffer, Writing)) Write(e, json);
        return buffer.WrittenSpan.ToArray();
    }

    /// <summary>Members in the order of the record; <see cref="Of"/> is the slow twin that a test compares with.</summary>
    internal static void Write(Envelope e, Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteNumber("position", e.Position);
        json.WriteString("subject", e.Subject);
        json.WriteString("name", e.Name);
        json.WriteString("time", e.Time);
        if (e.CommandId is { } command) json.WriteString("command_id", command);
        json.WriteString("principal", e.Principal.ToString());
        if (e.Issuer is { } issuer) json.WriteString("issuer", issuer);
        if (e.Cause is { } cause) json.WriteNumber("cause", cause);
        json.WritePropertyName("data");
        json.WriteRawValue(e.Data.Span, skipInputValidation: true);
        json.WriteEndObject();
    }

    internal static EventMessage Of(Envelope e) => new()
    {
        Position = e.Position,
        Subject = e.Subject,
        Name = e.Name,
        Time = e.Time,
        CommandId = e.CommandId,
        Principal = e.Principal.ToString(),
        Issuer = e.Issuer,
        Cause = e.Cause,
        Data = JsonElement.Parse(e.Data.Span),
    };
}
