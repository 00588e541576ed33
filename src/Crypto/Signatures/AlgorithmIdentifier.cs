using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Der;

namespace Gateway.Crypto.Signatures;

/// <summary>AlgorithmIdentifiers of signatures in certificates and in AUTH (RFC 7427 appendix A, RFC 4055, RFC 5758, RFC 8410).</summary>
public static class AlgorithmIdentifier
{
    private const string Pss = "1.2.840.113549.1.1.10";
    private const string Mgf1 = "1.2.840.113549.1.1.8";

    /// <summary>One row per algorithm; RSA with PKCS#1 v1.5 has NULL for parameters (RFC 4055 §5), the others have none.</summary>
    private static readonly (string Oid, SignatureScheme Scheme, bool HasNull)[] _rows =
    [
        ("1.2.840.113549.1.1.5", new(KeyKind.Rsa, HashKind.Sha1), true),
        ("1.2.840.113549.1.1.11", new(KeyKind.Rsa, HashKind.Sha256), true),
        ("1.2.840.113549.1.1.12", new(KeyKind.Rsa, HashKind.Sha384), true),
        ("1.2.840.113549.1.1.13", new(KeyKind.Rsa, HashKind.Sha512), true),
        ("1.2.840.10045.4.1", new(KeyKind.Ecdsa, HashKind.Sha1), false),
        ("1.2.840.10045.4.3.2", new(KeyKind.Ecdsa, HashKind.Sha256), false),
        ("1.2.840.10045.4.3.3", new(KeyKind.Ecdsa, HashKind.Sha384), false),
        ("1.2.840.10045.4.3.4", new(KeyKind.Ecdsa, HashKind.Sha512), false),
        ("1.3.101.112", SignatureScheme.Ed25519, false),
        ("1.3.101.113", SignatureScheme.Ed448, false),
    ];

    private static readonly (string Oid, HashKind Hash)[] _hashes =
    [
        ("1.3.14.3.2.26", HashKind.Sha1),
        ("2.16.840.1.101.3.4.2.1", HashKind.Sha256),
        ("2.16.840.1.101.3.4.2.2", HashKind.Sha384),
        ("2.16.840.1.101.3.4.2.3", HashKind.Sha512),
    ];

    /// <summary>The DER of a scheme; PSS has a salt as long as the hash (RFC 7427 §A.4).</summary>
    public static byte[] Encode(SignatureScheme scheme)
    {
        if (scheme is { Key: KeyKind.Rsa, Pss: true })
        {
            var hash = HashIdentifier(scheme.Hash);
            return DerWriter.Sequence(
                DerWriter.Oid(Pss),
                DerWriter.Sequence(
                    DerWriter.Constructed(DerTag.ContextConstructed(0), hash),
                    DerWriter.Constructed(DerTag.ContextConstructed(1), DerWriter.Sequence(DerWriter.Oid(Mgf1), hash)),
                    DerWriter.Constructed(DerTag.ContextConstructed(2), DerWriter.Small(scheme.HashLength))));
        }

        var row = Array.Find(_rows, r => r.Scheme == scheme);
        if (row.Oid is null) throw new NotSupportedException($"{scheme} has no identifier.");
        return row.HasNull ? DerWriter.Sequence(DerWriter.Oid(row.Oid), DerWriter.Null()) : DerWriter.Sequence(DerWriter.Oid(row.Oid));
    }

    /// <summary>Reads an identifier with its SEQUENCE; false when it is damaged or names something that is not done here.</summary>
    /// <param name="saltLength">Of PSS, else 0.</param>
    public static bool TryParse(ReadOnlySpan<byte> whole, out SignatureScheme scheme, out int saltLength)
    {
        scheme = default;
        saltLength = 0;
        var reader = new DerReader(whole);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !reader.AtEnd || !inner.TryReadOid(out var oid)) return false;
        if (oid == Pss) return TryParsePss(inner, out scheme, out saltLength);
        var row = Array.Find(_rows, r => r.Oid == oid);
        if (row.Oid is null) return false;
        // RFC 4055 §5: NULL, and absent is taken too; RFC 5758 §3.2, RFC 8410 §3: absent.
        if (!inner.TryReadOptional(DerTag.Null, out var present, out var content) || !content.IsEmpty || !inner.AtEnd || (present && !row.HasNull)) return false;
        scheme = row.Scheme;
        return true;
    }

    private static bool TryParsePss(DerReader inner, out SignatureScheme scheme, out int saltLength)
    {
        // RFC 4055 §3.1: what is left out has its default, SHA-1 and 20.
        var (hash, maskHash) = (HashKind.Sha1, HashKind.Sha1);
        saltLength = 20;
        scheme = default;
        if (!inner.TryReadInto(DerTag.Sequence, out var parameters) || !inner.AtEnd) return false;
        if (!parameters.TryReadOptional(DerTag.ContextConstructed(0), out var present, out var content)) return false;
        if (present && !TryHash(content, out hash)) return false;
        if (!parameters.TryReadOptional(DerTag.ContextConstructed(1), out present, out content)) return false;
        if (present)
        {
            var mask = new DerReader(content);
            if (!mask.TryReadInto(DerTag.Sequence, out var mgf) || !mask.AtEnd || !mgf.TryReadOid(out var oid) || oid != Mgf1 || !TryHash(mgf.Rest, out maskHash)) return false;
        }

        if (!parameters.TryReadOptional(DerTag.ContextConstructed(2), out present, out content)) return false;
        if (present)
        {
            var salt = new DerReader(content);
            if (!salt.TryReadSmall(out saltLength) || !salt.AtEnd || saltLength > 512) return false;
        }

        if (!parameters.TryReadOptional(DerTag.ContextConstructed(3), out present, out content)) return false;
        if (present && !content.SequenceEqual<byte>([DerTag.Integer, 1, 1])) return false;
        scheme = new SignatureScheme(KeyKind.Rsa, hash, Pss: true);
        return parameters.AtEnd && hash == maskHash;
    }

    private static bool TryHash(ReadOnlySpan<byte> identifier, out HashKind hash)
    {
        hash = default;
        var reader = new DerReader(identifier);
        if (!reader.TryReadInto(DerTag.Sequence, out var inner) || !reader.AtEnd || !inner.TryReadOid(out var oid)) return false;
        if (!inner.TryReadOptional(DerTag.Null, out _, out _) || !inner.AtEnd) return false;
        return TryHashOfOid(oid, out hash);
    }

    /// <summary>The hash of an object identifier.</summary>
    public static bool TryHashOfOid([NotNullWhen(true)] string? oid, out HashKind hash)
    {
        var row = Array.Find(_hashes, h => h.Oid == oid);
        hash = row.Hash;
        return row.Oid is not null;
    }

    /// <summary>AlgorithmIdentifier of a hash alone.</summary>
    public static byte[] HashIdentifier(HashKind hash) => DerWriter.Sequence(DerWriter.Oid(Array.Find(_hashes, h => h.Hash == hash).Oid), DerWriter.Null());
}
