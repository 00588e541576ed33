namespace Gateway.Ike.Wire;

/// <summary>Exchange types (RFC 7296 §3.1 and the IANA registry "IKEv2 Exchange Types").</summary>
public enum ExchangeType : byte
{
    IkeSaInit = 34,
    IkeAuth = 35,
    CreateChildSa = 36,
    Informational = 37,

    /// <summary>RFC 5723: resume a session with a ticket.</summary>
    IkeSessionResume = 38,

    /// <summary>RFC 9242: further exchanges between IKE_SA_INIT and IKE_AUTH.</summary>
    IkeIntermediate = 43,

    /// <summary>RFC 9370: further key exchanges after CREATE_CHILD_SA.</summary>
    IkeFollowupKe = 44,
}
