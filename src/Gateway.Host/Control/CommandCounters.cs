namespace Gateway.Host.Control;

/// <summary>What the command handler counts without journalling it.</summary>
public sealed class CommandCounters
{
    private long _undecodable;
    private long _accepted;
    private long _rejected;
    private long _rejectedUnjournalled;
    private long _duplicates;
    private long _planned;
    private long _unavailable;
    private long _overLimit;

    /// <summary>Messages that are no commands: too long, no JSON, without an id.</summary>
    public long Undecodable => Interlocked.Read(ref _undecodable);

    public long Accepted => Interlocked.Read(ref _accepted);

    public long Rejected => Interlocked.Read(ref _rejected);

    /// <summary>Rejections beyond what one principal may have journalled.</summary>
    public long RejectedUnjournalled => Interlocked.Read(ref _rejectedUnjournalled);

    public long Duplicates => Interlocked.Read(ref _duplicates);

    public long Planned => Interlocked.Read(ref _planned);

    /// <summary>Commands that could not be taken because the journal or the vault could not be written.</summary>
    public long Unavailable => Interlocked.Read(ref _unavailable);

    /// <summary>Commands beyond what their sender may send or have in flight.</summary>
    public long OverLimit => Interlocked.Read(ref _overLimit);

    /// <summary>What is shown: name, value, and what it means.</summary>
    internal IEnumerable<(string Name, long Value, string Text)> Rows =>
    [
        ("accepted", Accepted, "A command was accepted."),
        ("rejected", Rejected, "A command was rejected."),
        ("rejected-unjournalled", RejectedUnjournalled, "A rejection was not journalled, because its sender has had too many."),
        ("duplicate", Duplicates, "A command came again and got its first outcome."),
        ("planned", Planned, "A transaction was planned."),
        ("over-limit", OverLimit, "A command was refused, because its sender has too many in flight or sends too fast."),
        ("undecodable", Undecodable, "A message was no command: too long, no JSON, or without an id."),
        ("unavailable", Unavailable, "A command could not be taken, because the journal or the vault could not be written."),
    ];

    internal void CountUndecodable() => Interlocked.Increment(ref _undecodable);

    internal void CountAccepted() => Interlocked.Increment(ref _accepted);

    internal void CountRejected() => Interlocked.Increment(ref _rejected);

    internal void CountRejectedUnjournalled() => Interlocked.Increment(ref _rejectedUnjournalled);

    internal void CountDuplicate() => Interlocked.Increment(ref _duplicates);

    internal void CountPlanned() => Interlocked.Increment(ref _planned);

    internal void CountUnavailable() => Interlocked.Increment(ref _unavailable);

    internal void CountOverLimit() => Interlocked.Increment(ref _overLimit);
}
