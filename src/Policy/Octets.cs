using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace Gateway.Policy;

/// <summary>Immutable bytes that compare by content, so that records which hold them do too. Never for secrets. JSON: lower-case hexadecimal.</summary>
[JsonConverter(typeof(JsonAsHex))]
public readonly struct Octets : IEquatable<Octets>
{
    private readonly byte[]? _bytes;

    /// <summary>Copies <paramref name="bytes"/>.</summary>
    public Octets(ReadOnlySpan<byte> bytes) => _bytes = bytes.ToArray();

    private Octets(byte[]? bytes, bool owned) => _bytes = owned ? bytes : bytes?.ToArray();

    /// <summary>No bytes.</summary>
    public static Octets Empty => default;

    /// <summary>Number of bytes.</summary>
    public int Length => _bytes?.Length ?? 0;

    public bool IsEmpty => Length == 0;

    public ReadOnlySpan<byte> Span => _bytes;

    public ReadOnlyMemory<byte> Memory => _bytes;

    /// <summary>Takes the array itself, which nobody may write to any more.</summary>
    public static Octets Owning(byte[] bytes) => new(bytes, owned: true);

    /// <summary>Takes hexadecimal digits of either case; throws <see cref="FormatException"/> on others.</summary>
    public static Octets FromHex(string hex) => new(Convert.FromHexString(hex));

    public bool Equals(Octets other) => Span.SequenceEqual(other.Span);

    public override bool Equals([NotNullWhen(true)] object? obj) => obj is Octets other && Equals(other);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        hash.AddBytes(Span);
        return hash.ToHashCode();
    }

    public override string ToString() => Convert.ToHexStringLower(Span);

    public static bool operator ==(Octets left, Octets right) => left.Equals(right);

    public static bool operator !=(Octets left, Octets right) => !left.Equals(right);

    public static implicit operator Octets(byte[] bytes) => new(bytes);

    private sealed class JsonAsHex : JsonConverter<Octets>
    {
        public override Octets Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            try
            {
                return FromHex(reader.GetString() ?? "");
            }
            catch (FormatException)
            {
                throw new JsonException("Expected hexadecimal digits.");
            }
        }

        public override void Write(Utf8JsonWriter writer, Octets value, JsonSerializerOptions options) => writer.WriteStringValue(value.ToString());
    }
}
