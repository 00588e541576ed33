using System.Buffers.Binary;
using System.Net;
using System.Security.Cryptography;
using Gateway.Crypto;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Keys;

/// <summary>Stateless cookies, which a responder asks back before it spends anything on a stranger (RFC 7296 §2.6).</summary>
/// <remarks>
/// The value is a version octet followed by 16 octets of HMAC-SHA-256 over what RFC 7296 §2.6 names: the initiator's nonce, address and SPI.
/// The port is not in it, since the RFC leaves it out.
/// </remarks>
public static class IkeCookie
{
    /// <summary>Octets of a cookie of ours; RFC 7296 §2.6 allows 1 to 64.</summary>
    public const int Length = 1 + MacLength;

    /// <summary>The most octets a peer's cookie may have.</summary>
    public const int MaxLength = 64;

    private const int MacLength = 16;

    /// <summary>The cookie for an initiator.</summary>
    /// <param name="version">Names the secret, so that the one before still verifies after a change.</param>
    public static Octets Compute(byte version, Secret secret, ReadOnlySpan<byte> initiatorNonce, IPAddress initiator, IkeSpi initiatorSpi)
    {
        var data = new byte[initiatorNonce.Length + 16 + 8];
        initiatorNonce.CopyTo(data);
        initiator.TryWriteBytes(data.AsSpan(initiatorNonce.Length), out var size);
        BinaryPrimitives.WriteUInt64BigEndian(data.AsSpan(initiatorNonce.Length + size), initiatorSpi.Value);
        Span<byte> mac = stackalloc byte[HMACSHA256.HashSizeInBytes];
        HMACSHA256.HashData(secret.Span, data.AsSpan(0, initiatorNonce.Length + size + 8), mac);
        return new Octets([version, .. mac[..MacLength]]);
    }

    /// <summary>The version of a cookie that came back, or null for one that cannot be ours.</summary>
    public static byte? VersionOf(Octets cookie) => cookie.Length == Length ? cookie.Span[0] : null;

    /// <summary>Whether a cookie is the one that <see cref="Compute"/> makes with this secret.</summary>
    public static bool Verify(Octets cookie, Secret secret, ReadOnlySpan<byte> initiatorNonce, IPAddress initiator, IkeSpi initiatorSpi) =>
        VersionOf(cookie) is { } version
        && CryptographicOperations.FixedTimeEquals(cookie.Span, Compute(version, secret, initiatorNonce, initiator, initiatorSpi).Span);
}
