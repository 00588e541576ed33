using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Ike.Extensions;
using Gateway.Ike.Payloads;
using Gateway.Policy;
using Gateway.Policy.Events;
using Gateway.Policy.Items;

namespace Gateway.Ike.Exchanges;

/// <summary>
/// Signatures: digital signatures (RFC 7427, RFC 8420) where both sides announced them, else the methods of their own for RSA (RFC 7296 §3.8) and for
/// ECDSA (RFC 4754). The keys come with certificates, or are configured as they are.
/// </summary>
internal sealed class SignatureAuthenticator : IAuthenticator
{
    public AuthenticationMethod Method => AuthenticationMethod.Pubkey;

    // RFC 4754 §3: each method is one curve with one hash. The curve by libcrypto's name, the octets of r and of s.
    private static readonly (AuthMethod Method, string Curve, int Length, HashKind Hash)[] _curves =
    [
        (AuthMethod.EcdsaSha256P256, "prime256v1", 32, HashKind.Sha256),
        (AuthMethod.EcdsaSha384P384, "secp384r1", 48, HashKind.Sha384),
        (AuthMethod.EcdsaSha512P521, "secp521r1", 66, HashKind.Sha512),
    ];

    public AuthenticationStep Prove(Proof proof)
    {
        var round = proof.Round;
        if (OwnCredential.Choose(proof.Scope, round.Certs, round.Pubkeys, proof.Own, proof.CertificateRequest.Authorities) is not { } own)
            return new AuthenticationStep.Failed($"there is no certificate or public key with a private key for {proof.Own}");
        var hashes = proof.Peering.PeerHashes;
        var schemes = Candidates(own.Key.Public).Where(s => ChainDemands.Allows(round.Word.Proof, s) && (!s.Pss || round.Word.Proof.Any(r => r.Pss == true))).ToList();
        var certificates = CertificatePayloads.Show(proof.Peering.Connection, own, proof.CertificateRequest.Asked).ToValueList();
        if (hashes == 0) return ProveClassic(proof, own, schemes, certificates);
        if (schemes.Where(s => SignatureHashes.Contains(hashes, s.Hash)).Cast<SignatureScheme?>().FirstOrDefault() is not { } scheme)
            return new AuthenticationStep.Failed("no signature is allowed that the peer takes");
        // RFC 7427 §3: the length of the AlgorithmIdentifier, itself, and the signature.
        var algorithm = AlgorithmIdentifier.Encode(scheme);
        byte[] data = [(byte)algorithm.Length, .. algorithm, .. own.Key.Sign(scheme, proof.Octets())];
        return new AuthenticationStep.Done(scheme.ToString(), new AuthenticationPayload(AuthMethod.DigitalSignature, data), certificates);
    }

    public AuthenticationStep Verify(Proof proof, ValueList<Payload> received, AuthenticationPayload auth)
    {
        if (auth.Method is AuthMethod.SharedKey) return new AuthenticationStep.Failed("the peer used a pre-shared key, not a signature");
        if (!TryRead(auth, out var scheme, out var signature, out var salt)) return new AuthenticationStep.Failed($"the peer's signature of method {auth.Method} is damaged or of a kind that is not taken");
        var data = proof.Octets();
        foreach (var raw in proof.Scope.Directory.Credentials.NamedKeys(proof.Round.Pubkeys))
            if (Made(raw.Info, auth.Method, scheme, signature, salt, data) is { } by) return Allowed(proof, by, null);
        if (proof.Round.Pubkeys.Count > 0 && proof.Round.Certs.Count == 0 && proof.Round.Demands.Cacerts.Count == 0) return new AuthenticationStep.Failed("the peer's signature is not that of the configured public key");

        var sent = CertificatePayloads.Read(received, out var fault);
        var certificates = sent.Count > 0 ? sent : [.. proof.Scope.Directory.Credentials.EndEntities.Select(e => e.Certificate).Where(c => c.SpeaksFor(proof.Own))];
        if (certificates.Count == 0) return new AuthenticationStep.Failed(fault is null ? "the peer sent no certificate, and none is configured for it" : $"the peer's certificate cannot be used: {fault}");
        // RFC 7296 §3.6: the first certificate is the one whose key made the signature; of configured ones any may be.
        foreach (var certificate in sent.Count > 0 ? certificates.Take(1) : certificates)
        {
            if (!certificate.SpeaksFor(proof.Own)) return new AuthenticationStep.Failed($"the certificate {certificate} is not for {proof.Own}");
            if (Made(certificate.KeyInfo, auth.Method, scheme, signature, salt, data) is not { } by) continue;
            return Judge(proof, certificate, certificates, by);
        }

        return new AuthenticationStep.Failed("the peer's signature is wrong");
    }

    private static AuthenticationStep Judge(Proof proof, Certificate certificate, IReadOnlyList<Certificate> sent, SignatureScheme by)
    {
        var directory = proof.Scope.Directory;
        return TrustChain.Judge(certificate, proof.Own, sent, directory.Credentials, proof.Round.Demands, directory.Revocation, proof.Asked, directory.TimeOfDay(proof.Scope.Now)) switch
        {
            ChainVerdict.Trusted => Allowed(proof, by, new PeerCertificate(
                certificate.ToString(), DistinguishedName.Print(certificate.Issuer.Span), certificate.Serial.ToString(), certificate.NotAfter)),
            ChainVerdict.Asks asks => new AuthenticationStep.Asks(asks.Lookup, [certificate, .. sent, .. directory.Credentials.Authorities.Select(a => a.Certificate)]),
            var verdict => new AuthenticationStep.Failed(((ChainVerdict.Untrusted)verdict).Reason),
        };
    }

    private static AuthenticationStep Allowed(Proof proof, SignatureScheme by, PeerCertificate? certificate) =>
        ChainDemands.Allows(proof.Round.Word.Proof, by)
            ? new AuthenticationStep.Done(by.ToString(), Peer: certificate)
            : new AuthenticationStep.Failed($"the peer signed with {by}, which is not allowed");

    private static AuthenticationStep ProveClassic(Proof proof, OwnCredential own, List<SignatureScheme> schemes, ValueList<Payload> certificates)
    {
        var key = own.Key;
        if (key.Kind == KeyKind.Rsa)
        {
            // RFC 7296 §2.15: without any announcement the peer is only known to take SHA-1.
            var scheme = new SignatureScheme(KeyKind.Rsa, HashKind.Sha1);
            return ChainDemands.Allows(proof.Round.Word.Proof, scheme)
                ? new AuthenticationStep.Done(scheme.ToString(), new AuthenticationPayload(AuthMethod.RsaSignature, key.Sign(scheme, proof.Octets())), certificates)
                : new AuthenticationStep.Failed("the peer only takes RSA with SHA-1, which is not allowed");
        }

        var row = Array.Find(_curves, c => c.Curve == key.Public.Curve);
        var ecdsa = new SignatureScheme(KeyKind.Ecdsa, row.Hash);
        if (row.Curve is null || !schemes.Contains(ecdsa) || !EcdsaSignature.TryToRaw(key.Sign(ecdsa, proof.Octets()), row.Length, out var raw))
            return new AuthenticationStep.Failed("the peer takes no signature of our key");
        return new AuthenticationStep.Done(ecdsa.ToString(), new AuthenticationPayload(row.Method, raw), certificates);
    }

    /// <summary>What an AUTH payload says of its signature; the scheme is null where only the key can tell (method 1).</summary>
    private static bool TryRead(AuthenticationPayload auth, out SignatureScheme? scheme, out byte[] signature, out int? salt)
    {
        (scheme, signature, salt) = (null, auth.Data.Span.ToArray(), null);
        switch (auth.Method)
        {
            case AuthMethod.RsaSignature:
                return true;
            case AuthMethod.DigitalSignature:
                var data = auth.Data.Span;
                if (data.Length < 1 || data.Length < 1 + data[0]) return false;
                if (!AlgorithmIdentifier.TryParse(data.Slice(1, data[0]), out var named, out var saltLength) || !SignatureHashes.IsTaken(named.Hash)) return false;
                (scheme, signature, salt) = (named, data[(1 + data[0])..].ToArray(), named.Pss ? saltLength : null);
                return true;
            default:
                var row = Array.Find(_curves, c => c.Method == auth.Method);
                if (row.Curve is null || signature.Length != 2 * row.Length) return false;
                (scheme, signature) = (new SignatureScheme(KeyKind.Ecdsa, row.Hash), EcdsaSignature.ToDer(signature));
                return true;
        }
    }

    /// <summary>How the key made the signature, or null when it did not.</summary>
    private static SignatureScheme? Made(Octets keyInfo, AuthMethod method, SignatureScheme? scheme, byte[] signature, int? salt, byte[] data)
    {
        if (!PublicKey.TryParse(keyInfo.Span, out var key)) return null;
        using (key)
        {
            if (scheme is { } named)
            {
                // RFC 4754 §3: the methods are bound to their curves.
                if (method != AuthMethod.DigitalSignature && key.Curve != Array.Find(_curves, c => c.Method == method).Curve) return null;
                return key.Verify(named, data, signature, salt) ? named : null;
            }

            // RFC 7296 §2.15: the hash of method 1 is that within the signature; SHA-1 is what there is in practice.
            foreach (var hash in (HashKind[])[HashKind.Sha1, HashKind.Sha256, HashKind.Sha384, HashKind.Sha512])
                if (key.Verify(new SignatureScheme(KeyKind.Rsa, hash), data, signature)) return new SignatureScheme(KeyKind.Rsa, hash);
            return null;
        }
    }

    // The hash that is as strong as the key comes first, as in strongSwan.
    private static IEnumerable<SignatureScheme> Candidates(PublicKey key)
    {
        if (key.Kind == KeyKind.Ed25519) return [SignatureScheme.Ed25519];
        if (key.Kind == KeyKind.Ed448) return [SignatureScheme.Ed448];
        var (strong, stronger) = key.Kind == KeyKind.Rsa ? (3072, 7680) : (256, 384);
        HashKind[] hashes = key.Bits <= strong ? [HashKind.Sha256, HashKind.Sha384, HashKind.Sha512]
            : key.Bits <= stronger ? [HashKind.Sha384, HashKind.Sha512, HashKind.Sha256] : [HashKind.Sha512, HashKind.Sha384, HashKind.Sha256];
        return key.Kind == KeyKind.Rsa
            ? hashes.Select(h => new SignatureScheme(KeyKind.Rsa, h)).Concat(hashes.Select(h => new SignatureScheme(KeyKind.Rsa, h, Pss: true)))
            : hashes.Select(h => new SignatureScheme(KeyKind.Ecdsa, h));
    }
}
