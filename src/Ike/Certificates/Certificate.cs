using Gateway.Crypto.Signatures;
using Gateway.Ike.Payloads;
using Gateway.Ike.Sa;
using Gateway.Policy;

namespace Gateway.Ike.Certificates;

/// <summary>Named bits of keyUsage (RFC 5280 §4.2.1.3), as <see cref="Crypto.Der.DerReader.TryReadNamedBits"/> gives them.</summary>
[Flags]
public enum KeyUsages : uint
{
    None = 0,
    DigitalSignature = 1u << 31,
    NonRepudiation = 1u << 30,
    KeyCertSign = 1u << 26,
    CrlSign = 1u << 25,
}

/// <summary>An X.509 certificate (RFC 5280 §4.1), read whole and once; see <see cref="CertificateReader"/>. Compares by content.</summary>
public sealed class Certificate : IEquatable<Certificate>
{
    public required Octets Raw { get; init; }

    /// <summary>What is signed.</summary>
    public required Octets Tbs { get; init; }

    public required Octets Serial { get; init; }

    public required Octets Subject { get; init; }

    public required Octets Issuer { get; init; }

    public required DateTimeOffset NotBefore { get; init; }

    public required DateTimeOffset NotAfter { get; init; }

    /// <summary>The SubjectPublicKeyInfo.</summary>
    public required Octets KeyInfo { get; init; }

    public required KeyKind KeyKind { get; init; }

    public required int KeyBits { get; init; }

    /// <summary>SHA-1 of <see cref="KeyInfo"/>: how CERTREQ names it (RFC 7296 §3.7).</summary>
    public required Octets KeyInfoHash { get; init; }

    /// <summary>SHA-1 of the bits of the key.</summary>
    public required Octets KeyHash { get; init; }

    public required SignatureScheme Scheme { get; init; }

    /// <summary>Of PSS.</summary>
    public required int SaltLength { get; init; }

    public required Octets Signature { get; init; }

    public bool IsCa { get; init; }

    /// <summary>How many authorities may stand below; null = any number.</summary>
    public int? PathLength { get; init; }

    /// <summary>Null when the certificate does not say.</summary>
    public KeyUsages? KeyUsage { get; init; }

    /// <summary>Purposes by object identifier; empty when the certificate does not say.</summary>
    public ValueList<string> ExtendedKeyUsage { get; init; }

    public ValueList<Identity> AlternativeNames { get; init; }

    public Octets SubjectKeyId { get; init; }

    public Octets AuthorityKeyId { get; init; }

    public ValueList<string> CrlUris { get; init; }

    public ValueList<string> OcspUris { get; init; }

    public ValueList<string> Policies { get; init; }

    internal NameConstraints? NameConstraints { get; init; }

    /// <summary>A critical extension that is not understood here, by object identifier: such a certificate is not to be used (RFC 5280 §4.2).</summary>
    public string? UnknownCritical { get; init; }

    public bool IsSelfIssued => DistinguishedName.AreEqual(Subject, Issuer);

    public Identity SubjectIdentity => new(IdType.DerAsn1Dn, Subject);

    /// <summary>Subject and alternative names.</summary>
    public IEnumerable<Identity> Names => AlternativeNames.Prepend(SubjectIdentity);

    /// <summary>Whether the certificate speaks for an identity: its subject, an alternative name, or a key id.</summary>
    public bool SpeaksFor(Identity identity)
    {
        if (identity.IsAny) return false;
        // A name in the certificate is a name, also when it has a star in it; the identity is what a peer says it is.
        if (Names.Any(n => n.Kind == identity.Kind && new Identity(n.Kind, n.Data).IsSame(identity))) return true;
        return identity.Kind == IdType.KeyId && (identity.Data == SubjectKeyId || identity.Data == KeyHash || identity.Data == KeyInfoHash);
    }

    /// <summary>Whether the signature is that of the given key.</summary>
    public bool IsSignedBy(Certificate issuer)
    {
        if (issuer.KeyKind != Scheme.Key || !PublicKey.TryParse(issuer.KeyInfo.Span, out var key)) return false;
        using (key) return key.Verify(Scheme, Tbs.Span, Signature.Span, Scheme.Pss ? SaltLength : null);
    }

    public bool Equals(Certificate? other) => other is not null && Raw == other.Raw;

    public override bool Equals(object? obj) => Equals(obj as Certificate);

    public override int GetHashCode() => Raw.GetHashCode();

    public override string ToString() => DistinguishedName.Print(Subject.Span);
}
