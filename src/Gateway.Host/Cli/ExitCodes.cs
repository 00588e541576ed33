namespace Gateway.Host.Cli;

/// <summary>Exit codes of every verb.</summary>
public static class ExitCodes
{
    public const int Done = 0;

    /// <summary>The gateway said no, or there is no such thing.</summary>
    public const int Rejected = 1;

    public const int Usage = 2;

    public const int Unreachable = 3;
}
