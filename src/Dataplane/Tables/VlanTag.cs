namespace Gateway.Dataplane.Tables;

/// <summary>What tells a VLAN in a tag: its TPID and its number.</summary>
/// <param name="Protocol">The TPID: <see cref="Dot1q"/> or <see cref="Dot1ad"/>.</param>
/// <param name="Id">1 to 4094.</param>
public readonly record struct VlanTag(ushort Protocol, ushort Id)
{
    /// <summary>TPID of a customer tag (IEEE 802.1Q).</summary>
    public const int Dot1q = 0x8100;

    /// <summary>TPID of a service tag (IEEE 802.1ad).</summary>
    public const int Dot1ad = 0x88A8;

    /// <summary>The twelve bits of the number; above them are priority and drop eligibility.</summary>
    public const int IdMask = 0xFFF;

    /// <summary>The tag as a 32-bit word, priority 0.</summary>
    internal uint Word => (uint)Protocol << 16 | Id;
}
