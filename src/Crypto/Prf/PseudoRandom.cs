using System.Diagnostics;
using System.Security.Cryptography;
using Gateway.Crypto.Hashing;

namespace Gateway.Crypto.Prf;

/// <summary>The PRFs of IKEv2, prf+ and the key derivations made of them.</summary>
public static class PseudoRandom
{
    public static IReadOnlyList<PrfAlgorithm> Supported { get; } =
        [PrfAlgorithm.HmacSha2_256, PrfAlgorithm.HmacSha2_384, PrfAlgorithm.HmacSha2_512, PrfAlgorithm.HmacSha1, PrfAlgorithm.Aes128Xcbc, PrfAlgorithm.Aes128Cmac];

    public static bool IsSupported(PrfAlgorithm prf) => Supported.Contains(prf);

    /// <summary>Length of the output in bytes; also the preferred key length, so the length of SK_d, SK_pi and SK_pr (RFC 7296 §2.14).</summary>
    public static int OutputLength(PrfAlgorithm prf) => prf switch
    {
        PrfAlgorithm.HmacSha1 => HMACSHA1.HashSizeInBytes,
        PrfAlgorithm.HmacSha2_256 => HMACSHA256.HashSizeInBytes,
        PrfAlgorithm.HmacSha2_384 => HMACSHA384.HashSizeInBytes,
        PrfAlgorithm.HmacSha2_512 => HMACSHA512.HashSizeInBytes,
        PrfAlgorithm.Aes128Xcbc or PrfAlgorithm.Aes128Cmac => 16,
        _ => throw new NotSupportedException($"The pseudo-random function {prf} is not supported."),
    };

    /// <summary>prf(key, data) into the first <see cref="OutputLength"/> bytes of <paramref name="output"/>.</summary>
    public static void Compute(PrfAlgorithm prf, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        output = output[..OutputLength(prf)];
        switch (prf)
        {
            case PrfAlgorithm.HmacSha1: Hmac.Compute(HmacHash.Sha1, key, data, output); break;
            case PrfAlgorithm.HmacSha2_256: Hmac.Compute(HmacHash.Sha256, key, data, output); break;
            case PrfAlgorithm.HmacSha2_384: Hmac.Compute(HmacHash.Sha384, key, data, output); break;
            case PrfAlgorithm.HmacSha2_512: Hmac.Compute(HmacHash.Sha512, key, data, output); break;
            case PrfAlgorithm.Aes128Xcbc: AesXcbc.Prf(key, data, output); break;
            case PrfAlgorithm.Aes128Cmac: AesCmac.Prf(key, data, output); break;
            default: throw new UnreachableException();
        }
    }

    /// <summary>prf(key, data) as a secret.</summary>
    public static Secret Compute(PrfAlgorithm prf, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data)
    {
        var result = Secret.Allocate(OutputLength(prf), out var output);
        Compute(prf, key, data, output);
        return result;
    }

    /// <summary>RFC 7296 §2.13: prf+(K,S) = T1 | T2 | ... with Tn = prf(K, Tn-1 | S | n), cut to <paramref name="length"/> bytes.</summary>
    public static Secret Plus(PrfAlgorithm prf, ReadOnlySpan<byte> key, ReadOnlySpan<byte> seed, int length)
    {
        var step = OutputLength(prf);
        // RFC 7296 §2.13: the counter is one octet, so prf+ ends after 255 blocks.
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 255 * step);
        using var input = Secret.Allocate(step + seed.Length + 1, out var block);
        seed.CopyTo(block[step..]);
        var result = Secret.Allocate(length, out var output);
        for (var n = 1; output.Length > 0; n++)
        {
            block[^1] = (byte)n;
            Compute(prf, key, n == 1 ? block[step..] : block, block);
            var taken = Math.Min(step, output.Length);
            block[..taken].CopyTo(output);
            output = output[taken..];
        }
        return result;
    }

    /// <summary>RFC 7296 §2.14: SKEYSEED = prf(Ni | Nr, g^ir).</summary>
    public static Secret Skeyseed(PrfAlgorithm prf, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce, ReadOnlySpan<byte> shared)
    {
        // RFC 7296 §2.14: with AES-XCBC and AES-CMAC the key takes only the first 64 bits of Ni and of Nr; prf+ takes all of both.
        if (prf is PrfAlgorithm.Aes128Xcbc or PrfAlgorithm.Aes128Cmac)
        {
            initiatorNonce = initiatorNonce[..Math.Min(8, initiatorNonce.Length)];
            responderNonce = responderNonce[..Math.Min(8, responderNonce.Length)];
        }
        Span<byte> key = stackalloc byte[initiatorNonce.Length + responderNonce.Length];
        initiatorNonce.CopyTo(key);
        responderNonce.CopyTo(key[initiatorNonce.Length..]);
        return Compute(prf, key, shared);
    }

    /// <summary>RFC 7296 §2.18: SKEYSEED of a rekeyed IKE SA = prf(SK_d (old), g^ir (new) | Ni | Nr), with the old SA's PRF.</summary>
    public static Secret SkeyseedOfRekey(PrfAlgorithm prf, ReadOnlySpan<byte> oldSkD, ReadOnlySpan<byte> shared, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce)
    {
        using var data = Secret.Allocate(shared.Length + initiatorNonce.Length + responderNonce.Length, out var bytes);
        shared.CopyTo(bytes);
        initiatorNonce.CopyTo(bytes[shared.Length..]);
        responderNonce.CopyTo(bytes[(shared.Length + initiatorNonce.Length)..]);
        return Compute(prf, oldSkD, bytes);
    }
}
