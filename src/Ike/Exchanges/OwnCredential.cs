using Gateway.Crypto.Signatures;
using Gateway.Ike.Certificates;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Exchanges;

/// <summary>A private key to sign with, and the certificates to show with it.</summary>
/// <param name="Key">The directory's; not to be disposed.</param>
/// <param name="Chain">The certificate and the issuers that are known, without the anchor; empty for a raw public key.</param>
internal sealed record OwnCredential(PrivateKey Key, IReadOnlyList<Certificate> Chain)
{
    private const int MaxDepth = 8;

    /// <summary>
    /// The certificate of the configuration, else one for the identity; of several, one whose chain leads to an authority that the peer asked for.
    /// Null when there is none with a private key.
    /// </summary>
    /// <param name="asked">Hashes of authorities out of CERTREQ, 20 octets each.</param>
    public static OwnCredential? Choose(Scope scope, ValueList<string> certs, ValueList<string> pubkeys, Identity own, Octets asked)
    {
        var credentials = scope.Directory.Credentials;
        if (pubkeys.Count > 0)
            foreach (var raw in credentials.NamedKeys(pubkeys))
                if (KeyOf(scope, raw.InfoHash) is { } key) return new OwnCredential(key, []);

        var candidates = certs.Count > 0 ? credentials.Named(certs) : credentials.EndEntities.Select(e => e.Certificate).Where(c => c.SpeaksFor(own));
        var usable = candidates.Select(c => (Key: KeyOf(scope, c.KeyInfoHash), Chain: ChainOf(credentials, c))).Where(c => c.Key is not null).ToList();
        var best = usable.FindIndex(c => IsAsked(credentials, c.Chain, asked));
        return usable.Count == 0 ? null : new OwnCredential(usable[Math.Max(best, 0)].Key!, usable[Math.Max(best, 0)].Chain);
    }

    /// <summary>
    /// Who we are in a round: the configured identity where the certificate confirms it, else, as in strongSwan, the certificate's subject; without
    /// certificates the configured identity or our address.
    /// </summary>
    public static Identity IdentityOf(Scope scope, Round round, System.Net.IPAddress local)
    {
        if (round.Method == Policy.Items.AuthenticationMethod.Pubkey && round.Certs.Count > 0 && scope.Directory.Credentials.Named(round.Certs).ToList() is { Count: > 0 } named)
            return named.Exists(c => c.SpeaksFor(round.Id)) ? round.Id : named[0].SubjectIdentity;
        return round.Id is { IsAny: false } configured ? configured : Identity.Of(local);
    }

    private static PrivateKey? KeyOf(Scope scope, Octets infoHash) =>
        scope.Directory.Credentials.PrivateKeyOf(infoHash) is { } handle ? scope.Directory.PrivateKey(handle) : null;

    private static List<Certificate> ChainOf(Credentials credentials, Certificate certificate)
    {
        var chain = new List<Certificate> { certificate };
        // RFC 7296 §3.6: intermediates are sent, the anchor is not needed.
        while (chain.Count < MaxDepth && credentials.Issuers.FirstOrDefault(a => DistinguishedName.AreEqual(a.Subject, chain[^1].Issuer) && !a.IsSelfIssued && !chain.Contains(a)) is { } issuer)
            chain.Add(issuer);
        return chain;
    }

    private static bool IsAsked(Credentials credentials, List<Certificate> chain, Octets asked)
    {
        for (var i = 0; i + 20 <= asked.Length; i += 20)
        {
            var hash = asked.Span.Slice(i, 20);
            foreach (var authority in credentials.Authorities)
                if (authority.Certificate.KeyInfoHash.Span.SequenceEqual(hash) && chain.Exists(c => DistinguishedName.AreEqual(c.Issuer, authority.Certificate.Subject))) return true;
        }

        return false;
    }
}
