using Gateway.Policy;

namespace Gateway.Ike.Proposals;

/// <summary>
/// A set of transforms for one protocol: as offered, the alternatives of each type in order of preference; as chosen, one of each type.
/// </summary>
/// <param name="Number">RFC 7296 §3.3.1: position in the SA payload, from 1; 0 while it is configuration.</param>
/// <param name="Protocol">What the SA is for.</param>
/// <param name="Spi">The sender's SPI: empty in IKE_SA_INIT, 8 octets when an IKE SA is rekeyed, 4 for ESP and AH.</param>
/// <param name="Transforms">In order of preference within each type.</param>
public sealed record Proposal(byte Number, SaProtocol Protocol, Octets Spi, ValueList<Transform> Transforms)
{
    /// <summary>The alternatives of one type, most wanted first.</summary>
    public IEnumerable<Transform> Of(TransformType type) => Transforms.Where(t => t.Type == type);

    /// <summary>The only or most wanted transform of a type; null when there is none.</summary>
    public Transform? First(TransformType type)
    {
        foreach (var transform in Transforms.AsSpan())
            if (transform.Type == type) return transform;
        return null;
    }

    /// <summary>In strongSwan's words, for example <c>aes128gcm16-prfsha256-x25519</c>.</summary>
    public override string ToString() => ProposalText.Print(this);
}
