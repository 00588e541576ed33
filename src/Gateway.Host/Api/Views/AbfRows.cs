namespace Gateway.Host.Api.Views;

/// <summary>A row of <c>show abf</c>: a policy of forwarding.</summary>
public sealed record AbfRow
{
    public required string Name { get; init; }

    public required string Acl { get; init; }

    /// <summary>Those that ask it.</summary>
    public required IReadOnlyList<string> Interfaces { get; init; }

    public required IReadOnlyList<AbfHopRow> NextHops { get; init; }

    /// <summary>What becomes of its packets while all next hops are away: <c>route</c> or <c>drop</c>.</summary>
    public required string Fallback { get; init; }

    /// <summary>Packets that a rule of it matched.</summary>
    public required ulong Packets { get; init; }

    public required ulong Bytes { get; init; }

    /// <summary>When one policy was asked for by its name: the rules of its ACL with what they matched here.</summary>
    public IReadOnlyList<AbfRuleRow>? Entries { get; init; }
}

/// <summary>A next hop of a policy.</summary>
/// <param name="State"><c>up</c>, or <c>away</c>: no link, or it does not answer.</param>
/// <param name="Share">Of 256 parts of the flows.</param>
public sealed record AbfHopRow(string? Via, string? Interface, int Weight, string State, int Share);

/// <summary>A rule of the ACL of a policy.</summary>
public sealed record AbfRuleRow(string Name, ulong Packets, ulong Bytes);
