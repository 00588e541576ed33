namespace Gateway.Policy.Journal;

/// <summary>One stored event. Positions are contiguous from 1; <see cref="Hash"/> covers the previous hash and every other field (see <see cref="HashChain"/>).</summary>
public sealed record Envelope
{
    /// <summary>1 for the first event of the stream.</summary>
    public required long Position { get; init; }

    /// <summary>What the event is about: <c>interface/wan</c>, <c>ike-sa/12</c>, <c>gateway</c>.</summary>
    public required string Subject { get; init; }

    /// <summary>Stable name with version, for example <c>config.interface-put.v1</c>; apart from any CLR name.</summary>
    public required string Name { get; init; }

    /// <summary>When it was decided, UTC, by the gateway's clock.</summary>
    public required DateTimeOffset Time { get; init; }

    /// <summary>The sender's id of the command that caused it, if one did.</summary>
    public string? CommandId { get; init; }

    public required Principal Principal { get; init; }

    /// <summary>The sender's own label; nothing is decided by it.</summary>
    public string? Issuer { get; init; }

    /// <summary>Position of the event that caused this one.</summary>
    public long? Cause { get; init; }

    /// <summary>UTF-8 JSON.</summary>
    public required Octets Data { get; init; }

    /// <summary>SHA-256, 32 octets.</summary>
    public required Octets Hash { get; init; }
}
