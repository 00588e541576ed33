using Gateway.Crypto.Der;
using Gateway.Crypto.Signatures;

namespace Gateway.Ike.Certificates;

/// <summary>What is known of one certificate.</summary>
public enum CertificateStatus
{
    Good,
    Revoked,
    Unknown,
}

/// <summary>What an OCSP responder said of a certificate.</summary>
/// <param name="NextUpdate">Until when it holds; null when newer information is always there.</param>
public sealed record OcspAnswer(CertificateStatus Status, DateTimeOffset ThisUpdate, DateTimeOffset? NextUpdate);

/// <summary>OCSP (RFC 6960): requests about one certificate, and their responses.</summary>
public static class Ocsp
{
    /// <summary>Octets of the longest response that is looked at.</summary>
    public const int MaxLength = 256 * 1024;

    private const string BasicResponse = "1.3.6.1.5.5.7.48.1.1";
    private const string SigningPurpose = "1.3.6.1.5.5.7.3.9";
    private const int MaxCertificates = 8;

    // How far the clocks of a responder and ours may differ.
    private static readonly TimeSpan _tolerance = TimeSpan.FromMinutes(5);

    /// <summary>OCSPRequest of RFC 6960 §4.1.1, without a nonce, so that responders may answer with what they made before (RFC 5019 §2.1).</summary>
    public static byte[] Request(Certificate certificate, Certificate issuer) =>
        DerWriter.Sequence(DerWriter.Sequence(DerWriter.Sequence(DerWriter.Sequence(CertId(certificate, issuer)))));

    /// <summary>Reads a response; null when it is not one about this certificate that can be trusted and is fresh.</summary>
    /// <param name="trusted">Certificates of OCSP signers that the configuration trusts.</param>
    public static OcspAnswer? Read(ReadOnlySpan<byte> der, Certificate certificate, Certificate issuer, IEnumerable<Certificate> trusted, DateTimeOffset now)
    {
        if (der.Length > MaxLength) return null;
        var reader = new DerReader(der);
        if (!reader.TryReadInto(DerTag.Sequence, out var outer) || !reader.AtEnd || !outer.TryRead(DerTag.Enumerated, out var status) || status is not [0]) return null;
        if (!outer.TryReadInto(DerTag.ContextConstructed(0), out var explicitly) || !explicitly.TryReadInto(DerTag.Sequence, out var bytes)
            || !bytes.TryReadOid(out var type) || type != BasicResponse || !bytes.TryRead(DerTag.OctetString, out var basic)) return null;

        var response = new DerReader(basic);
        if (!response.TryReadInto(DerTag.Sequence, out var inner) || !response.AtEnd || !inner.TryRead(DerTag.Sequence, out var content, out var tbs)
            || !inner.TryRead(DerTag.Sequence, out _, out var algorithm) || !AlgorithmIdentifier.TryParse(algorithm, out var scheme, out var salt)
            || !inner.TryReadBitOctets(out var signature)) return null;
        var signers = new List<Certificate> { issuer };
        signers.AddRange(trusted);
        if (inner.PeekTag == DerTag.ContextConstructed(0) && !TrySigners(inner, issuer, now, signers)) return null;
        if (!IsSigned(signers, scheme, salt, tbs, signature)) return null;
        return Find(content, CertId(certificate, issuer), now);
    }

    // RFC 6960 §4.1.1: SHA-1 over the issuer's name and over its key.
    private static byte[] CertId(Certificate certificate, Certificate issuer) => DerWriter.Sequence(
        AlgorithmIdentifier.HashIdentifier(HashKind.Sha1),
        DerWriter.OctetString(PublicKey.LegacyHash(issuer.Subject.Span)),
        DerWriter.OctetString(issuer.KeyHash.Span),
        DerWriter.Element(DerTag.Integer, certificate.Serial.Span));

    // RFC 6960 §4.2.2.2: a responder that the issuer certified for it itself.
    private static bool TrySigners(DerReader inner, Certificate issuer, DateTimeOffset now, List<Certificate> signers)
    {
        if (!inner.TryReadInto(DerTag.ContextConstructed(0), out var wrapped) || !wrapped.TryReadInto(DerTag.Sequence, out var list)) return false;
        for (var count = 0; !list.AtEnd && count < MaxCertificates; count++)
        {
            if (!list.TryRead(DerTag.Sequence, out _, out var whole)) return false;
            if (!CertificateReader.TryRead(whole, out var signer, out _) || signer.UnknownCritical is not null || !signer.ExtendedKeyUsage.Contains(SigningPurpose)) continue;
            if (now >= signer.NotBefore && now <= signer.NotAfter && DistinguishedName.AreEqual(signer.Issuer, issuer.Subject) && signer.IsSignedBy(issuer)) signers.Add(signer);
        }

        return true;
    }

    private static bool IsSigned(List<Certificate> signers, SignatureScheme scheme, int salt, ReadOnlySpan<byte> tbs, ReadOnlySpan<byte> signature)
    {
        foreach (var signer in signers)
        {
            if (signer.KeyKind != scheme.Key || !PublicKey.TryParse(signer.KeyInfo.Span, out var key)) continue;
            using (key)
                if (key.Verify(scheme, tbs, signature, scheme.Pss ? salt : null)) return true;
        }

        return false;
    }

    private static OcspAnswer? Find(ReadOnlySpan<byte> responseData, byte[] certId, DateTimeOffset now)
    {
        var data = new DerReader(responseData);
        // Version, and who the responder says it is: its key has shown that.
        if (!data.TryReadOptional(DerTag.ContextConstructed(0), out _, out _) || !data.TrySkip() || !data.TryRead(DerTag.GeneralizedTime, out _)) return null;
        if (!data.TryReadInto(DerTag.Sequence, out var list)) return null;
        while (!list.AtEnd)
        {
            if (!list.TryReadInto(DerTag.Sequence, out var single) || !single.TryRead(DerTag.Sequence, out _, out var id)) return null;
            if (!single.TryReadAny(out var tag, out _, out _) || !single.TryReadTime(out var thisUpdate)) return null;
            DateTimeOffset? nextUpdate = null;
            if (single.PeekTag == DerTag.ContextConstructed(0))
            {
                if (!single.TryReadInto(DerTag.ContextConstructed(0), out var next) || !next.TryReadTime(out var time)) return null;
                nextUpdate = time;
            }

            if (!SameId(id, certId)) continue;
            // RFC 6960 §4.2.2.1: what is over, or not yet, says nothing.
            if (thisUpdate > now + _tolerance || nextUpdate < now - _tolerance) continue;
            return tag switch
            {
                0x80 => new OcspAnswer(CertificateStatus.Good, thisUpdate, nextUpdate),
                0xa1 => new OcspAnswer(CertificateStatus.Revoked, thisUpdate, nextUpdate),
                _ => new OcspAnswer(CertificateStatus.Unknown, thisUpdate, nextUpdate),
            };
        }

        return null;
    }

    // The parameters of the hash algorithm may be left out.
    private static bool SameId(ReadOnlySpan<byte> found, ReadOnlySpan<byte> asked)
    {
        if (found.SequenceEqual(asked)) return true;
        var a = new DerReader(found);
        var b = new DerReader(asked);
        if (!a.TryReadInto(DerTag.Sequence, out var x) || !b.TryReadInto(DerTag.Sequence, out var y)) return false;
        if (!x.TryReadInto(DerTag.Sequence, out var xa) || !y.TryReadInto(DerTag.Sequence, out var ya)) return false;
        return xa.TryReadOid(out var xo) && ya.TryReadOid(out var yo) && xo == yo && x.Rest.SequenceEqual(y.Rest);
    }
}
