using Gateway.Crypto.Signatures;
using Gateway.Ike.Sa;

namespace Gateway.Ike.Certificates;

/// <summary>
/// Finds and judges the way from a peer's certificate to a trust anchor (RFC 5280 §6, RFC 4945 §5). Authorities of the configuration that are
/// self-signed are anchors; others, and what the peer sent, only complete the way. A peer's certificate that is configured itself is trusted as it stands.
/// </summary>
public static class TrustChain
{
    private const int MaxDepth = 8;

    /// <summary>Signatures that one judgement may cost.</summary>
    private const int MaxVerifications = 32;

    // RFC 4945 §5.1.3.12 and what peers have in practice: one of these must be among the purposes, when there are any.
    private static readonly string[] _purposes =
    [
        "2.5.29.37.0", "1.3.6.1.5.5.7.3.17", "1.3.6.1.5.5.8.2.2", "1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2", "1.3.6.1.5.5.7.3.5", "1.3.6.1.5.5.7.3.6", "1.3.6.1.5.5.7.3.7",
    ];

    private sealed class Search(Credentials credentials, IReadOnlyList<Certificate> sent, ChainDemands demands, DateTimeOffset now, bool isPinned)
    {
        private int _verifications;

        /// <summary>Why the best way that was found does not hold.</summary>
        public string? Fault { get; private set; }

        public List<Certificate> Chain { get; } = [];

        public bool Find(Certificate certificate)
        {
            Chain.Add(certificate);
            if (FaultOf(certificate, Chain.Count - 1) is { } fault) return Back(fault);
            if (certificate.IsSelfIssued && IsAnchor(certificate)) return true;
            if (Chain.Count >= MaxDepth) return Back("its chain of certificates is too long");
            var issuers = Issuers(certificate).ToList();
            foreach (var issuer in issuers)
            {
                if (++_verifications > MaxVerifications) return Back("its chain of certificates takes too long to follow");
                if (!certificate.IsSignedBy(issuer))
                {
                    Fault ??= $"the signature of {issuer} on {certificate} is wrong";
                    continue;
                }

                if (!ChainDemands.Allows(demands.Word.Chain, certificate.Scheme) || IsTooWeak(certificate))
                {
                    Fault ??= $"{certificate} is signed with {certificate.Scheme}, which is not allowed";
                    continue;
                }

                if (Find(issuer)) return true;
            }

            // A configured certificate needs no anchor, but what is known of its issuers counts.
            if (isPinned && issuers.Count == 0) return true;
            return Back(certificate.IsSelfIssued ? $"{certificate} is self-signed and no trust anchor" : $"no trusted authority {DistinguishedName.Print(certificate.Issuer.Span)} is known");
        }

        private bool Back(string fault)
        {
            Fault ??= fault;
            Chain.RemoveAt(Chain.Count - 1);
            return false;
        }

        private bool IsAnchor(Certificate certificate) => credentials.Authorities.Any(a => a.Certificate.Equals(certificate)) || (isPinned && Chain.Count == 1);

        // Anchors first, then other authorities of the configuration, then what the peer sent.
        private IEnumerable<Certificate> Issuers(Certificate certificate) => credentials.Issuers.OrderBy(a => a.IsSelfIssued ? 0 : 1).Concat(sent)
            .Where(i => DistinguishedName.AreEqual(i.Subject, certificate.Issuer) && !Chain.Contains(i))
            .Where(i => certificate.AuthorityKeyId.IsEmpty || i.SubjectKeyId.IsEmpty || certificate.AuthorityKeyId == i.SubjectKeyId)
            .Distinct();

        private string? FaultOf(Certificate certificate, int depth)
        {
            if (certificate.UnknownCritical is { } oid) return $"{certificate} has the critical extension {oid}, which is not understood";
            if (now < certificate.NotBefore) return $"{certificate} is not valid before {certificate.NotBefore:yyyy-MM-dd HH:mm:ss}Z";
            if (now > certificate.NotAfter) return $"{certificate} expired on {certificate.NotAfter:yyyy-MM-dd HH:mm:ss}Z";
            if (!ChainDemands.Allows(demands.Word, certificate.KeyKind, certificate.KeyBits)) return $"the key of {certificate} ({certificate.KeyKind}, {certificate.KeyBits} bits) is weaker than demanded";
            if (depth == 0) return null;
            if (!certificate.IsCa) return $"{certificate} is no authority";
            // RFC 5280 §6.1.4 (n).
            if (certificate.KeyUsage is { } usage && (usage & KeyUsages.KeyCertSign) == 0) return $"the key of {certificate} must not sign certificates";
            // RFC 5280 §6.1.4 (l): self-issued ones do not count.
            if (certificate.PathLength is { } length && Chain.Take(depth).Skip(1).Count(c => !c.IsSelfIssued) > length) return $"too many authorities stand below {certificate}";
            foreach (var below in Chain.Take(depth))
                if (certificate.NameConstraints?.Violation(below.Names.Where(n => n.Data.Length > 2)) is { } name && !(below.IsSelfIssued && !below.Equals(Chain[0])))
                    return $"{certificate} does not allow the name {name}";
            return null;
        }

        // SHA-1 has been broken for signatures over what others may choose; it must be asked for by name.
        private bool IsTooWeak(Certificate certificate) =>
            certificate.Scheme.Hash == HashKind.Sha1 && !demands.Word.Chain.Any(r => r.Hash == "sha1");
    }

    /// <summary>Judges a certificate for an identity.</summary>
    /// <param name="identity">Who the peer says it is; null when that was judged elsewhere.</param>
    /// <param name="sent">Further certificates of the peer.</param>
    /// <param name="asked">Places that were asked already, by <see cref="Lookup.Key"/>.</param>
    public static ChainVerdict Judge(
        Certificate certificate, Identity? identity, IReadOnlyList<Certificate> sent, Credentials credentials, ChainDemands demands,
        RevocationCache revocation, IReadOnlyCollection<string> asked, DateTimeOffset now)
    {
        if (identity is not null && !certificate.SpeaksFor(identity)) return new ChainVerdict.Untrusted($"the certificate {certificate} is not for {identity}");
        // RFC 4945 §5.1.3.2: the key signs AUTH.
        if (certificate.KeyUsage is { } usage && (usage & (KeyUsages.DigitalSignature | KeyUsages.NonRepudiation)) == 0)
            return new ChainVerdict.Untrusted($"the key of {certificate} must not sign");
        if (certificate.ExtendedKeyUsage.Count > 0 && !certificate.ExtendedKeyUsage.Any(_purposes.Contains)) return new ChainVerdict.Untrusted($"{certificate} is for other purposes");
        if (demands.Certs.Count > 0 && !credentials.Named(demands.Certs).Contains(certificate)) return new ChainVerdict.Untrusted($"{certificate} is not one of the configured certificates");
        if (demands.Policies.Count > 0 && !demands.Policies.Any(p => certificate.Policies.Contains(p))) return new ChainVerdict.Untrusted($"{certificate} has none of the demanded policies");

        var search = new Search(credentials, sent, demands, now, credentials.EndEntities.Any(e => e.Certificate.Equals(certificate)));
        if (!search.Find(certificate)) return new ChainVerdict.Untrusted(search.Fault ?? $"{certificate} is not trusted");
        var chain = search.Chain;
        if (demands.Cacerts.Count > 0 && !credentials.Named(demands.Cacerts).Any(chain.Skip(1).Contains)) return new ChainVerdict.Untrusted($"the chain of {certificate} has none of the configured authorities");
        if (demands.CaId is { IsAny: false } ca && !chain.Skip(1).Any(c => c.Names.Any(n => ca.Match(n) > 0))) return new ChainVerdict.Untrusted($"the chain of {certificate} has no authority {ca}");

        for (var i = 0; i + 1 < chain.Count; i++)
            if (RevocationCheck.Judge(chain[i], chain[i + 1], credentials, demands.Revocation, revocation, asked, now) is { } other) return other;
        return new ChainVerdict.Trusted(chain);
    }
}
