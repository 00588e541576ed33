namespace Gateway.Host.Journal;

/// <summary>What the journal tells the operator; event ids 150–169.</summary>
internal static partial class JournalLog
{
    [LoggerMessage(150, LogLevel.Warning, "The event store cannot be used yet, and the gateway waits for it: {Reason}")]
    public static partial void Waiting(ILogger log, string reason);

    [LoggerMessage(151, LogLevel.Error, "The event store is not reachable: {Reason} Packets are forwarded on; facts wait in the spool, commands are refused until it is back.")]
    public static partial void Lost(ILogger log, string reason);

    [LoggerMessage(152, LogLevel.Information, "The event store at {Node} is reachable again; {Waiting} events wait in the spool.")]
    public static partial void Back(ILogger log, string node, int waiting);

    [LoggerMessage(153, LogLevel.Warning, "It is not known whether the event store has taken positions {First} to {Last}; they are kept in the spool and sent until it says so.")]
    public static partial void Unclear(ILogger log, long first, long last);

    [LoggerMessage(154, LogLevel.Information, "The journal is stream {Stream} at {Node}, position {Position}; {Waiting} events of an earlier run wait in the spool.")]
    public static partial void Opened(ILogger log, string stream, string node, long position, int waiting);

    [LoggerMessage(155, LogLevel.Critical, "The stream cannot be written any more by this process: {Reason}")]
    public static partial void Ended(ILogger log, string reason);

    [LoggerMessage(160, LogLevel.Information, "Read up to position {Position}: {Folded} events behind the snapshot at {Snapshot}, in {Milliseconds} ms.")]
    public static partial void Replayed(ILogger log, long position, long folded, long snapshot, long milliseconds);

    [LoggerMessage(161, LogLevel.Debug, "There is a snapshot at position {Position}.")]
    public static partial void SnapshotMade(ILogger log, long position);

    [LoggerMessage(162, LogLevel.Warning, "No snapshot could be made; the next start takes longer: {Why}")]
    public static partial void SnapshotNotMade(ILogger log, string why);

    [LoggerMessage(163, LogLevel.Warning, "The last event of the journal bears the time {Time}, which is {Ahead} ahead of this machine's clock: one of the two was wrong. Positions keep the order; times before {Time} find what came before it.")]
    public static partial void FromTheFuture(ILogger log, DateTimeOffset time, TimeSpan ahead);

    [LoggerMessage(164, LogLevel.Warning, "The journal's head could not be signed: {Why}")]
    public static partial void NotSigned(ILogger log, string why);

    [LoggerMessage(165, LogLevel.Information, "Made the key that signs the journal's heads: {Fingerprint}. Keep the public key elsewhere (gateway key export).")]
    public static partial void KeyMade(ILogger log, string fingerprint);

    [LoggerMessage(166, LogLevel.Information, "Positions up to {Position} are in the bundle {Bundle} now.")]
    public static partial void Archived(ILogger log, long position, string bundle);

    [LoggerMessage(167, LogLevel.Warning, "Old events could not be archived: {Why}")]
    public static partial void NotArchived(ILogger log, string why);

    [LoggerMessage(168, LogLevel.Warning, "This machine's clock was set {Direction} by {Step} before position {Position}. Positions keep the order; a question about a time close to it means the last event that is not later.")]
    public static partial void ClockStepped(ILogger log, string direction, TimeSpan step, long position);
}
