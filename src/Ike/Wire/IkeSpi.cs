namespace Gateway.Ike.Wire;

/// <summary>The 8-octet SPI that one side gave its end of an IKE SA (RFC 7296 §3.1); zero means "not chosen yet".</summary>
public readonly record struct IkeSpi(ulong Value)
{
    public static IkeSpi None => default;

    public bool IsNone => Value == 0;

    public override string ToString() => Value.ToString("x16");
}

/// <summary>Both SPIs of an IKE SA: its name on the wire (RFC 7296 §2.6).</summary>
public readonly record struct IkeSpiPair(IkeSpi Initiator, IkeSpi Responder)
{
    public override string ToString() => $"{Initiator}_i {Responder}_r";
}
