using System.Net;

namespace Gateway.Policy.Sa;

/// <summary>How a CHILD SA carries packets (RFC 4301 §4.1).</summary>
public enum SaMode
{
    Tunnel,
    Transport,
}

/// <summary>
/// The transforms that protect a CHILD SA, by the IANA numbers of "Transform Type 1" and "Transform Type 3" (RFC 7296 §3.3.2).
/// </summary>
/// <param name="Encryption">Transform Type 1, for example 20 = AES-GCM with a 16-octet ICV.</param>
/// <param name="KeyBits">Key length in bits without salt; 0 for ciphers of one length.</param>
/// <param name="Integrity">Transform Type 3; 0 with AEAD ciphers.</param>
public readonly record struct EspTransforms(ushort Encryption, ushort KeyBits, ushort Integrity = 0);

/// <summary>UDP ports of an SA that runs UDP-encapsulated (RFC 3948).</summary>
public readonly record struct UdpEncapsulation(ushort LocalPort, ushort RemotePort);

/// <summary>Where an SA ends, in units of traffic; 0 = no limit. Soft asks for a rekey, hard stops the SA.</summary>
public readonly record struct SaLifetime(ulong SoftBytes, ulong HardBytes, ulong SoftPackets, ulong HardPackets);

/// <summary>
/// All that the dataplane needs to carry one CHILD SA (both directions), and all that the journal keeps of it. Keys are named by handle.
/// KEYMAT of a direction lies in its slot in the order of RFC 7296 §2.17: encryption key with its salt, then the integrity key.
/// </summary>
public sealed record ChildSaParameters
{
    public required ChildSaId Id { get; init; }

    public required IkeSaId IkeSa { get; init; }

    public required ConnectionName Connection { get; init; }

    public required ChildName Child { get; init; }

    /// <summary>Chosen by us; packets to us carry it.</summary>
    public required Spi InboundSpi { get; init; }

    /// <summary>Chosen by the peer; packets from us carry it.</summary>
    public required Spi OutboundSpi { get; init; }

    public required IPAddress LocalAddress { get; init; }

    public required IPAddress RemoteAddress { get; init; }

    /// <summary>Null for native ESP (IP protocol 50).</summary>
    public UdpEncapsulation? Encapsulation { get; init; }

    public SaMode Mode { get; init; } = SaMode.Tunnel;

    public required EspTransforms Transforms { get; init; }

    public required KeyHandle InboundKey { get; init; }

    public required KeyHandle OutboundKey { get; init; }

    /// <summary>Our side's selectors after narrowing.</summary>
    public required ValueList<TrafficSelector> LocalSelectors { get; init; }

    public required ValueList<TrafficSelector> RemoteSelectors { get; init; }

    /// <summary>Extended sequence numbers (RFC 4303 §2.2.1).</summary>
    public bool Esn { get; init; }

    /// <summary>Packets; 0 = no anti-replay check.</summary>
    public int ReplayWindow { get; init; } = 64;

    public SaLifetime Lifetime { get; init; }

    public bool CopyDf { get; init; } = true;

    public bool CopyEcn { get; init; } = true;

    public bool CopyDscpOut { get; init; } = true;

    public bool CopyDscpIn { get; init; }

    /// <summary>The <c>if_id</c> of the ipsec interface that decrypted packets arrive on; 0 = none: they arrive where their outer packet did.</summary>
    public uint IfIdIn { get; init; }

    /// <summary>The <c>if_id</c> of the ipsec interface that packets must be routed into to be protected; 0 = none: whatever the selectors take.</summary>
    public uint IfIdOut { get; init; }
}
