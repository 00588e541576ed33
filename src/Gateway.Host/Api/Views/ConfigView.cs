using System.Text.Json;
using System.Text.Json.Nodes;

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
/// <param name="Fields">With <c>change</c>: the fields that differ.</param>
public sealed record DiffRow(string Change, string Item, JsonElement? From, JsonElement? To, IReadOnlyList<FieldRow>? Fields = null);

/// <summary>A field that differs: its path below the spec and both values; null = not there. Of a secret only that it differs is told.</summary>
public sealed record FieldRow(string Path, JsonNode? From, JsonNode? To);

/// <summary>A line of the configuration and the command that made it so.</summary>
public sealed record BlameRow
{
    /// <summary><c>kind/name</c>.</summary>
    public required string Item { get; init; }

    /// <summary>Below the spec, as <c>children.net.local_ts</c>.</summary>
    public required string Path { get; init; }

    public required JsonElement Value { get; init; }

    public required long Revision { get; init; }

    /// <summary>Of the event.</summary>
    public required long Position { get; init; }

    public required DateTimeOffset Time { get; init; }

    /// <summary>Door and proven name.</summary>
    public required string Principal { get; init; }

    public string? Issuer { get; init; }

    public string? CommandId { get; init; }

    public string? Reason { get; init; }
}

/// <summary>Result of verifying the journal.</summary>
/// <param name="Intact">Nothing was found to be wrong.</param>
/// <param name="Events">Events that were read and are sound.</param>
/// <param name="Position">The last of them.</param>
/// <param name="FirstBad">The first position that is missing, moved or changed.</param>
public sealed record VerifyView(bool Intact, long Events, long Position, string Hash, long? FirstBad, string? Problem)
{
    /// <summary>Events up to here were archived; 0 = none.</summary>
    public long Begin { get; init; }

    /// <summary>Signed heads that were right.</summary>
    public int SignedHeads { get; init; }

    /// <summary>Up to this position a signature vouches for every event; 0 = for none.</summary>
    public long SignedUpTo { get; init; }

    /// <summary>Fingerprint of the key that the signatures were held to.</summary>
    public string? Key { get; init; }

    /// <summary>How often an event bears an earlier time than the one before it.</summary>
    public long ClockSteps { get; init; }
}

/// <summary>The public key by which heads and bundles are verified.</summary>
/// <param name="Fingerprint">SHA-256 of the SubjectPublicKeyInfo.</param>
public sealed record KeyView(string Gateway, string Algorithm, string Fingerprint, string Pem);

/// <summary>What was archived; null when there was nothing left to.</summary>
/// <param name="Bundle">Path on the gateway's machine.</param>
public sealed record ArchiveView(long? From, long? To, string? Bundle);

/// <summary>A traced packet: the nodes it passed.</summary>
public sealed record TraceView(long Number, string Interface, IReadOnlyList<TraceStep> Steps);

/// <summary>One node of a packet's way.</summary>
/// <param name="Text">When, how long, and the octets from the current header on.</param>
public sealed record TraceStep(string Node, string Text)
{
    /// <summary>What decided there, as <c>gateway explain</c> says it; null when nothing that has a name did.</summary>
    public string? What { get; init; }

    /// <summary>The item that says so, as KIND/NAME, and its line: a rule, a child.</summary>
    public string? Item { get; init; }

    /// <inheritdoc cref="Item"/>
    public string? Line { get; init; }

    /// <summary>The transaction that made it so.</summary>
    public long? Revision { get; init; }

    /// <summary>Why the packet was dropped here, as <c>show counters</c> names it; null when it was not.</summary>
    public string? Drop { get; init; }

    /// <summary>Microseconds since its first step, and octets of the packet.</summary>
    public double Microseconds { get; init; }

    /// <inheritdoc cref="Microseconds"/>
    public uint Length { get; init; }
}
