using Gateway.Crypto;
using Gateway.Crypto.Prf;
using Gateway.Policy.Sa;

namespace Gateway.Ike.Keys;

/// <summary>KEYMAT of a CHILD SA, one secret per direction: encryption key with salt, then integrity key. The owner disposes it.</summary>
/// <param name="FromInitiator">For packets from the initiator of the exchange that made the CHILD SA.</param>
/// <param name="FromResponder">For packets from its responder.</param>
public sealed class ChildKeys(Secret FromInitiator, Secret FromResponder) : IDisposable
{
    /// <summary>For packets from the initiator of the exchange that made the CHILD SA.</summary>
    public Secret FromInitiator { get; } = FromInitiator;

    /// <summary>For packets from its responder.</summary>
    public Secret FromResponder { get; } = FromResponder;

    /// <summary>Derives KEYMAT (RFC 7296 §2.17).</summary>
    /// <param name="prf">The IKE SA's.</param>
    /// <param name="skD">SK_d of the IKE SA.</param>
    /// <param name="transforms">The CHILD SA's.</param>
    /// <param name="initiatorNonce">Ni of the exchange that makes the CHILD SA (for IKE_AUTH: of IKE_SA_INIT).</param>
    /// <param name="responderNonce">Nr of the same exchange.</param>
    /// <param name="shared">g^ir of a key exchange in CREATE_CHILD_SA; null without one.</param>
    public static ChildKeys Derive(
        PrfAlgorithm prf, Secret skD, EspTransforms transforms, ReadOnlySpan<byte> initiatorNonce, ReadOnlySpan<byte> responderNonce, Secret? shared)
    {
        var secretLength = shared?.Length ?? 0;
        using var seed = Secret.Allocate(secretLength + initiatorNonce.Length + responderNonce.Length, out var bytes);
        shared?.Span.CopyTo(bytes);
        initiatorNonce.CopyTo(bytes[secretLength..]);
        responderNonce.CopyTo(bytes[(secretLength + initiatorNonce.Length)..]);

        // RFC 7296 §2.17: KEYMAT = prf+(SK_d, [g^ir (new) |] Ni | Nr); the initiator's direction takes the first octets.
        var length = EspSuite.KeyLength(transforms);
        using var keymat = PseudoRandom.Plus(prf, skD.Span, seed.Span, 2 * length);
        return new ChildKeys(keymat.Slice(0, length), keymat.Slice(length, length));
    }

    public void Dispose()
    {
        FromInitiator.Dispose();
        FromResponder.Dispose();
    }
}
