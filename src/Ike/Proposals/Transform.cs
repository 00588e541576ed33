namespace Gateway.Ike.Proposals;

/// <summary>One algorithm of a proposal, by its IANA numbers.</summary>
/// <param name="Type">Which job the algorithm does.</param>
/// <param name="Id">Transform id within the type's registry.</param>
/// <param name="KeyBits">Key length attribute in bits (RFC 7296 §3.3.5); 0 where the cipher has one length.</param>
public readonly record struct Transform(TransformType Type, ushort Id, ushort KeyBits = 0)
{
    /// <summary>RFC 7296 §3.3.6: received with an attribute that we do not understand, so never chosen.</summary>
    public bool HasUnknownAttribute { get; init; }

    /// <summary>Transform Type 5: 32-bit sequence numbers.</summary>
    public static Transform NoEsn => new(TransformType.SequenceNumbers, 0);

    /// <summary>Transform Type 5: extended sequence numbers.</summary>
    public static Transform Esn => new(TransformType.SequenceNumbers, 1);
}
