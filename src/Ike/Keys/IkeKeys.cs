using System.Buffers.Binary;
using Gateway.Crypto;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Prf;
using Gateway.Ike.Wire;

namespace Gateway.Ike.Keys;

/// <summary>The seven secrets of an IKE SA (RFC 7296 §2.14). The owner disposes them.</summary>
public sealed class IkeKeys : IDisposable
{
    private IkeKeys(IkeSuite suite, Secret d, Secret ai, Secret ar, Secret ei, Secret er, Secret pi, Secret pr) =>
        (Suite, D, Ai, Ar, Ei, Er, Pi, Pr) = (suite, d, ai, ar, ei, er, pi, pr);

    public IkeSuite Suite { get; }

    /// <summary>SK_d: from which the keys of CHILD SAs and of a rekeyed IKE SA come.</summary>
    public Secret D { get; private set; }

    /// <summary>SK_ai: integrity, initiator to responder; empty with AEAD.</summary>
    public Secret Ai { get; }

    /// <summary>SK_ar: integrity, responder to initiator; empty with AEAD.</summary>
    public Secret Ar { get; }

    /// <summary>SK_ei: encryption (with salt), initiator to responder.</summary>
    public Secret Ei { get; }

    /// <summary>SK_er: encryption (with salt), responder to initiator.</summary>
    public Secret Er { get; }

    /// <summary>SK_pi: goes into the initiator's AUTH.</summary>
    public Secret Pi { get; private set; }

    /// <summary>SK_pr: goes into the responder's AUTH.</summary>
    public Secret Pr { get; private set; }

    /// <summary>The keys of a new IKE SA.</summary>
    public static IkeKeys Derive(IkeSuite suite, Secret skeyseed, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce, IkeSpiPair spis)
    {
        var seed = new byte[initiatorNonce.Length + responderNonce.Length + 16];
        initiatorNonce.CopyTo(seed);
        responderNonce.CopyTo(seed.AsSpan(initiatorNonce.Length));
        BinaryPrimitives.WriteUInt64BigEndian(seed.AsSpan(seed.Length - 16), spis.Initiator.Value);
        BinaryPrimitives.WriteUInt64BigEndian(seed.AsSpan(seed.Length - 8), spis.Responder.Value);

        // RFC 7296 §2.14: {SK_d | SK_ai | SK_ar | SK_ei | SK_er | SK_pi | SK_pr} = prf+ (SKEYSEED, Ni | Nr | SPIi | SPIr).
        var (p, a, e) = (PseudoRandom.OutputLength(suite.Prf), suite.IntegrityKeyLength, suite.EncryptionKeyLength);
        using var all = PseudoRandom.Plus(suite.Prf, skeyseed.Span, seed, 3 * p + 2 * a + 2 * e);
        return FromMaterial(suite, all.Span);
    }

    /// <summary>The keys of an SA whose first key exchange is done (RFC 7296 §2.14).</summary>
    public static IkeKeys Derive(
        IkeSuite suite, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce, Secret shared, IkeSpiPair spis)
    {
        using var skeyseed = PseudoRandom.Skeyseed(suite.Prf, initiatorNonce, responderNonce, shared.Span);
        return Derive(suite, skeyseed, initiatorNonce, responderNonce, spis);
    }

    /// <summary>The keys of the SA that replaces this one (RFC 7296 §2.18); the caller still owns this one.</summary>
    public IkeKeys Rekey(IkeSuite suite, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce, Secret shared, IkeSpiPair spis)
    {
        // RFC 7296 §2.18: SKEYSEED comes from the old SA's SK_d and PRF, everything after it from the new SA's PRF.
        using var skeyseed = PseudoRandom.SkeyseedOfRekey(Suite.Prf, D.Span, shared.Span, initiatorNonce, responderNonce);
        return Derive(suite, skeyseed, initiatorNonce, responderNonce, spis);
    }

    /// <summary>Mixes a post-quantum preshared key into SK_d, SK_pi and SK_pr in place (RFC 8784 §3).</summary>
    public void MixPpk(ReadOnlySpan<byte> ppk)
    {
        D = Mix(D, ppk);
        Pi = Mix(Pi, ppk);
        Pr = Mix(Pr, ppk);
    }

    /// <summary>The cipher of one direction; the caller disposes it.</summary>
    /// <param name="fromInitiator">True for what the original initiator of the SA sends.</param>
    public IIkeCipher CreateCipher(bool fromInitiator) => IkeCiphers.Create(
        Suite.Encryption, Suite.KeyBits, Suite.Integrity, (fromInitiator ? Ei : Er).Span, (fromInitiator ? Ai : Ar).Span);

    /// <summary>All seven in the order of their derivation, for a slot of the vault; <see cref="FromMaterial"/> takes it back.</summary>
    public Secret ToMaterial()
    {
        Secret[] parts = [D, Ai, Ar, Ei, Er, Pi, Pr];
        var all = Secret.Allocate(parts.Sum(p => p.Length), out var into);
        foreach (var part in parts)
        {
            part.Span.CopyTo(into);
            into = into[part.Length..];
        }

        return all;
    }

    /// <summary>Cuts the seven secrets from one string, in the order of RFC 7296 §2.14.</summary>
    public static IkeKeys FromMaterial(IkeSuite suite, ReadOnlySpan<byte> material)
    {
        var (p, a, e) = (PseudoRandom.OutputLength(suite.Prf), suite.IntegrityKeyLength, suite.EncryptionKeyLength);
        if (material.Length != 3 * p + 2 * a + 2 * e) throw new ArgumentException("The key material has a wrong length for its suite.", nameof(material));
        var at = 0;
        var d = Cut(material, ref at, p);
        var ai = Cut(material, ref at, a);
        var ar = Cut(material, ref at, a);
        var ei = Cut(material, ref at, e);
        var er = Cut(material, ref at, e);
        var pi = Cut(material, ref at, p);
        return new IkeKeys(suite, d, ai, ar, ei, er, pi, Cut(material, ref at, p));
    }

    public void Dispose()
    {
        foreach (var secret in (Secret[])[D, Ai, Ar, Ei, Er, Pi, Pr]) secret.Dispose();
    }

    private static Secret Cut(ReadOnlySpan<byte> material, ref int at, int length)
    {
        at += length;
        return Secret.FromBytes(material.Slice(at - length, length));
    }

    // RFC 8784 §3: SK_d = prf+ (PPK, SK_d'), and so for SK_pi and SK_pr.
    private Secret Mix(Secret key, ReadOnlySpan<byte> ppk)
    {
        var mixed = PseudoRandom.Plus(Suite.Prf, ppk, key.Span, key.Length);
        key.Dispose();
        return mixed;
    }
}
