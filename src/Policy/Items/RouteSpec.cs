using System.Net;

namespace Gateway.Policy.Items;

/// <summary>A static route (<c>route</c>): <c>{"to":"0.0.0.0/0","via":"198.51.100.254"}</c>.</summary>
public sealed record RouteSpec : ItemSpec
{
    public required IpPrefix To { get; init; }

    /// <summary>Next hop; without it the destination is on-link of <see cref="Interface"/>.</summary>
    public IPAddress? Via { get; init; }

    /// <summary>Name of an interface item; without it the one whose subnet holds <see cref="Via"/>.</summary>
    public string? Interface { get; init; }

    /// <summary>Drop what it matches and count it.</summary>
    public bool Blackhole { get; init; }
}
