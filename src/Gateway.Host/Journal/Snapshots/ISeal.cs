using Gateway.Policy;

namespace Gateway.Host.Journal.Snapshots;

/// <summary>Says that something was written by this gateway.</summary>
public interface ISeal
{
    /// <summary>ECDSA P-256 with SHA-256, DER; null when only the public key is at hand.</summary>
    byte[]? Sign(ReadOnlySpan<byte> content);

    bool Verify(ReadOnlySpan<byte> content, ReadOnlySpan<byte> signature);

    /// <summary>SHA-256 of the public key's SubjectPublicKeyInfo.</summary>
    Octets Fingerprint { get; }
}
