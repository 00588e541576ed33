using System.Text.Json;

namespace Gateway.Host.Api.Views;

/// <summary>The configuration at a moment.</summary>
public sealed record ConfigView(long Revision, long Position, DateTimeOffset? Time, IReadOnlyList<ItemView> Items);

/// <summary>An item as it was accepted; a secret shows its handle only.</summary>
/// <param name="Owner">The principal that it belongs to; null = nobody.</param>
public sealed record ItemView(string Kind, string Name, JsonElement Spec, string? Owner = null);

/// <summary>One event for people: who, when, why, from which door.</summary>
public sealed record HistoryRow
{
    public required long Position { get; init; }

    public required DateTimeOffset Time { get; init; }

    public required string Subject { get; init; }

    public required string Event { get; init; }

    public required string Principal { get; init; }

    public string? Issuer { get; init; }

    public string? CommandId { get; init; }

    public long? Revision { get; init; }

    public string? Reason { get; init; }

    /// <summary>A sentence.</summary>
    public required string Summary { get; init; }

    public required JsonElement Data { get; init; }
}

/// <summary>An item that differs: <c>put</c> (new), <c>delete</c> (gone) or <c>change</c>.</summary>
public sealed record DiffRow(string Change, string Item, JsonElement? From, JsonElement? To);

/// <summary>Result of verifying the journal.</summary>
public sealed record VerifyView(bool Intact, long Events, long Position, string Hash, long? FirstBad, string? Problem);

/// <summary>A traced packet: the nodes it passed.</summary>
public sealed record TraceView(long Number, string Interface, IReadOnlyList<TraceStep> Steps);

/// <summary>One node of a packet's way.</summary>
public sealed record TraceStep(string Node, string Text);
