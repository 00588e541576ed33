namespace Gateway.Policy.Commands;

/// <summary>How a command ended.</summary>
public enum OutcomeStatus
{
    Accepted,
    Rejected,
    Duplicate,
    Planned,
}

/// <summary>The one answer to a command.</summary>
public sealed record Outcome
{
    public required string Id { get; init; }

    public required OutcomeStatus Status { get; init; }

    /// <summary>The revision that the transaction made, or would make.</summary>
    public long? Revision { get; init; }

    /// <summary>Position of the command's last event.</summary>
    public long? Position { get; init; }

    public ValueList<ItemOutcome> Items { get; init; }

    public ValueList<CommandError> Errors { get; init; }

    /// <summary>With <see cref="OutcomeStatus.Planned"/>: the ordered steps.</summary>
    public ValueList<string> Steps { get; init; }

    /// <summary>With <see cref="OutcomeStatus.Duplicate"/>: the first outcome's status.</summary>
    public OutcomeStatus? First { get; init; }
}

/// <summary>Where an item stands after its transaction.</summary>
public enum ItemState
{
    Applied,
    Pending,
    Deleted,
    Unchanged,

    /// <summary>With 'replace': it was not put, but belongs to somebody else, and stays.</summary>
    Kept,
}

/// <summary>State of one item; pending with what it waits for.</summary>
public sealed record ItemOutcome(string Item, ItemState State, string? WaitsFor = null);

/// <summary>One thing wrong with a command.</summary>
/// <param name="Item"><c>kind/name</c>, or empty for the command itself.</param>
/// <param name="Path">JSON path from the command's root, as <c>$.put[0].spec.mtu</c>.</param>
/// <param name="Code">Stable kebab-case word, see <c>docs/errors.md</c>.</param>
/// <param name="Message">A sentence for people; holds no secret.</param>
public sealed record CommandError(string Item, string Path, string Code, string Message);
