namespace Gateway.Host.Bus.Replay;

/// <summary>A piece of the answer to a <see cref="ReplayRequest"/>: events in order, without gaps within and between the pieces.</summary>
public sealed record ReplayBatch
{
    public required string Gateway { get; init; }

    /// <summary>The journal's last position at the time of the answer.</summary>
    public long Head { get; init; }

    /// <summary>As they were published first.</summary>
    public IReadOnlyList<EventMessage> Events { get; init; } = [];

    /// <summary>This is the last piece.</summary>
    public bool Last { get; init; }

    /// <summary>With the last piece: there is more than one answer holds; ask again from here.</summary>
    public long? Next { get; init; }

    /// <summary>Instead of events.</summary>
    public ReplayError? Error { get; init; }
}
