namespace Gateway.Host.Vici.Server;

/// <summary>What the vici door tells the operator; event ids 600–619.</summary>
internal static partial class ViciLog
{
    [LoggerMessage(600, LogLevel.Warning, "A vici client could not be accepted: {Reason}")]
    public static partial void NotAccepted(ILogger log, string reason);

    [LoggerMessage(601, LogLevel.Warning, "A vici client was turned away: there are {Count} already.")]
    public static partial void TooMany(ILogger log, int count);

    [LoggerMessage(602, LogLevel.Information, "The vici client {Principal} was put off: {Reason}.")]
    public static partial void Ended(ILogger log, string principal, string reason);

    [LoggerMessage(603, LogLevel.Error, "The vici command {Command} met a fault.")]
    public static partial void Fault(ILogger log, string command, Exception e);

    [LoggerMessage(604, LogLevel.Warning, "{Connection} was loaded over vici without {Setting}")]
    public static partial void NotCarriedOver(ILogger log, string connection, string setting);
}
