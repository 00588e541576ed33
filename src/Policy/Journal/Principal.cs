namespace Gateway.Policy.Journal;

/// <summary>Who really spoke: the door, and what the transport proved about the speaker. Never what a message says of itself.</summary>
/// <param name="Door"><c>bus</c>, <c>http</c>, <c>cli</c>, <c>vici</c>, <c>config</c> (appliance.json), <c>gateway</c> (the box itself) or <c>ike</c>.</param>
/// <param name="Name">For example <c>uid:0</c>, <c>user:onap</c> (validated by the broker), <c>cn:orchestrator</c>, <c>-</c> when nothing was proved.</param>
public sealed record Principal(string Door, string Name)
{
    /// <summary>The gateway acting by itself.</summary>
    public static Principal Gateway { get; } = new("gateway", "-");

    public override string ToString() => $"{Door}:{Name}";
}
