namespace Gateway.Dataplane.Apply;

/// <summary>UDP ports that IKE is spoken on.</summary>
/// <param name="Ike">IKE alone (RFC 7296 §2).</param>
/// <param name="Nat">IKE behind a marker, and ESP (RFC 3948).</param>
public readonly record struct IkePorts(ushort Ike, ushort Nat)
{
    public static IkePorts Default => new(500, 4500);
}
