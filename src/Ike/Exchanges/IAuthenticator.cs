using System.Security.Cryptography;
using Gateway.Crypto;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>One way to prove an identity in one authentication round (RFC 7296 §2.15, RFC 4739).</summary>
internal interface IAuthenticator
{
    AuthenticationMethod Method { get; }

    /// <summary>Makes our proof: AUTH and what goes with it.</summary>
    AuthenticationStep Prove(Proof proof);

    /// <summary>Judges the peer's payloads.</summary>
    AuthenticationStep Verify(Proof proof, ValueList<Payload> received);
}

/// <summary>What a proof is made over.</summary>
/// <param name="ByInitiator">Whose proof it is.</param>
/// <param name="Own">The identity that is proved.</param>
/// <param name="Other">The identity that it is proved to.</param>
internal sealed record Proof(Scope Scope, IkeKeys Keys, InitTranscript Init, bool ByInitiator, Identity Own, Identity Other);

/// <summary>Where a round stands: a closed family. Methods that take several messages, or must ask somebody, add members.</summary>
internal abstract record AuthenticationStep
{
    /// <summary>The round is over; when we prove, these payloads say so.</summary>
    public sealed record Done(ValueList<Payload> Payloads = default) : AuthenticationStep;

    /// <summary>The peer gets AUTHENTICATION_FAILED and no more; the sentence is for our journal.</summary>
    public sealed record Failed(string Detail) : AuthenticationStep;
}

/// <summary>The methods there are.</summary>
internal static class Authenticators
{
    private static readonly IAuthenticator[] _all = [new PskAuthenticator()];

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
            : new AuthenticationStep.Done([new AuthenticationPayload(AuthMethod.SharedKey, Compute(proof, key))]);
    }

    public AuthenticationStep Verify(Proof proof, ValueList<Payload> received)
    {
        if (received.Find<AuthenticationPayload>() is not { } auth) return new AuthenticationStep.Failed("the peer sent no AUTH payload");
        if (auth.Method != AuthMethod.SharedKey) return new AuthenticationStep.Failed($"the peer used authentication method {auth.Method}, not a pre-shared key");
        using var key = proof.Scope.Directory.SharedKey(proof.Other, proof.Own);
        if (key is null) return new AuthenticationStep.Failed($"there is no pre-shared key of {proof.Other} and {proof.Own}");
        var expected = Compute(proof, key);
        return CryptographicOperations.FixedTimeEquals(expected.Span, auth.Data.Span)
            ? new AuthenticationStep.Done()
            : new AuthenticationStep.Failed("the pre-shared keys do not match");
    }

    // RFC 7296 §2.15: a side signs its own first message, the other's nonce and its own identity.
    private static Octets Compute(Proof proof, Secret key)
    {
        var keys = proof.Keys;
        var octets = proof.ByInitiator
            ? AuthOctets.Signed(keys.Suite.Prf, keys.Pi, proof.Init.Request.Span, proof.Init.ResponderNonce.Span, proof.Own.ToInitiatorPayload())
            : AuthOctets.Signed(keys.Suite.Prf, keys.Pr, proof.Init.Response.Span, proof.Init.InitiatorNonce.Span, proof.Own.ToResponderPayload());
        return AuthOctets.SharedKey(keys.Suite.Prf, key.Span, octets);
    }
}
