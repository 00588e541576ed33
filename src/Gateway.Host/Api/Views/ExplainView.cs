namespace Gateway.Host.Api.Views;

/// <summary>What becomes of a packet, and why.</summary>
public sealed record ExplainView
{
    /// <summary>The question.</summary>
    public required string Flow { get; init; }

    /// <summary><c>passes</c>, <c>delivered</c> (it is for the gateway), <c>dropped</c>, <c>refused</c> (its sender is told) or <c>waits</c> (for an SA).</summary>
    public required string Verdict { get; init; }

    /// <summary>The verdict for people, in one line.</summary>
    public required string Sentence { get; init; }

    /// <summary>Of a packet that is dropped or refused: node and reason, as <c>show counters</c> names them.</summary>
    public string? Reason { get; init; }

    /// <summary>The interfaces that it leaves by; several when it is flooded.</summary>
    public IReadOnlyList<string> Interfaces { get; init; } = [];

    /// <summary>Revision of the configuration that was asked.</summary>
    public required long Revision { get; init; }

    /// <summary>Position of the journal.</summary>
    public required long Position { get; init; }

    public required DateTimeOffset Time { get; init; }

    /// <summary>The packet's way, in its order.</summary>
    public required IReadOnlyList<ExplainStep> Steps { get; init; }

    /// <summary>What was taken for granted, or stands differently in the gateway that runs.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];

    /// <summary>The same for the packet that answers; null when it was not asked, or nothing answers.</summary>
    public ExplainView? Reply { get; init; }
}

/// <summary>A node of a packet's way, and what decided there.</summary>
public sealed record ExplainStep
{
    /// <summary>The node, as in <c>docs/packet-walk.md</c>.</summary>
    public required string Node { get; init; }

    /// <summary>What the node made of it, for people.</summary>
    public required string What { get; init; }

    /// <summary>The item that says so, as KIND/NAME; null when none does.</summary>
    public string? Item { get; init; }

    /// <summary>The line of the item: a rule, a child; null for the item as a whole.</summary>
    public string? Line { get; init; }

    /// <summary>The transaction that made it so, the time, who asked for it, and why.</summary>
    public long? Revision { get; init; }

    public DateTimeOffset? Time { get; init; }

    public string? Principal { get; init; }

    public string? Issuer { get; init; }

    /// <summary>The reason that was given with the command.</summary>
    public string? Why { get; init; }

    /// <summary>Why it was dropped here; null when it was not.</summary>
    public string? Drop { get; init; }
}
