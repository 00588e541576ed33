namespace Gateway.Host.Api;

/// <summary>What the HTTP interface tells the operator; event ids 400–449.</summary>
internal static partial class ApiLog
{
    [LoggerMessage(400, LogLevel.Error, "The request {Path} failed.")]
    public static partial void RequestFailed(ILogger log, string path, Exception e);
}
