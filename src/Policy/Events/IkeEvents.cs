using System.Net;
using Gateway.Policy.Sa;

namespace Gateway.Policy.Events;

/// <summary>An IKE SA was authenticated by both sides.</summary>
public sealed record IkeSaEstablished : GatewayEvent
{
    public required IkeSaId Id { get; init; }

    public required ConnectionName Connection { get; init; }

    public required bool Initiator { get; init; }

    /// <summary>16 hexadecimal digits each.</summary>
    public required string InitiatorSpi { get; init; }

    public required string ResponderSpi { get; init; }

    public required IPAddress LocalAddress { get; init; }

    public required int LocalPort { get; init; }

    public required IPAddress RemoteAddress { get; init; }

    public required int RemotePort { get; init; }

    public required string LocalId { get; init; }

    public required string RemoteId { get; init; }

    /// <summary>As strongSwan writes it.</summary>
    public required string Proposal { get; init; }

    /// <summary>How the peer proved itself: <c>psk</c>, a signature such as <c>ecdsa-sha256</c>, an EAP method such as <c>eap-tls</c>; several rounds with <c>+</c> between.</summary>
    public required string Authentication { get; init; }

    /// <summary>How the gateway proved itself, where it was not in the same way.</summary>
    public string? OwnAuthentication { get; init; }

    /// <summary>The peer's identity within EAP.</summary>
    public string? EapId { get; init; }

    public PeerCertificate? Certificate { get; init; }

    /// <summary>The post-quantum pre-shared key that was mixed in (RFC 8784), by its id.</summary>
    public string? PpkId { get; init; }

    public bool NatLocal { get; init; }

    public bool NatRemote { get; init; }

    /// <summary>The slot with its keys and counters.</summary>
    public KeyHandle Slot { get; init; }

    /// <summary>The IKE SA that this one replaces by a rekey.</summary>
    public IkeSaId? Replaces { get; init; }

    public override string Subject => $"ike-sa/{Id}";
}

/// <summary>The certificate by which a peer proved itself.</summary>
/// <param name="Serial">Hexadecimal.</param>
public sealed record PeerCertificate(string Subject, string Issuer, string Serial, DateTimeOffset NotAfter);

/// <summary>An IKE SA ended.</summary>
/// <param name="Reason">Stable word: <c>deleted-by-peer</c>, <c>terminated</c>, <c>rekeyed</c>, <c>dpd-timeout</c>, <c>expired</c>, <c>initial-contact</c>, <c>configuration-removed</c>, <c>lost</c>, …</param>
public sealed record IkeSaClosed(IkeSaId Id, ConnectionName Connection, string Reason) : GatewayEvent
{
    public override string Subject => $"ike-sa/{Id}";
}

/// <summary>An attempt to set up an IKE SA failed; rate-limited per peer.</summary>
/// <param name="Reason">Stable word: <c>no-proposal-chosen</c>, <c>authentication-failed</c>, <c>timeout</c>, …</param>
/// <param name="Suppressed">Attempts of the same peer and reason that were not journalled since the last one.</param>
public sealed record IkeSaFailed(ConnectionName? Connection, bool Initiator, IPAddress RemoteAddress, string? RemoteId, string Reason, string Detail, int Suppressed = 0) : GatewayEvent
{
    public override string Subject => Connection is { } c ? $"connection/{c}" : "ike";
}

/// <summary>The address or port of a peer, or ours, changed (NAT rebinding, MOBIKE).</summary>
public sealed record IkeSaEndpointChanged(IkeSaId Id, IPAddress LocalAddress, int LocalPort, IPAddress RemoteAddress, int RemotePort) : GatewayEvent
{
    public override string Subject => $"ike-sa/{Id}";
}

/// <summary>A CHILD SA was agreed and handed to the dataplane.</summary>
/// <param name="Proposal">As strongSwan writes it.</param>
/// <param name="Replaces">The CHILD SA that this one replaces by a rekey.</param>
public sealed record ChildSaInstalled(ChildSaParameters Parameters, string Proposal, ChildSaId? Replaces = null) : GatewayEvent
{
    public override string Subject => $"child-sa/{Parameters.Id}";
}

/// <summary>A CHILD SA ended; with its last counters when they are known.</summary>
public sealed record ChildSaClosed(ChildSaId Id, IkeSaId IkeSa, ConnectionName Connection, ChildName Child, string Reason, ulong BytesIn = 0, ulong BytesOut = 0, ulong PacketsIn = 0, ulong PacketsOut = 0) : GatewayEvent
{
    public override string Subject => $"child-sa/{Id}";
}

/// <summary>A CHILD SA could not be agreed.</summary>
public sealed record ChildSaFailed(IkeSaId IkeSa, ConnectionName Connection, ChildName? Child, string Reason, string Detail) : GatewayEvent
{
    public override string Subject => $"connection/{Connection}";
}

/// <summary>A rekeyed IKE SA took over the CHILD SAs of the one before.</summary>
public sealed record ChildSasInherited(IkeSaId From, IkeSaId To) : GatewayEvent
{
    public override string Subject => $"ike-sa/{To}";
}

/// <summary>A fact of an SA has no usable slot in the vault: nothing of it was resumed.</summary>
public sealed record SaLost(IkeSaId Id, string Reason) : GatewayEvent
{
    public override string Subject => $"ike-sa/{Id}";
}
