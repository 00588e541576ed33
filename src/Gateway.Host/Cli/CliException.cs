namespace Gateway.Host.Cli;

/// <summary>Ends a verb with a one-line message and an exit code.</summary>
internal sealed class CliException(int code, string message) : Exception(message)
{
    public int Code { get; } = code;
}
