namespace Gateway.Ike.Payloads;

/// <summary>
/// Notify message types (RFC 7296 §3.10.1 and the IANA registry "IKEv2 Notify Message Types"): below 16384 errors, above status.
/// </summary>
public enum NotifyType : ushort
{
    None = 0,

    // RFC 7296 §3.10.1: errors.
    UnsupportedCriticalPayload = 1,
    InvalidIkeSpi = 4,
    InvalidMajorVersion = 5,
    InvalidSyntax = 7,
    InvalidMessageId = 9,
    InvalidSpi = 11,
    NoProposalChosen = 14,
    InvalidKePayload = 17,
    AuthenticationFailed = 24,
    SinglePairRequired = 34,
    NoAdditionalSas = 35,
    InternalAddressFailure = 36,
    FailedCpRequired = 37,
    TsUnacceptable = 38,
    InvalidSelectors = 39,
    TemporaryFailure = 43,
    ChildSaNotFound = 44,

    // RFC 4555: MOBIKE.
    UnacceptableAddresses = 40,
    UnexpectedNatDetected = 41,

    // RFC 5026.
    UseAssignedHomeAddress = 42,

    // RFC 9838: group key management.
    InvalidGroupId = 45,
    AuthorizationFailed = 46,

    // RFC 9370: an IKE_FOLLOWUP_KE that belongs to nothing.
    StateNotFound = 47,

    // RFC 9611: per-resource CHILD SAs.
    TsMaxQueue = 48,

    // RFC 7296 §3.10.1: status.
    InitialContact = 16384,
    SetWindowSize = 16385,
    AdditionalTsPossible = 16386,
    IpcompSupported = 16387,
    NatDetectionSourceIp = 16388,
    NatDetectionDestinationIp = 16389,
    Cookie = 16390,
    UseTransportMode = 16391,
    HttpCertLookupSupported = 16392,
    RekeySa = 16393,
    EspTfcPaddingNotSupported = 16394,
    NonFirstFragmentsAlso = 16395,

    // RFC 4555: MOBIKE.
    MobikeSupported = 16396,
    AdditionalIp4Address = 16397,
    AdditionalIp6Address = 16398,
    NoAdditionalAddresses = 16399,
    UpdateSaAddresses = 16400,
    Cookie2 = 16401,
    NoNatsAllowed = 16402,

    // RFC 4478.
    AuthLifetime = 16403,

    // RFC 4739: several authentication rounds.
    MultipleAuthSupported = 16404,
    AnotherAuthFollows = 16405,

    // RFC 5685: redirect.
    RedirectSupported = 16406,
    Redirect = 16407,
    RedirectedFrom = 16408,

    // RFC 5723: session resumption.
    TicketLtOpaque = 16409,
    TicketRequest = 16410,
    TicketAck = 16411,
    TicketNack = 16412,
    TicketOpaque = 16413,

    // RFC 5739.
    LinkId = 16414,

    // RFC 5840.
    UseWespMode = 16415,

    // RFC 5857.
    RohcSupported = 16416,

    // RFC 5998.
    EapOnlyAuthentication = 16417,

    // RFC 6023.
    ChildlessIkev2Supported = 16418,

    // RFC 6290: quick crash detection.
    QuickCrashDetection = 16419,

    // RFC 6311: high availability.
    Ikev2MessageIdSyncSupported = 16420,
    IpsecReplayCounterSyncSupported = 16421,
    Ikev2MessageIdSync = 16422,
    IpsecReplayCounterSync = 16423,

    // RFC 6467.
    SecurePasswordMethods = 16424,

    // RFC 6631, RFC 6867.
    PskPersist = 16425,
    PskConfirm = 16426,
    ErxSupported = 16427,

    // RFC 7383: fragmentation.
    FragmentationSupported = 16430,

    // RFC 7427: digital signatures.
    SignatureHashAlgorithms = 16431,

    // RFC 7791.
    ClonedIkeSaSupported = 16432,
    CloneIkeSa = 16433,

    // RFC 8019: client puzzles.
    Puzzle = 16434,

    // RFC 8784: post-quantum preshared keys.
    UsePpk = 16435,
    PpkIdentity = 16436,
    NoPpkAuth = 16437,

    // RFC 9242, RFC 9370: further key exchanges.
    IntermediateExchangeSupported = 16438,
    Ip4Allowed = 16439,
    Ip6Allowed = 16440,
    AdditionalKeyExchange = 16441,
    UseAggfrag = 16442,

    // RFC 9593.
    SupportedAuthMethods = 16443,

    // RFC 9611: per-resource CHILD SAs.
    SaResourceInfo = 16444,

    // RFC 9867: PPKs in IKE_INTERMEDIATE.
    UsePpkInt = 16445,
    PpkIdentityKey = 16446,
}

/// <summary>Which half of the registry a notify type lies in.</summary>
public static class NotifyTypes
{
    /// <summary>RFC 7296 §3.10.1: an unknown error fails the exchange, an unknown status is ignored.</summary>
    public static bool IsError(this NotifyType type) => type is > NotifyType.None and < (NotifyType)16384;
}
