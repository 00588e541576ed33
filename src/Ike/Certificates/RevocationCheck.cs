using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Certificates;

/// <summary>Whether a certificate was revoked: from lists of the configuration, from what is remembered, or from the places that it names.</summary>
internal static class RevocationCheck
{
    /// <summary>Null when the certificate may be used.</summary>
    public static ChainVerdict? Judge(
        Certificate certificate, Certificate issuer, Credentials credentials, RevocationPolicy policy, RevocationCache cache, IReadOnlyCollection<string> asked, DateTimeOffset now)
    {
        var status = Known(certificate, issuer, credentials, cache, now);
        if (status == CertificateStatus.Revoked) return new ChainVerdict.Untrusted($"{certificate} was revoked");
        if (status == CertificateStatus.Good) return null;
        var places = Places(certificate, issuer, credentials).ToList();
        foreach (var place in places)
            if (!asked.Contains(place.Key) && !cache.IsSilent(place.Uri, now)) return new ChainVerdict.Asks(place);
        return policy switch
        {
            RevocationPolicy.Strict => new ChainVerdict.Untrusted($"whether {certificate} was revoked is not known"),
            RevocationPolicy.Ifuri when places.Count > 0 => new ChainVerdict.Untrusted($"none of the places that {certificate} names says whether it was revoked"),
            _ => null,
        };
    }

    /// <summary>Takes what a place answered into the cache; an answer of no use makes the place silent for a while.</summary>
    public static void Learn(Lookup lookup, Octets answer, IReadOnlyList<Certificate> chain, Credentials credentials, RevocationCache cache, DateTimeOffset now)
    {
        if (answer.IsEmpty) cache.SetSilent(lookup.Uri, now);
        else if (lookup.Body.IsEmpty) LearnList(answer, chain, cache);
        else LearnAnswer(lookup, answer, chain, credentials, cache, now);
    }

    private static void LearnList(Octets answer, IReadOnlyList<Certificate> chain, RevocationCache cache)
    {
        var der = Pem.Find(answer.Span, "X509 CRL") ?? answer.Span.ToArray();
        if (RevocationList.TryRead(der, out var list, out _) && chain.Any(list.IsSignedBy)) cache.Add(list);
    }

    private static void LearnAnswer(Lookup lookup, Octets answer, IReadOnlyList<Certificate> chain, Credentials credentials, RevocationCache cache, DateTimeOffset now)
    {
        var trusted = credentials.OcspSigners.Select(s => s.Certificate);
        foreach (var (certificate, issuer) in chain.SelectMany(c => chain.Where(i => DistinguishedName.AreEqual(i.Subject, c.Issuer)).Select(i => (c, i))))
        {
            if (!lookup.Body.Span.SequenceEqual(Ocsp.Request(certificate, issuer))) continue;
            if (Ocsp.Read(answer.Span, certificate, issuer, trusted, now) is { } said) cache.Add(certificate, said, now);
            return;
        }
    }

    private static CertificateStatus Known(Certificate certificate, Certificate issuer, Credentials credentials, RevocationCache cache, DateTimeOffset now)
    {
        var status = cache.Find(certificate, now)?.Status ?? CertificateStatus.Unknown;
        if (status != CertificateStatus.Unknown) return status;
        // A revocation holds also when the list is old; that nothing is revoked must be said by a fresh one.
        foreach (var list in credentials.Lists.Concat(cache.Lists).Where(l => l.Covers(certificate)).OrderByDescending(l => l.ThisUpdate))
        {
            if (!list.IsSignedBy(issuer)) continue;
            if (list.ReasonOf(certificate.Serial) is not null) return CertificateStatus.Revoked;
            if (list.IsFresh(now)) return CertificateStatus.Good;
        }

        return CertificateStatus.Unknown;
    }

    // As strongSwan: OCSP before lists, the configuration's places before the certificate's.
    private static IEnumerable<Lookup> Places(Certificate certificate, Certificate issuer, Credentials credentials)
    {
        var own = credentials.Places.Where(p => p.Authority.Equals(issuer)).ToList();
        Octets request = Ocsp.Request(certificate, issuer);
        foreach (var uri in own.SelectMany(p => p.OcspUris).Concat(certificate.OcspUris).Distinct()) yield return new Lookup(uri, request);
        foreach (var uri in own.SelectMany(p => p.CrlUris).Concat(certificate.CrlUris).Distinct()) yield return new Lookup(uri, default);
    }
}
