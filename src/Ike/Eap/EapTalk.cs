using Gateway.Crypto;
using Gateway.Crypto.Tls;
using Gateway.Ike.Certificates;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Eap;

/// <summary>One side of an EAP conversation (RFC 3748) within IKE_AUTH: what both sides know in every stage.</summary>
public sealed record EapTalk
{
    /// <summary>Requests that a conversation may take; EAP-TLS with long chains needs the most.</summary>
    public const int MaxRequests = 60;

    /// <summary>Of the last request.</summary>
    public byte Identifier { get; init; }

    /// <summary>The identity within EAP; on the server's side null until the peer told it.</summary>
    public Identity? Identity { get; init; }

    public EapMethod Method { get; init; }

    /// <summary>Methods that the server may still propose when the peer declines.</summary>
    public ValueList<EapMethod> Others { get; init; }

    public int Requests { get; init; }

    public required EapStage Stage { get; init; }

    /// <summary>Overwrites the secrets of a conversation that nobody goes on with.</summary>
    internal void Release() => Stage.Release();
}

/// <summary>Where a conversation stands: a closed family.</summary>
public abstract record EapStage
{
    private EapStage()
    {
    }

    internal virtual void Release()
    {
    }

    /// <summary>Client: nothing was agreed yet.</summary>
    public sealed record Waiting : EapStage;

    /// <summary>Server: the identity was asked for.</summary>
    public sealed record AskedIdentity : EapStage;

    /// <summary>Server: a challenge of MD5 or MSCHAPv2 is outstanding.</summary>
    public sealed record Challenged(Octets Challenge) : EapStage;

    /// <summary>MSCHAPv2, both sides: the password was shown; the server waits for the acknowledgement, the client for the server's proof.</summary>
    /// <param name="Expected">Client: what the server must show.</param>
    public sealed record Shown(Secret Key, string Expected) : EapStage
    {
        internal override void Release() => Key.Dispose();
    }

    /// <summary>MSCHAPv2, both sides: failure was told; the server waits for the acknowledgement, the client for the end.</summary>
    public sealed record Refused(string Reason) : EapStage;

    /// <summary>EAP-TLS. The session is not in the vault: a crash ends the set-up, and the peer begins again.</summary>
    /// <param name="Incoming">A message of the peer that is not whole.</param>
    /// <param name="Outgoing">What is still to be sent of ours.</param>
    /// <param name="IsDone">The handshake is over.</param>
    /// <param name="IsJudged">The peer's certificates were found good.</param>
    public sealed record Tls(TlsSession? Session, Octets Incoming, Octets Outgoing, bool IsDone = false, bool IsJudged = false) : EapStage
    {
        internal override void Release() => Session?.Dispose();
    }

    /// <summary>MD5, client: the response was sent.</summary>
    public sealed record Answered : EapStage;

    /// <summary>It succeeded; AUTH is made with the key, or with SK_pi and SK_pr when the method makes none (RFC 7296 §2.16).</summary>
    public sealed record Succeeded(Secret? Key) : EapStage
    {
        internal override void Release() => Key?.Dispose();
    }
}

/// <summary>What an EAP packet led to: a closed family.</summary>
internal abstract record EapOutcome
{
    /// <summary>Goes on; the peer gets the packet.</summary>
    public sealed record Going(EapPayload Packet, EapTalk Talk) : EapOutcome;

    /// <summary>Over and well; on the server's side the peer gets the packet.</summary>
    public sealed record Success(EapPayload? Packet, EapTalk Talk) : EapOutcome;

    /// <summary>Over and not well; the sentence is for our journal.</summary>
    public sealed record Failure(EapPayload? Packet, string Reason) : EapOutcome;

    /// <summary>The same packet is taken again once a place has answered.</summary>
    public sealed record Asks(Lookup Lookup, EapTalk Talk, IReadOnlyList<Certificate> Chain) : EapOutcome;
}

/// <summary>What EAP may use of the connection.</summary>
/// <param name="Round">The round of the configuration: the own one on the client's side, the peer's on the server's.</param>
/// <param name="Own">Who we are in IKE.</param>
/// <param name="Other">Who the peer says it is in IKE.</param>
/// <param name="OwnCerts">Names of own certificates to choose from in EAP-TLS.</param>
/// <param name="Asked">Places that were asked about revocation already.</param>
internal sealed record EapContext(Scope Scope, Round Round, Identity Own, Identity Other, ValueList<string> OwnCerts, ValueList<string> Asked);
