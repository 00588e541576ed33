namespace Gateway.Dataplane.Esp;

/// <summary>Explicit congestion notification across a tunnel (RFC 6040), on the two low bits of the traffic class.</summary>
internal static class Ecn
{
    public const byte NotEct = 0;
    public const byte Ect1 = 1;
    public const byte Ect0 = 2;
    public const byte Ce = 3;

    /// <summary>The result of <see cref="Leave"/> for a packet that must be dropped.</summary>
    public const byte Drop = 4;

    // RFC 6040 §4.2, Figure 4: rows are the arriving inner field, columns the arriving outer field, both in the order Not-ECT, ECT(1), ECT(0), CE of their bits.
    private static ReadOnlySpan<byte> Outgoing =>
    [
        NotEct, NotEct, NotEct, Drop,
        Ect1, Ect1, Ect1, Ce,
        Ect0, Ect1, Ect0, Ce,
        Ce, Ce, Ce, Ce,
    ];

    /// <summary>The inner field after decapsulation, or <see cref="Drop"/>: congestion was marked on a packet whose ends do not understand it.</summary>
    public static byte Leave(int inner, int outer) => Outgoing[(inner & 3) << 2 | (outer & 3)];
}
