using System.Net;

namespace Gateway.Policy.Items;

/// <summary>A static neighbor (<c>neighbor</c>): <c>{"interface":"wan","address":"198.51.100.254","mac":"02:00:00:00:00:fe"}</c>.</summary>
public sealed record NeighborSpec : ItemSpec
{
    public required string Interface { get; init; }

    public required IPAddress Address { get; init; }

    public required MacAddress Mac { get; init; }
}
