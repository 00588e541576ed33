namespace Gateway.Ike.Wire;

/// <summary>Flags of the IKE header (RFC 7296 §3.1): bits X X R V I X X X.</summary>
[Flags]
public enum IkeFlags : byte
{
    None = 0,

    /// <summary>Sent by the original initiator of the IKE SA.</summary>
    Initiator = 0x08,

    /// <summary>The sender could speak a higher major version.</summary>
    Version = 0x10,

    /// <summary>A response to the request with the same message id.</summary>
    Response = 0x20,
}
