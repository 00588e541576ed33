namespace Gateway.Crypto.Signatures;

/// <summary>What kind of key signs.</summary>
public enum KeyKind : byte
{
    Rsa,
    Ecdsa,
    Ed25519,
    Ed448,
}

/// <summary>Hash algorithms with their numbers of RFC 7427 §7; RFC 8420 adds the identity for Edwards curves, which hash for themselves.</summary>
public enum HashKind : byte
{
    Sha1 = 1,
    Sha256 = 2,
    Sha384 = 3,
    Sha512 = 4,
    Identity = 5,
}

/// <summary>How a signature is made: the kind of key, the hash, and for RSA whether with PSS (RFC 8017 §8.1) or PKCS#1 v1.5 (§8.2).</summary>
public readonly record struct SignatureScheme(KeyKind Key, HashKind Hash, bool Pss = false)
{
    public static SignatureScheme Ed25519 { get; } = new(KeyKind.Ed25519, HashKind.Identity);

    public static SignatureScheme Ed448 { get; } = new(KeyKind.Ed448, HashKind.Identity);

    /// <summary>Octets of the hash; 0 for the identity.</summary>
    public int HashLength => Hash switch { HashKind.Sha1 => 20, HashKind.Sha256 => 32, HashKind.Sha384 => 48, HashKind.Sha512 => 64, _ => 0 };

    /// <summary>The hash as libcrypto calls it; null for the identity.</summary>
    internal string? HashName => Hash switch { HashKind.Sha1 => "SHA1", HashKind.Sha256 => "SHA256", HashKind.Sha384 => "SHA384", HashKind.Sha512 => "SHA512", _ => null };

    /// <summary>As strongSwan writes it, for example <c>rsa/pss-sha256</c>, <c>ecdsa-sha384</c>, <c>ed25519</c>.</summary>
    public override string ToString() => Key switch
    {
        KeyKind.Rsa => $"rsa{(Pss ? "/pss" : "")}-{Hash.ToString().ToLowerInvariant()}",
        KeyKind.Ecdsa => $"ecdsa-{Hash.ToString().ToLowerInvariant()}",
        _ => Key.ToString().ToLowerInvariant(),
    };
}
