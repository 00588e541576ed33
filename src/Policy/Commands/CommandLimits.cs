namespace Gateway.Policy.Commands;

/// <summary>What one command may cost.</summary>
public sealed record CommandLimits
{
    /// <summary>JSON nests no deeper.</summary>
    public const int MaxDepth = 32;

    public static CommandLimits Default { get; } = new();

    /// <summary>Octets of the message.</summary>
    public int MaxBytes { get; init; } = 4 * 1024 * 1024;

    /// <summary>Puts and deletes of one transaction, together.</summary>
    public int MaxItems { get; init; } = 100_000;

    /// <summary>Errors that are listed; the last place tells that there are more.</summary>
    public int MaxErrors { get; init; } = 100;
}
