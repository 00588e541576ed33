namespace Gateway.Policy.Journal;

/// <summary>When an append may be answered.</summary>
public enum Durability
{
    /// <summary>On stable storage before the append returns: commands.</summary>
    Synced,

    /// <summary>Survives the process at once, and the power within 50 ms: facts about SAs.</summary>
    Soon,
}

/// <summary>Identity of a command for idempotency: the same key never leads to a second decision.</summary>
public readonly record struct CommandKey(Principal Principal, string Id);

/// <summary>What is known of a command that was decided before.</summary>
/// <param name="BodyHash">SHA-256 of the canonical body, so that the same id with another body is seen.</param>
/// <param name="Outcome">The first outcome, as JSON.</param>
public sealed record RecordedCommand(CommandKey Key, Octets BodyHash, long FirstPosition, Octets Outcome);

/// <summary>Events to store in one atomic append; the envelopes already carry position and hash.</summary>
public sealed record AppendBatch(IReadOnlyList<Envelope> Envelopes, IReadOnlyList<RecordedCommand> Commands, Durability Durability);

/// <summary>Where the stream ends.</summary>
public readonly record struct JournalHead(long Position, Octets Hash)
{
    public static JournalHead Empty => new(0, HashChain.Genesis);
}

/// <summary>
/// One ordered stream per gateway. There is one writer, which numbers and chains the events (the sequencer in the Host); an implementation stores them,
/// refuses an append whose first position does not follow the stored head (<see cref="JournalConflictException"/>), and reads them back.
/// Implementations: SQLite, EventStoreDB, memory.
/// </summary>
public interface IJournal : IAsyncDisposable
{
    /// <summary>Opens the stream for writing, checks its end against the head anchor, and returns its head.</summary>
    ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken);

    /// <summary>Stores the batch atomically. Commands are unique by key in the same transaction.</summary>
    ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken);

    /// <summary>Events from <paramref name="from"/> (inclusive) to the head at the time of the call, in order.</summary>
    IAsyncEnumerable<Envelope> ReadAsync(long from, CancellationToken cancellationToken);

    /// <summary>Like <see cref="ReadAsync"/>, many events at a time: for those who read much.</summary>
    IAsyncEnumerable<IReadOnlyList<Envelope>> ReadPagesAsync(long from, CancellationToken cancellationToken) => JournalPages.Of(ReadAsync(from, cancellationToken), cancellationToken);

    /// <summary>Where the stream begins when older events were archived; null when it begins at 1. Reading below it ends with a <see cref="JournalArchivedException"/>.</summary>
    ValueTask<JournalBase?> BaseAsync(CancellationToken cancellationToken) => ValueTask.FromResult<JournalBase?>(null);

    /// <summary>Like <see cref="ReadAsync"/>, then goes on with new events until cancelled.</summary>
    IAsyncEnumerable<Envelope> FollowAsync(long from, CancellationToken cancellationToken);

    /// <summary>The command recorded under <paramref name="key"/>, or null.</summary>
    ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken);
}

/// <summary>Somebody else wrote to the stream: this process must not go on writing.</summary>
public sealed class JournalConflictException(string message) : Exception(message);

/// <summary>The stored stream is damaged, truncated or foreign. <see cref="Position"/> is the first bad one.</summary>
public sealed class JournalDamagedException(long position, string message) : Exception(message)
{
    public long Position { get; } = position;
}
