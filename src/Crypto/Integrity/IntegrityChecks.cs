using System.Diagnostics;
using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Gateway.Crypto.Hashing;
using Gateway.Crypto.Prf;

namespace Gateway.Crypto.Integrity;

/// <summary>One integrity algorithm: the length of its key and of its check value, in bytes.</summary>
public sealed record IntegrityDescription(IntegrityAlgorithm Algorithm, int KeyLength, int IcvLength, string Source);

/// <summary>Truncated message authentication for IKE and ESP.</summary>
public static class IntegrityChecks
{
    public static IReadOnlyList<IntegrityDescription> Supported { get; } =
    [
        new(IntegrityAlgorithm.HmacSha1_96, 20, 12, "RFC 2404"),
        new(IntegrityAlgorithm.HmacSha1_160, 20, 20, "RFC 4595"),
        new(IntegrityAlgorithm.AesXcbc_96, 16, 12, "RFC 3566"),
        new(IntegrityAlgorithm.AesCmac_96, 16, 12, "RFC 4494"),
        new(IntegrityAlgorithm.HmacSha2_256_128, 32, 16, "RFC 4868"),
        new(IntegrityAlgorithm.HmacSha2_384_192, 48, 24, "RFC 4868"),
        new(IntegrityAlgorithm.HmacSha2_512_256, 64, 32, "RFC 4868"),
    ];

    public static bool TryDescribe(IntegrityAlgorithm algorithm, [NotNullWhen(true)] out IntegrityDescription? description) =>
        (description = Supported.FirstOrDefault(d => d.Algorithm == algorithm)) is not null;

    public static IntegrityDescription Describe(IntegrityAlgorithm algorithm) =>
        TryDescribe(algorithm, out var d) ? d : throw new NotSupportedException($"The integrity algorithm {algorithm} is not supported.");

    /// <summary>The check value of <paramref name="data"/> into <paramref name="icv"/>, which has the algorithm's length.</summary>
    public static void Compute(IntegrityAlgorithm algorithm, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> icv)
    {
        Span<byte> whole = stackalloc byte[SHA512.HashSizeInBytes];
        switch (algorithm)
        {
            case IntegrityAlgorithm.HmacSha1_96 or IntegrityAlgorithm.HmacSha1_160: Hmac.Compute(HmacHash.Sha1, key, data, whole); break;
            case IntegrityAlgorithm.HmacSha2_256_128: Hmac.Compute(HmacHash.Sha256, key, data, whole); break;
            case IntegrityAlgorithm.HmacSha2_384_192: Hmac.Compute(HmacHash.Sha384, key, data, whole); break;
            case IntegrityAlgorithm.HmacSha2_512_256: Hmac.Compute(HmacHash.Sha512, key, data, whole); break;
            case IntegrityAlgorithm.AesXcbc_96: AesXcbc.Mac(key, data, whole); break;
            case IntegrityAlgorithm.AesCmac_96: AesCmac.Mac(key, data, whole); break;
            default: throw new NotSupportedException($"The integrity algorithm {algorithm} is not supported.");
        }
        var length = Describe(algorithm).IcvLength;
        Debug.Assert(icv.Length == length);
        whole[..length].CopyTo(icv);
    }

    /// <summary>Compares in constant time.</summary>
    public static bool Verify(IntegrityAlgorithm algorithm, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, ReadOnlySpan<byte> icv)
    {
        if (icv.Length != Describe(algorithm).IcvLength) return false;
        Span<byte> expected = stackalloc byte[icv.Length];
        Compute(algorithm, key, data, expected);
        return CryptographicOperations.FixedTimeEquals(expected, icv);
    }
}
