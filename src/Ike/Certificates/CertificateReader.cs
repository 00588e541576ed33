using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Der;
using Gateway.Crypto.Signatures;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>Reads X.509 certificates (RFC 5280 §4.1) that may come from anybody: strict DER, bounded, never an exception.</summary>
public static class CertificateReader
{
    /// <summary>Octets of the largest certificate that is looked at.</summary>
    public const int MaxLength = 64 * 1024;

    private const int MaxExtensions = 64;

    /// <summary>What the extensions say; filled row by row.</summary>
    private sealed class Extensions
    {
        public bool IsCa;
        public int? PathLength;
        public KeyUsages? KeyUsage;
        public List<string> ExtendedKeyUsage = [];
        public List<Identity> Names = [];
        public Octets SubjectKeyId;
        public Octets AuthorityKeyId;
        public List<string> CrlUris = [];
        public List<string> OcspUris = [];
        public List<string> Policies = [];
        public NameConstraints? Constraints;
        public string? UnknownCritical;
    }

    private delegate bool Read(ReadOnlySpan<byte> value, Extensions into);

    // RFC 5280 §4.2.1, §4.2.2: the extensions that are understood.
    private static readonly Dictionary<string, Read> _extensions = new()
    {
        ["2.5.29.19"] = BasicConstraints,
        ["2.5.29.15"] = KeyUsage,
        ["2.5.29.37"] = ExtendedKeyUsage,
        ["2.5.29.17"] = static (value, e) => new DerReader(value) is var r && r.TryReadInto(DerTag.Sequence, out var names) && r.AtEnd && GeneralNames.TryRead(names, e.Names),
        ["2.5.29.14"] = SubjectKeyId,
        ["2.5.29.35"] = AuthorityKeyId,
        ["2.5.29.31"] = DistributionPoints,
        ["2.5.29.30"] = static (value, e) => Certificates.NameConstraints.TryRead(value, out e.Constraints!),
        ["2.5.29.32"] = Policies,
        ["1.3.6.1.5.5.7.1.1"] = InformationAccess,
    };

    /// <summary>Reads one certificate in DER; false with one sentence when it is none.</summary>
    public static bool TryRead(ReadOnlySpan<byte> der, [NotNullWhen(true)] out Certificate? certificate, [NotNullWhen(false)] out string? error)
    {
        certificate = null;
        if (der.Length > MaxLength) return Fail("The certificate is too long.", out error);
        var reader = new DerReader(der);
        if (!reader.TryReadInto(DerTag.Sequence, out var outer) || !reader.AtEnd
            || !outer.TryRead(DerTag.Sequence, out var tbsContent, out var tbs)
            || !outer.TryRead(DerTag.Sequence, out _, out var algorithm)
            || !outer.TryReadBitOctets(out var signature) || !outer.AtEnd) return Fail("The certificate is not DER of X.509.", out error);

        var body = new DerReader(tbsContent);
        // RFC 5280 §4.1.2.1: version 3 is written as 2.
        if (!body.TryReadOptional(DerTag.ContextConstructed(0), out var hasVersion, out var version)) return Fail("The certificate's version is damaged.", out error);
        var isV3 = hasVersion && version.SequenceEqual<byte>([DerTag.Integer, 1, 2]);
        if (!body.TryReadInteger(out var serial) || serial.Length > 21) return Fail("The certificate's serial number is damaged.", out error);
        if (!body.TryRead(DerTag.Sequence, out _, out var inner) || !body.TryRead(DerTag.Sequence, out _, out var issuer)
            || !body.TryReadInto(DerTag.Sequence, out var validity) || !body.TryRead(DerTag.Sequence, out _, out var subject)
            || !body.TryRead(DerTag.Sequence, out _, out var keyInfo)) return Fail("The certificate's fields are damaged.", out error);
        if (!validity.TryReadTime(out var notBefore) || !validity.TryReadTime(out var notAfter) || !validity.AtEnd) return Fail("The certificate's times are damaged.", out error);
        if (!DistinguishedName.IsValid(issuer) || !DistinguishedName.IsValid(subject)) return Fail("The certificate's names are damaged.", out error);
        // RFC 5280 §4.1.1.2: the algorithm stands twice, alike.
        if (!inner.SequenceEqual(algorithm)) return Fail("The certificate names two signature algorithms.", out error);
        if (!AlgorithmIdentifier.TryParse(algorithm, out var scheme, out var salt)) return Fail("The certificate is signed with an algorithm that is not taken.", out error);
        if (!PublicKey.TryParse(keyInfo, out var key)) return Fail("The certificate's public key is damaged or of a kind that is not taken.", out error);

        using (key)
        {
            var extensions = new Extensions();
            // RFC 5280 §4.1.2.8: unique identifiers, which nobody uses.
            if (!body.TryReadOptional(DerTag.Context(1), out _, out _) || !body.TryReadOptional(DerTag.Context(2), out _, out _)
                || !body.TryReadOptional(DerTag.ContextConstructed(3), out var hasExtensions, out var content) || !body.AtEnd
                || (hasExtensions && !isV3) || (hasExtensions && !TryExtensions(content, extensions, out error)))
                return Fail("The certificate's extensions are damaged.", out error);
            certificate = new Certificate
            {
                Raw = new Octets(der),
                Tbs = new Octets(tbs),
                Serial = new Octets(serial),
                Subject = new Octets(subject),
                Issuer = new Octets(issuer),
                NotBefore = notBefore,
                NotAfter = notAfter,
                KeyInfo = new Octets(keyInfo),
                KeyKind = key.Kind,
                KeyBits = key.Bits,
                KeyInfoHash = key.InfoHash(),
                KeyHash = key.KeyHash(),
                Scheme = scheme,
                SaltLength = salt,
                Signature = new Octets(signature),
                IsCa = extensions.IsCa,
                PathLength = extensions.PathLength,
                KeyUsage = extensions.KeyUsage,
                ExtendedKeyUsage = extensions.ExtendedKeyUsage.ToValueList(),
                AlternativeNames = extensions.Names.ToValueList(),
                SubjectKeyId = extensions.SubjectKeyId,
                AuthorityKeyId = extensions.AuthorityKeyId,
                CrlUris = extensions.CrlUris.ToValueList(),
                OcspUris = extensions.OcspUris.ToValueList(),
                Policies = extensions.Policies.ToValueList(),
                NameConstraints = extensions.Constraints,
                UnknownCritical = extensions.UnknownCritical,
            };
        }

        error = null;
        return true;
    }

    private static bool TryExtensions(ReadOnlySpan<byte> content, Extensions into, [NotNullWhen(false)] out string? error)
    {
        error = "The certificate's extensions are damaged.";
        var outer = new DerReader(content);
        if (!outer.TryReadInto(DerTag.Sequence, out var list) || !outer.AtEnd) return false;
        var seen = new HashSet<string>(StringComparer.Ordinal);
        while (!list.AtEnd)
        {
            var critical = false;
            if (seen.Count >= MaxExtensions || !list.TryReadInto(DerTag.Sequence, out var extension) || !extension.TryReadOid(out var oid)) return false;
            if (extension.PeekTag == DerTag.Boolean && !extension.TryReadBoolean(out critical)) return false;
            // RFC 5280 §4.2: no extension stands twice.
            if (!extension.TryRead(DerTag.OctetString, out var value) || !extension.AtEnd || !seen.Add(oid)) return false;
            if (_extensions.TryGetValue(oid, out var read))
            {
                if (!read(value, into)) return false;
            }
            else if (critical)
            {
                into.UnknownCritical ??= oid;
            }
        }

        error = null;
        return true;
    }

    private static bool BasicConstraints(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !reader.AtEnd) return false;
        if (inner.PeekTag == DerTag.Boolean && !inner.TryReadBoolean(out into.IsCa)) return false;
        if (inner.AtEnd) return true;
        if (!inner.TryReadSmall(out var length)) return false;
        into.PathLength = length;
        // RFC 5280 §4.2.1.9: a length is for authorities only.
        return inner.AtEnd && into.IsCa;
    }

    private static bool KeyUsage(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadNamedBits(out var bits) || !reader.AtEnd) return false;
        into.KeyUsage = (KeyUsages)bits;
        return true;
    }

    private static bool ExtendedKeyUsage(ReadOnlySpan<byte> value, Extensions into) => TryOids(value, into.ExtendedKeyUsage);

    private static bool SubjectKeyId(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryRead(DerTag.OctetString, out var id) || !reader.AtEnd) return false;
        into.SubjectKeyId = new Octets(id);
        return true;
    }

    private static bool AuthorityKeyId(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !reader.AtEnd || !inner.TryReadOptional(DerTag.Context(0), out _, out var id)) return false;
        into.AuthorityKeyId = new Octets(id);
        return true;
    }

    private static bool DistributionPoints(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var points) || !reader.AtEnd) return false;
        while (!points.AtEnd)
        {
            if (!points.TryReadInto(DerTag.Sequence, out var point)) return false;
            // RFC 5280 §4.2.1.13: the name of the point, as full names; lists of other issuers (cRLIssuer) are not followed.
            if (!point.TryReadOptional(DerTag.ContextConstructed(0), out var present, out var name)) return false;
            if (!point.TryReadOptional(DerTag.Context(1), out _, out _) || !point.TryReadOptional(DerTag.ContextConstructed(2), out var other, out _)) return false;
            if (!present || other) continue;
            var names = new DerReader(name);
            if (names.PeekTag == DerTag.ContextConstructed(0) && (!names.TryReadInto(DerTag.ContextConstructed(0), out var full) || !GeneralNames.TryReadUris(full, into.CrlUris))) return false;
        }

        return true;
    }

    private static bool InformationAccess(ReadOnlySpan<byte> value, Extensions into)
    {
        const string ocsp = "1.3.6.1.5.5.7.48.1";
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var list) || !reader.AtEnd) return false;
        while (!list.AtEnd)
        {
            if (!list.TryReadInto(DerTag.Sequence, out var access) || !access.TryReadOid(out var method)) return false;
            if (method == ocsp && !GeneralNames.TryReadUris(access, into.OcspUris)) return false;
        }

        return true;
    }

    private static bool Policies(ReadOnlySpan<byte> value, Extensions into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var list) || !reader.AtEnd) return false;
        while (!list.AtEnd)
        {
            if (!list.TryReadInto(DerTag.Sequence, out var policy) || !policy.TryReadOid(out var oid)) return false;
            into.Policies.Add(oid);
        }

        return true;
    }

    private static bool TryOids(ReadOnlySpan<byte> value, List<string> into)
    {
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var list) || !reader.AtEnd || list.AtEnd) return false;
        while (!list.AtEnd)
        {
            if (!list.TryReadOid(out var oid)) return false;
            into.Add(oid);
        }

        return true;
    }

    private static bool Fail(string sentence, out string error)
    {
        error = sentence;
        return false;
    }
}
