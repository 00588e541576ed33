using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Der;
using Gateway.Crypto.Signatures;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>A certificate revocation list (RFC 5280 §5), read whole. Lists of changes only and lists for other authorities are not taken.</summary>
public sealed class RevocationList
{
    /// <summary>Octets of the longest list that is looked at.</summary>
    public const int MaxLength = 32 * 1024 * 1024;

    private readonly Dictionary<Octets, int> _entries;

    private RevocationList(Dictionary<Octets, int> entries) => _entries = entries;

    public required Octets Raw { get; init; }

    public required Octets Issuer { get; init; }

    public required Octets AuthorityKeyId { get; init; }

    public required DateTimeOffset ThisUpdate { get; init; }

    /// <summary>When the next one comes at the latest; a list that does not say is never fresh.</summary>
    public required DateTimeOffset? NextUpdate { get; init; }

    /// <summary>For certificates of end entities only, or of authorities only (RFC 5280 §5.2.5).</summary>
    public required bool OnlyUsers { get; init; }

    /// <inheritdoc cref="OnlyUsers"/>
    public required bool OnlyAuthorities { get; init; }

    private Octets Tbs { get; init; }

    private Octets Signature { get; init; }

    private SignatureScheme Scheme { get; init; }

    private int SaltLength { get; init; }

    public int Count => _entries.Count;

    public bool IsFresh(DateTimeOffset now) => ThisUpdate <= now && NextUpdate > now;

    /// <summary>The reason code of RFC 5280 §5.3.1 when the certificate is on the list, else null.</summary>
    public int? ReasonOf(Octets serial) => _entries.TryGetValue(serial, out var reason) ? reason : null;

    /// <summary>Whether the list is about a certificate at all.</summary>
    public bool Covers(Certificate certificate) =>
        DistinguishedName.AreEqual(Issuer, certificate.Issuer) && !(certificate.IsCa ? OnlyUsers : OnlyAuthorities);

    public bool IsSignedBy(Certificate issuer)
    {
        if (!DistinguishedName.AreEqual(Issuer, issuer.Subject) || issuer.KeyKind != Scheme.Key) return false;
        if (!AuthorityKeyId.IsEmpty && !issuer.SubjectKeyId.IsEmpty && AuthorityKeyId != issuer.SubjectKeyId) return false;
        // RFC 5280 §6.3.3 (f): the key may sign lists, if it says what it may.
        if (issuer.KeyUsage is { } usage && (usage & KeyUsages.CrlSign) == 0) return false;
        if (!PublicKey.TryParse(issuer.KeyInfo.Span, out var key)) return false;
        using (key) return key.Verify(Scheme, Tbs.Span, Signature.Span, Scheme.Pss ? SaltLength : null);
    }

    public static bool TryRead(ReadOnlySpan<byte> der, [NotNullWhen(true)] out RevocationList? list, [NotNullWhen(false)] out string? error)
    {
        list = null;
        error = "The revocation list is damaged.";
        if (der.Length > MaxLength) return Fail("The revocation list is too long.", out error);
        var reader = new DerReader(der);
        if (!reader.TryReadInto(DerTag.Sequence, out var outer) || !reader.AtEnd
            || !outer.TryRead(DerTag.Sequence, out var content, out var tbs) || !outer.TryRead(DerTag.Sequence, out _, out var algorithm)
            || !outer.TryReadBitOctets(out var signature) || !outer.AtEnd) return false;
        var body = new DerReader(content);
        if (body.PeekTag == DerTag.Integer && (!body.TryReadSmall(out var version) || version != 1)) return false;
        if (!body.TryRead(DerTag.Sequence, out _, out var inner) || !inner.SequenceEqual(algorithm) || !body.TryRead(DerTag.Sequence, out _, out var issuer)
            || !DistinguishedName.IsValid(issuer) || !body.TryReadTime(out var thisUpdate)) return false;
        if (!AlgorithmIdentifier.TryParse(algorithm, out var scheme, out var salt)) return Fail("The revocation list is signed with an algorithm that is not taken.", out error);
        DateTimeOffset? nextUpdate = null;
        if (body.PeekTag is DerTag.UtcTime or DerTag.GeneralizedTime)
        {
            if (!body.TryReadTime(out var next)) return false;
            nextUpdate = next;
        }

        var entries = new Dictionary<Octets, int>();
        if (!body.TryReadOptional(DerTag.Sequence, out _, out var revoked)) return false;
        if (TryEntries(new DerReader(revoked), entries) is { } fault) return Fail(fault, out error);
        if (!body.TryReadOptional(DerTag.ContextConstructed(0), out _, out var extensions) || !body.AtEnd) return Fail("The revocation list is damaged.", out error);
        if (!TryExtensions(extensions, out var keyId, out var onlyUsers, out var onlyAuthorities, out var damage)) return Fail(damage, out error);
        list = new RevocationList(entries)
        {
            Raw = new Octets(der),
            Issuer = new Octets(issuer),
            AuthorityKeyId = keyId,
            ThisUpdate = thisUpdate,
            NextUpdate = nextUpdate,
            OnlyUsers = onlyUsers,
            OnlyAuthorities = onlyAuthorities,
            Tbs = new Octets(tbs),
            Signature = new Octets(signature),
            Scheme = scheme,
            SaltLength = salt,
        };
        error = null;
        return true;
    }

    private static string? TryEntries(DerReader reader, Dictionary<Octets, int> entries)
    {
        const string damaged = "The revocation list is damaged.";
        while (!reader.AtEnd)
        {
            if (!reader.TryReadInto(DerTag.Sequence, out var entry) || !entry.TryReadInteger(out var serial) || !entry.TryReadTime(out _)) return damaged;
            var reason = 0;
            if (!entry.AtEnd && (!entry.TryReadInto(DerTag.Sequence, out var extensions) || !TryEntryExtensions(extensions, out reason))) return damaged;
            // RFC 5280 §5.3.1: removeFromCRL occurs in lists of changes only.
            if (reason != 8) entries[new Octets(serial)] = reason;
        }

        return null;
    }

    private static bool TryEntryExtensions(DerReader extensions, out int reason)
    {
        reason = 0;
        while (!extensions.AtEnd)
        {
            var critical = false;
            if (!extensions.TryReadInto(DerTag.Sequence, out var extension) || !extension.TryReadOid(out var oid)) return false;
            if (extension.PeekTag == DerTag.Boolean && !extension.TryReadBoolean(out critical)) return false;
            if (!extension.TryRead(DerTag.OctetString, out var value)) return false;
            if (oid == "2.5.29.21")
            {
                var inner = new DerReader(value);
                if (!inner.TryRead(DerTag.Enumerated, out var code) || code.Length != 1) return false;
                reason = code[0];
            }
            else if (critical)
            {
                return false;
            }
        }

        return true;
    }

    private static bool TryExtensions(ReadOnlySpan<byte> content, out Octets keyId, out bool onlyUsers, out bool onlyAuthorities, [NotNullWhen(false)] out string? error)
    {
        (keyId, onlyUsers, onlyAuthorities, error) = (default, false, false, null);
        if (content.IsEmpty) return true;
        error = "The revocation list's extensions are damaged.";
        var outer = new DerReader(content);
        if (!outer.TryReadInto(DerTag.Sequence, out var list) || !outer.AtEnd) return false;
        while (!list.AtEnd)
        {
            var critical = false;
            if (!list.TryReadInto(DerTag.Sequence, out var extension) || !extension.TryReadOid(out var oid)) return false;
            if (extension.PeekTag == DerTag.Boolean && !extension.TryReadBoolean(out critical)) return false;
            if (!extension.TryRead(DerTag.OctetString, out var value)) return false;
            switch (oid)
            {
                case "2.5.29.35":
                    var reader = new DerReader(value);
                    if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !inner.TryReadOptional(DerTag.Context(0), out _, out var id)) return false;
                    keyId = new Octets(id);
                    break;
                case "2.5.29.28":
                    if (!TryDistributionPoint(value, out onlyUsers, out onlyAuthorities)) return Fail("The revocation list is of a kind that is not taken.", out error);
                    break;
                case "2.5.29.20":
                    break;
                default:
                    // Among them the mark of a list of changes (RFC 5280 §5.2.4).
                    if (critical) return Fail("The revocation list has an unknown critical extension.", out error);
                    break;
            }
        }

        error = null;
        return true;
    }

    // RFC 5280 §5.2.5.
    private static bool TryDistributionPoint(ReadOnlySpan<byte> value, out bool onlyUsers, out bool onlyAuthorities)
    {
        (onlyUsers, onlyAuthorities) = (false, false);
        var reader = new DerReader(value);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !inner.TryReadOptional(DerTag.ContextConstructed(0), out _, out _)) return false;
        if (!inner.TryReadOptional(DerTag.Context(1), out var present, out var content)) return false;
        onlyUsers = present && content is [0xff];
        if (!inner.TryReadOptional(DerTag.Context(2), out present, out content)) return false;
        onlyAuthorities = present && content is [0xff];
        // Lists of some reasons, of other authorities, and of attributes.
        return inner.AtEnd;
    }

    private static bool Fail(string sentence, out string error)
    {
        error = sentence;
        return false;
    }
}
