using Gateway.Ike.Certificates;
using Gateway.Ike.Eap;
using Gateway.Ike.Payloads;
using Gateway.Policy;

namespace Gateway.Ike.Sa;

/// <summary>How far two sides have come in proving who they are: IKE_AUTH may take several messages and several rounds (RFC 7296 §2.16, RFC 4739).</summary>
public sealed record Login
{
    /// <summary>Rounds of ours that are over.</summary>
    public int OwnRounds { get; init; }

    /// <summary>Rounds of the peer that are over.</summary>
    public int TheirRounds { get; init; }

    /// <summary>The peer said that it has another round, or has not begun.</summary>
    public bool TheyGoOn { get; init; } = true;

    /// <summary>Who we are in our present round.</summary>
    public Identity OwnId { get; init; } = Identity.Any;

    /// <summary>Who the peer says it is in its present round.</summary>
    public Identity TheirId { get; init; } = Identity.Any;

    /// <summary>How we proved ourselves, round by round.</summary>
    public ValueList<string> OwnMethods { get; init; }

    public ValueList<string> TheirMethods { get; init; }

    /// <summary>An EAP conversation that is under way.</summary>
    public EapTalk? Eap { get; init; }

    /// <summary>What EAP left is used for AUTH now: our AUTH is with the peer, or the peer's is awaited.</summary>
    public bool AwaitsEapProof { get; init; }

    /// <summary>The peer asked for a certificate.</summary>
    public bool CertificateAsked { get; init; }

    /// <summary>Hashes of the authorities that it named.</summary>
    public Octets Authorities { get; init; }

    /// <summary>Responder: the peer takes a responder that proves itself by EAP alone (RFC 5998).</summary>
    public bool EapOnly { get; init; }

    /// <summary>Responder: payloads of the first request that concern the IKE SA and its child as a whole, for the end.</summary>
    public ValueList<Payload> First { get; init; }

    /// <summary>What waits for an answer to a question; empty when nothing does.</summary>
    public ValueList<Payload> Held { get; init; }

    /// <summary>The question.</summary>
    public Lookup? Question { get; init; }

    /// <summary>Certificates that the answer may be about, in DER.</summary>
    public ValueList<Octets> QuestionChain { get; init; }

    /// <summary>Places that were asked already, by <see cref="Lookup.Key"/>.</summary>
    public ValueList<string> Asked { get; init; }

    public bool IsHeld => Question is not null;

    internal void Release() => Eap?.Release();
}
