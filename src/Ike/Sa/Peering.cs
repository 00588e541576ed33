using System.Net;
using Gateway.Ike.Proposals;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Sa;

/// <summary>Who and where: what an IKE SA knows of itself and its peer, in every state. No secrets.</summary>
public sealed record Peering
{
    public required IkeSaId Id { get; init; }

    /// <summary>The vault's slot of the SA.</summary>
    public required KeyHandle Slot { get; init; }

    /// <summary>A responder learns which connection it is from the peer's identity; until then it is the best guess by address.</summary>
    public required Connection Connection { get; init; }

    /// <summary>The responder's is none until it answered.</summary>
    public required IkeSpiPair Spis { get; init; }

    /// <summary>Whether we sent the IKE_SA_INIT request, or the request that rekeyed (RFC 7296 §2.2: the "original initiator").</summary>
    public required bool IsInitiator { get; init; }

    public required IPEndPoint Local { get; init; }

    public required IPEndPoint Remote { get; init; }

    /// <summary>Speaks on the NAT traversal ports, with the non-ESP marker before each message.</summary>
    public bool Natt { get; init; }

    /// <summary>A NAT stands before us (RFC 7296 §2.23).</summary>
    public bool NatLocal { get; init; }

    /// <summary>A NAT stands before the peer.</summary>
    public bool NatRemote { get; init; }

    public Identity LocalId { get; init; } = Identity.Any;

    public Identity RemoteId { get; init; } = Identity.Any;

    /// <summary>The IKE proposal that was chosen.</summary>
    public Proposal? Proposal { get; init; }

    /// <summary>Both sides announced RFC 7383.</summary>
    public bool Fragmentation { get; init; }

    /// <summary>Addresses that the peer gave us; ours while an IKE SA that has them is alive.</summary>
    public ValueList<IPAddress> OwnVips { get; init; }

    /// <summary>Addresses of our pools that the peer has.</summary>
    public ValueList<IPAddress> PeerVips { get; init; }

    /// <summary>We sent the IKE_SA_INIT request of the first IKE SA, whoever rekeyed it since (RFC 4555 §2: the "initiator").</summary>
    public bool Began { get; init; }

    /// <summary>Both sides can move (RFC 4555).</summary>
    public bool Mobike { get; init; }

    /// <summary>Further addresses of the peer, where it may be found.</summary>
    public ValueList<IPAddress> PeerAddresses { get; init; }

    /// <summary>Hashes that the peer takes in digital signatures, one bit each; 0 when it does not know RFC 7427.</summary>
    public byte PeerHashes { get; init; }

    /// <summary>The peer takes several authentication rounds (RFC 4739).</summary>
    public bool MultipleAuth { get; init; }

    /// <summary>Both sides can use a post-quantum pre-shared key (RFC 8784).</summary>
    public bool PpkSupported { get; init; }

    /// <summary>How both sides proved who they are, for the journal.</summary>
    public AuthenticationRecord Authentication { get; init; } = new();

    /// <summary>Which try it is of an initiator (<c>keyingtries</c>), from 1.</summary>
    public int Try { get; init; } = 1;

    /// <summary>The IKE SA that this one was made to replace; null when it began with IKE_SA_INIT.</summary>
    public IkeSaId? Replaces { get; init; }

    /// <summary>The IKE SA that is closed when this one stands: both sides authenticate anew, and make before they break.</summary>
    public IkeSaId? Reauthenticates { get; init; }

    /// <summary>Addresses that the one before had, to be asked for again.</summary>
    public ValueList<IPAddress> WantedVips { get; init; }

    /// <summary>The SPI that messages to us find this SA by.</summary>
    public IkeSpi OurSpi => IsInitiator ? Spis.Initiator : Spis.Responder;

    public IkeSpi TheirSpi => IsInitiator ? Spis.Responder : Spis.Initiator;

    /// <summary>RFC 3948: ESP goes in UDP when there is a NAT, or when the connection asks for it.</summary>
    public bool Encapsulate => Natt && (NatLocal || NatRemote || Connection.Spec.Encap);
}

/// <summary>How both sides proved who they are. No secrets.</summary>
/// <param name="Own">Our methods, round by round.</param>
/// <param name="Theirs">The peer's methods.</param>
/// <param name="EapId">The peer's EAP identity.</param>
/// <param name="Certificate">The peer's certificate.</param>
/// <param name="PpkId">The post-quantum pre-shared key that was mixed in.</param>
public sealed record AuthenticationRecord(string Own = "psk", string Theirs = "psk", string? EapId = null, PeerCertificate? Certificate = null, string? PpkId = null);
