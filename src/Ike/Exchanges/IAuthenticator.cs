using System.Security.Cryptography;
using Gateway.Crypto;
using Gateway.Ike.Certificates;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>One way to prove an identity in one authentication round (RFC 7296 §2.15, RFC 4739). EAP takes several messages and has a folder of its own.</summary>
internal interface IAuthenticator
{
    AuthenticationMethod Method { get; }

    /// <summary>Makes our proof: AUTH and what goes with it.</summary>
    AuthenticationStep Prove(Proof proof);

    /// <summary>Judges the peer's proof.</summary>
    AuthenticationStep Verify(Proof proof, ValueList<Payload> received, AuthenticationPayload auth);
}

/// <summary>What a proof is made over.</summary>
/// <param name="ByInitiator">Whose proof it is.</param>
/// <param name="Own">The identity that is proved.</param>
/// <param name="Other">The identity that it is proved to.</param>
internal sealed record Proof(Scope Scope, Peering Peering, IkeKeys Keys, InitTranscript Init, bool ByInitiator, Identity Own, Identity Other, Round Round)
{
    /// <summary>Whether the peer asked for our certificate, and below which authorities.</summary>
    public (bool Asked, Octets Authorities) CertificateRequest { get; init; }

    /// <summary>Places that were asked about revocation already.</summary>
    public ValueList<string> Asked { get; init; }

    /// <summary>RFC 7296 §2.15: a side signs its own first message, the other's nonce and its own identity.</summary>
    public byte[] Octets() => Octets(Keys);

    /// <summary>The same with keys that a PPK is mixed into, or is not (RFC 8784 §3).</summary>
    public byte[] Octets(IkeKeys keys) => ByInitiator
        ? AuthOctets.Signed(keys.Suite.Prf, keys.Pi, Init.Request.Span, Init.ResponderNonce.Span, Own.ToInitiatorPayload())
        : AuthOctets.Signed(keys.Suite.Prf, keys.Pr, Init.Response.Span, Init.InitiatorNonce.Span, Own.ToResponderPayload());
}

/// <summary>Where a round stands: a closed family.</summary>
internal abstract record AuthenticationStep
{
    /// <summary>The round is over.</summary>
    /// <param name="Auth">Our AUTH, when we prove.</param>
    /// <param name="Certificates">What goes before it.</param>
    /// <param name="Method">How it was proved, for the journal.</param>
    /// <param name="Peer">The peer's certificate.</param>
    public sealed record Done(string Method, AuthenticationPayload? Auth = null, ValueList<Payload> Certificates = default, PeerCertificate? Peer = null) : AuthenticationStep;

    /// <summary>The peer gets AUTHENTICATION_FAILED and no more; the sentence is for our journal.</summary>
    public sealed record Failed(string Detail) : AuthenticationStep;

    /// <summary>The same proof is judged again once a place has answered.</summary>
    public sealed record Asks(Lookup Lookup, IReadOnlyList<Certificate> Chain) : AuthenticationStep;
}

/// <summary>The methods there are.</summary>
internal static class Authenticators
{
    private static readonly IAuthenticator[] _all = [new PskAuthenticator(), new SignatureAuthenticator()];

    public static IAuthenticator For(AuthenticationMethod method) =>
        Array.Find(_all, a => a.Method == method) ?? throw new InvalidOperationException($"No authenticator for {method}.");
}

/// <summary>Shared key message integrity code (RFC 7296 §2.15).</summary>
internal sealed class PskAuthenticator : IAuthenticator
{
    public AuthenticationMethod Method => AuthenticationMethod.Psk;

    public AuthenticationStep Prove(Proof proof)
    {
        using var key = proof.Scope.Directory.SharedKey(proof.Own, proof.Other);
        return key is null
            ? new AuthenticationStep.Failed($"there is no pre-shared key of {proof.Own} and {proof.Other}")
            : new AuthenticationStep.Done("psk", KeyedProof.Make(proof, key));
    }

    public AuthenticationStep Verify(Proof proof, ValueList<Payload> received, AuthenticationPayload auth)
    {
        if (auth.Method != AuthMethod.SharedKey) return new AuthenticationStep.Failed($"the peer used authentication method {auth.Method}, not a pre-shared key");
        using var key = proof.Scope.Directory.SharedKey(proof.Other, proof.Own);
        if (key is null) return new AuthenticationStep.Failed($"there is no pre-shared key of {proof.Other} and {proof.Own}");
        return KeyedProof.IsRight(proof, key, auth) ? new AuthenticationStep.Done("psk") : new AuthenticationStep.Failed("the pre-shared keys do not match");
    }
}

/// <summary>AUTH made with a key that both sides have: a pre-shared one, or what EAP left (RFC 7296 §2.15, §2.16).</summary>
internal static class KeyedProof
{
    public static AuthenticationPayload Make(Proof proof, Secret key) => new(AuthMethod.SharedKey, AuthOctets.SharedKey(proof.Keys.Suite.Prf, key.Span, proof.Octets()));

    public static bool IsRight(Proof proof, Secret key, AuthenticationPayload auth) =>
        auth.Method == AuthMethod.SharedKey && CryptographicOperations.FixedTimeEquals(Make(proof, key).Data.Span, auth.Data.Span);

    /// <summary>The key of EAP: MSK, or SK_pi and SK_pr when the method made none.</summary>
    public static Secret OfEap(Proof proof, Secret? msk) => (msk ?? (proof.ByInitiator ? proof.Keys.Pi : proof.Keys.Pr)).Copy();
}
