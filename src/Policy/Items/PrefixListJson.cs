using System.Buffers;
using System.Net;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Policy.Items;

/// <summary>A <see cref="PrefixList"/> as a JSON array of texts, read and written without a text for each.</summary>
public sealed class PrefixListJson : JsonConverter<PrefixList>
{
    // With quotes and a comma: "255.255.255.255/32", and 39 characters of an IPv6 address with its length (45 when the end is written as IPv4).
    private const int Longest4 = 21, Longest6 = 52;

    public override PrefixList Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
    {
        if (reader.TokenType != JsonTokenType.StartArray) throw new JsonException("Expected a list of prefixes.");
        var gathering = new PrefixList.Gathering();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            var ok = reader.TokenType == JsonTokenType.String
                && gathering.TryAdd(reader.HasValueSequence || reader.ValueIsEscaped ? Encoding.UTF8.GetBytes(reader.GetString()!) : reader.ValueSpan);
            if (!ok) throw new JsonException("Expected prefixes such as 10.1.0.0/24 of one address family.");
        }

        return gathering.ToList();
    }

    public override void Write(Utf8JsonWriter writer, PrefixList value, JsonSerializerOptions options)
    {
        var buffer = ArrayPool<byte>.Shared.Rent((value.Count * (value.IsV6 ? Longest6 : Longest4)) + 2);
        var at = 0;
        buffer[at++] = (byte)'[';
        for (var i = 0; i < value.Count; i++)
        {
            if (i > 0) buffer[at++] = (byte)',';
            buffer[at++] = (byte)'"';
            at += WriteAddress(value.OctetsAt(i)[..^1], buffer.AsSpan(at));
            buffer[at++] = (byte)'/';
            at += WriteNumber(value.LengthAt(i), buffer.AsSpan(at));
            buffer[at++] = (byte)'"';
        }

        buffer[at++] = (byte)']';
        // Digits, colons, dots and slashes: there is nothing to escape.
        writer.WriteRawValue(buffer.AsSpan(0, at), skipInputValidation: true);
        ArrayPool<byte>.Shared.Return(buffer);
    }

    private static int WriteAddress(ReadOnlySpan<byte> address, Span<byte> to)
    {
        if (address.Length == 16) return new IPAddress(address).TryFormat(to, out var written) ? written : 0;
        var at = 0;
        for (var i = 0; i < 4; i++)
        {
            if (i > 0) to[at++] = (byte)'.';
            at += WriteNumber(address[i], to[at..]);
        }

        return at;
    }

    private static int WriteNumber(int value, Span<byte> to)
    {
        var at = 0;
        if (value >= 100) to[at++] = (byte)('0' + (value / 100));
        if (value >= 10) to[at++] = (byte)('0' + (value / 10 % 10));
        to[at++] = (byte)('0' + (value % 10));
        return at;
    }
}
