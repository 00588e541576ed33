using Gateway.Policy.Sa;

namespace Gateway.Dataplane.Esp;

/// <summary>All that is needed to carry a CHILD SA. A ref struct, because it shows key bytes: they are copied into locked memory during the call.</summary>
public readonly ref struct SaInstall
{
    public required ChildSaParameters Parameters { get; init; }

    /// <summary>KEYMAT of the direction to us: cipher key, salt, integrity key, as far as the transforms have them (RFC 7296 §2.17, RFC 4106 §8.1).</summary>
    public required ReadOnlySpan<byte> InboundKey { get; init; }

    /// <summary>KEYMAT of the direction from us.</summary>
    public required ReadOnlySpan<byte> OutboundKey { get; init; }

    /// <summary>Address of <see cref="SaHotState.Bytes"/> bytes, aligned to 64, in the SA's vault slot; 0 = private memory. All zeroes for a new SA; else the SA goes on from it.</summary>
    public nint HotState { get; init; }

    /// <summary>Interface that decrypted packets arrive on; 0 = the one their outer packet arrived on. With an if_id it is the ipsec interface of that number, whatever stands here.</summary>
    public uint Interface { get; init; }

    /// <summary>Where inner packets are looked up.</summary>
    public uint Vrf { get; init; }

    /// <summary>Where outer packets are looked up.</summary>
    public uint OuterVrf { get; init; }

    /// <summary>The worker that owns it at first; null takes the one with the fewest SAs.</summary>
    public int? Worker { get; init; }

    /// <summary>
    /// Takes inbound packets at once, outbound ones only after <c>UseOutbound</c>: for the responder of a rekey, whose peer does not know the new SA yet (RFC 7296 §2.8).
    /// </summary>
    public bool HoldOutbound { get; init; }
}

/// <summary>What became of an installation.</summary>
public enum SaInstallResult
{
    Installed,

    /// <summary>The same SA is there; nothing was changed.</summary>
    AlreadyInstalled,

    /// <summary>Another SA has the inbound SPI.</summary>
    SpiInUse,

    /// <summary>Neither our kernels nor the library do it, or a cipher lacks its integrity algorithm.</summary>
    UnsupportedTransform,

    /// <summary>A key has not the length that the transforms say.</summary>
    WrongKeyLength,

    /// <summary>Addresses of two families, a reserved SPI, no selector pair of one family, or a window out of range.</summary>
    InvalidParameters,

    /// <summary>No number is free.</summary>
    TooMany,
}

/// <summary>Counters of one direction.</summary>
/// <param name="Bytes">Of inner IP packets.</param>
/// <param name="Idle">Since the last packet; null when there was none.</param>
/// <param name="Drops">Packets that this direction refused, all reasons together.</param>
public sealed record SaDirectionStatus(Spi Spi, ulong Packets, ulong Bytes, TimeSpan? Idle, ulong Sequence, ulong Drops);

/// <summary>An SA as the dataplane carries it, for `show sas`.</summary>
/// <param name="Replayed">Inbound packets refused by the replay window.</param>
/// <param name="Forged">Inbound packets whose ICV did not fit.</param>
/// <param name="OutsideSelectors">Inbound packets that were authentic but outside the selectors.</param>
/// <param name="OutboundUsed">Whether outbound packets use it now.</param>
public sealed record SaStatus(ChildSaParameters Parameters, SaDirectionStatus Inbound, SaDirectionStatus Outbound, ulong Replayed, ulong Forged, ulong OutsideSelectors, bool OutboundUsed, uint PathMtu);

/// <summary>A line of the SPD, for `show policies`, in the order in which lines are looked at.</summary>
/// <param name="Configured">False: it is there only because an SA has these selectors.</param>
/// <param name="Sa">The SA that outbound packets use; null = none.</param>
/// <param name="IfId">It concerns what is routed into the ipsec interface with this number; 0 = all other packets.</param>
public sealed record SecurityRuleStatus(string Policy, SecurityAction Action, TrafficSelector Local, TrafficSelector Remote, bool Configured, ChildSaId? Sa, uint IfId = 0);
