using System.Text.Json;
using System.Text.Json.Serialization;
using Gateway.Policy;

namespace Gateway.Host.Journal.EventStore;

/// <summary>What stands in the metadata of an event in the store, as JSON. Stored forever: members may be added, never changed.</summary>
internal sealed record EventMetadata
{
    public required long Position { get; init; }

    public required string Subject { get; init; }

    public required DateTimeOffset Time { get; init; }

    public string? CommandId { get; init; }

    public required string Door { get; init; }

    public required string Who { get; init; }

    public string? Issuer { get; init; }

    public long? Cause { get; init; }

    /// <summary>Of the chain.</summary>
    public required Octets Hash { get; init; }

    /// <summary>How the data is encoded; absent = plain JSON, <c>br</c> = Brotli.</summary>
    public string? Encoding { get; init; }

    /// <summary>The commands that end with this event.</summary>
    public IReadOnlyList<Command>? Commands { get; init; }

    internal sealed record Command
    {
        public required string Door { get; init; }

        public required string Who { get; init; }

        public required string Id { get; init; }

        /// <summary>Digest of the canonical body.</summary>
        public required Octets Body { get; init; }

        /// <summary>Position of its first event.</summary>
        public required long First { get; init; }

        public string? Encoding { get; init; }

        /// <summary>The first outcome, JSON, in base64.</summary>
        public required byte[] Outcome { get; init; }
    }
}

/// <summary>How the metadata is written and read.</summary>
internal static class EventMetadataJson
{
    public static JsonSerializerOptions Options { get; } = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
    };
}
