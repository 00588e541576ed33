namespace Gateway.Policy.Items;

/// <summary>
/// A routing table of its own (<c>vrf</c>): <c>{"description":"customer blue"}</c>. Interfaces and routes name it. Its addresses may be those of another one, and nothing passes from one to the other but by a route that says so. What names no VRF
/// belongs to <c>default</c>, which is always there.
/// </summary>
public sealed record VrfSpec : ItemSpec
{
    /// <summary>What it is for, in at most 255 octets.</summary>
    public string? Description { get; init; }

    /// <summary>Name of the VRF of all that names none.</summary>
    public const string Default = "default";

    /// <summary>Null for the default one, however it is named.</summary>
    public static string? Canonical(string? name) => name == Default ? null : name;
}
