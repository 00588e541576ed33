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
}
