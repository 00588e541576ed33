namespace Gateway.Host.Control;

/// <summary>How patient the reconciler is.</summary>
public sealed record ReconcilerOptions
{
    /// <summary>Wait after the first failed attempt; doubled with each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(200);

    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>How long an outcome waits for the first attempt to apply its items.</summary>
    public TimeSpan OutcomePatience { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>How long one call of a descriptor may take before it is cancelled and counts as failed.</summary>
    public TimeSpan StepTimeout { get; init; } = TimeSpan.FromSeconds(10);
}
