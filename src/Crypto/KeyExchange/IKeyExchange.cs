using System.Diagnostics.CodeAnalysis;

namespace Gateway.Crypto.KeyExchange;

/// <summary>Our half of one key exchange: holds the private value until the peer's public value is known.</summary>
public interface IKeyExchange : IDisposable
{
    KeyExchangeMethod Method { get; }

    /// <summary>What goes into the KE payload (RFC 7296 §3.4, RFC 5903 §7, RFC 8031 §3).</summary>
    ReadOnlyMemory<byte> PublicValue { get; }

    /// <summary>
    /// The shared secret in the form that enters the PRF. False, never an exception, when the peer's value has a wrong length,
    /// is not on the curve, or lies in a small subgroup (RFC 6989 §2, RFC 8031 §3.1). The caller owns the secret.
    /// </summary>
    bool TryDerive(ReadOnlySpan<byte> peerPublic, [NotNullWhen(true)] out Secret? shared);

    /// <summary>The private value, for an exchange that must survive a restart; <see cref="KeyExchanges.Create(KeyExchangeMethod, ReadOnlySpan{byte})"/> takes it back.</summary>
    Secret ExportPrivate();
}
