namespace Gateway.Host.Bus;

/// <summary>What the bus tells the operator; event ids 450–499. Never a body, never a password.</summary>
internal static partial class BusLog
{
    [LoggerMessage(450, LogLevel.Information, "Connected to the broker {Broker}.")]
    public static partial void Connected(ILogger log, string broker);

    [LoggerMessage(451, LogLevel.Warning, "The broker {Broker} is not connected: {Why}. Packets are forwarded on; commands and events wait.")]
    public static partial void NotConnected(ILogger log, string broker, string why);

    [LoggerMessage(452, LogLevel.Warning, "A message of type {Type} could not be published ({Why}).")]
    public static partial void NotPublished(ILogger log, string type, string why);

    [LoggerMessage(454, LogLevel.Warning, "The connection to the broker {Broker} is not encrypted: whoever is on the way reads commands with their secrets. Use amqps.")]
    public static partial void NotEncrypted(ILogger log, string broker);

    [LoggerMessage(455, LogLevel.Warning, "A request for events could not be answered ({Why}).")]
    public static partial void NotReplayed(ILogger log, string why);

    [LoggerMessage(453, LogLevel.Warning, "The bus checkpoint cannot be written: {Why} After a restart some events are published again.")]
    public static partial void CheckpointNotWritten(ILogger log, string why);
}
