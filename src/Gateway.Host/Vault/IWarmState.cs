namespace Gateway.Host.Vault;

/// <summary>Kinds of warm state; the number is part of the files' format.</summary>
internal enum WarmKind : ushort
{
    Neighbors = 1,
}

/// <summary>
/// Something learned that a crash should not lose (neighbors; sessions of a NAT and leases of addresses are of the same sort). It is saved as a whole, within
/// bounds, and may be found missing at any time.
/// </summary>
internal interface IWarmState
{
    WarmKind Kind { get; }

    /// <summary>Of the form that <see cref="Save"/> writes; what another version wrote is not read.</summary>
    ushort Version { get; }

    /// <summary>Most octets of it.</summary>
    int Capacity { get; }

    /// <summary>What was saved longer ago is not trusted.</summary>
    TimeSpan LongestAway { get; }

    /// <summary>Its present content. The same content must give the same octets, so that it need not be written again.</summary>
    byte[] Save();

    /// <summary>Takes back what <see cref="Save"/> gave to the process before; must not throw on any octets.</summary>
    void Restore(ReadOnlySpan<byte> content);
}
