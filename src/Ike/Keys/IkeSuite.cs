using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.KeyExchange;
using Gateway.Crypto.Prf;
using Gateway.Ike.Proposals;

namespace Gateway.Ike.Keys;

/// <summary>The algorithms of an IKE SA after negotiation.</summary>
/// <param name="Encryption">Transform Type 1.</param>
/// <param name="KeyBits">Its negotiated key length; 0 where there is only one.</param>
/// <param name="Prf">Transform Type 2.</param>
/// <param name="Integrity">Transform Type 3; None with a combined-mode cipher.</param>
/// <param name="KeyExchange">Transform Type 4.</param>
public readonly record struct IkeSuite(
    EncryptionAlgorithm Encryption, ushort KeyBits, PrfAlgorithm Prf, IntegrityAlgorithm Integrity, KeyExchangeMethod KeyExchange)
{
    /// <summary>Reads a chosen proposal; false when it lacks a part or names what we cannot do.</summary>
    public static bool TryFrom(Proposal chosen, out IkeSuite suite)
    {
        suite = default;
        if (chosen.Protocol != SaProtocol.Ike) return false;
        if (chosen.First(TransformType.Encryption) is not { } encryption || chosen.First(TransformType.Prf) is not { } prf) return false;
        if (chosen.First(TransformType.KeyExchange) is not { } exchange) return false;
        suite = new IkeSuite(
            (EncryptionAlgorithm)encryption.Id,
            encryption.KeyBits,
            (PrfAlgorithm)prf.Id,
            (IntegrityAlgorithm)(chosen.First(TransformType.Integrity)?.Id ?? 0),
            (KeyExchangeMethod)exchange.Id);
        return suite.IsSupported;
    }

    private bool IsSupported =>
        CipherDescription.TryFind(Encryption, out var cipher) && cipher.Allows(KeyBits)
        && (cipher.IsAead ? Integrity == IntegrityAlgorithm.None : IntegrityChecks.TryDescribe(Integrity, out _))
        && PseudoRandom.IsSupported(Prf) && KeyExchanges.IsSupported(KeyExchange);

    /// <summary>Octets of SK_e of one direction: the key and, for AEAD and counter modes, its salt (RFC 5282 §7.1, RFC 5930 §4).</summary>
    internal int EncryptionKeyLength => CipherDescription.Find(Encryption).KeyMaterialLength(KeyBits);

    /// <summary>Octets of SK_a of one direction.</summary>
    internal int IntegrityKeyLength => Integrity == IntegrityAlgorithm.None ? 0 : IntegrityChecks.Describe(Integrity).KeyLength;
}
