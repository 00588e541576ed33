namespace Gateway.Policy.Items;

/// <summary>A cross-connect of two interfaces (<c>cross-connect</c>): every frame that comes in by one leaves by the other, whatever it holds: <c>{"a":"port1","b":"uplink.100"}</c>.</summary>
public sealed record CrossConnectSpec : ItemSpec
{
    /// <summary>Name of an interface without addresses that is in no bridge.</summary>
    public required string A { get; init; }

    /// <summary>Name of the other one.</summary>
    public required string B { get; init; }
}
