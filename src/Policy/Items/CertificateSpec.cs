namespace Gateway.Policy.Items;

/// <summary>What a certificate item holds, in vici's words.</summary>
public enum CertificateType
{
    X509,
    X509Crl,

    /// <summary>A raw public key (RFC 7670), as SubjectPublicKeyInfo.</summary>
    Pubkey,
}

/// <summary>What an X.509 certificate is for, in vici's words.</summary>
public enum CertificateFlag
{
    /// <summary>An end entity: the gateway's own, or a peer's that is trusted as it stands.</summary>
    None,

    /// <summary>A certification authority: self-signed ones are trust anchors, others complete chains.</summary>
    Ca,

    /// <summary>Signs OCSP responses.</summary>
    Ocsp,
}

/// <summary>A certificate, a revocation list or a raw public key (<c>certificate</c>): what swanctl keeps in x509, x509ca, x509ocsp, x509crl and pubkey.</summary>
public sealed record CertificateSpec : ItemSpec
{
    public CertificateType Type { get; init; } = CertificateType.X509;

    public CertificateFlag Flag { get; init; } = CertificateFlag.None;

    /// <summary>PEM, or DER in base64.</summary>
    public required string Data { get; init; }
}

/// <summary>Where to ask about certificates of an authority (<c>authority</c>), as swanctl.conf's <c>authorities.NAME</c>.</summary>
public sealed record AuthoritySpec : ItemSpec
{
    /// <summary>The certificate item of the authority.</summary>
    public required string Cacert { get; init; }

    /// <summary>Where its revocation list lies: <c>http</c>, <c>https</c> or <c>file</c>; before those that certificates name.</summary>
    public ValueList<string> CrlUris { get; init; }

    /// <summary>Its OCSP responders, before those that certificates name.</summary>
    public ValueList<string> OcspUris { get; init; }
}
