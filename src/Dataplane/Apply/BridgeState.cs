namespace Gateway.Dataplane.Apply;

/// <summary>A bridge as the control side knows it.</summary>
internal sealed class BridgeState
{
    /// <summary>Its number among the bridges that workers see.</summary>
    public required uint Number { get; init; }

    public required BridgeSettings Settings { get; set; }

    /// <summary>The interfaces that have joined, the routed member excepted.</summary>
    public List<InterfaceState> Present { get; } = [];

    public InterfaceState? Bvi { get; set; }

    /// <summary>Monotonic nanoseconds from which on its stations are looked through for old ones.</summary>
    public long NextAging { get; set; }
}
