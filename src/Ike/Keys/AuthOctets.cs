using System.Text;
using Gateway.Crypto;
using Gateway.Crypto.Prf;
using Gateway.Ike.Payloads;

namespace Gateway.Ike.Keys;

/// <summary>What the AUTH payload proves, and its value for shared keys (RFC 7296 §2.15).</summary>
public static class AuthOctets
{
    private static readonly byte[] _keyPad = Encoding.ASCII.GetBytes("Key Pad for IKEv2");

    /// <summary>The octets that one side signs.</summary>
    /// <param name="prf">The IKE SA's.</param>
    /// <param name="skP">SK_pi for the initiator's octets, SK_pr for the responder's.</param>
    /// <param name="firstMessage">The signer's own IKE_SA_INIT message as sent, from the first octet of its header; of several requests the last.</param>
    /// <param name="otherNonce">The nonce of the other side.</param>
    /// <param name="identity">The signer's ID payload.</param>
    /// <param name="intermediate">IntAuth of RFC 9242 §3.3.2 where IKE_INTERMEDIATE exchanges took place, else empty.</param>
    public static byte[] Signed(
        PrfAlgorithm prf, Secret skP, ReadOnlySpan<byte> firstMessage, ReadOnlySpan<byte> otherNonce, IdentificationPayload identity,
        ReadOnlySpan<byte> intermediate = default)
    {
        var macLength = PseudoRandom.OutputLength(prf);
        var octets = new byte[firstMessage.Length + otherNonce.Length + macLength + intermediate.Length];
        // RFC 7296 §2.15: RealMessage1 | NonceRData | MACedIDForI.
        firstMessage.CopyTo(octets);
        otherNonce.CopyTo(octets.AsSpan(firstMessage.Length));
        var mac = octets.AsSpan(firstMessage.Length + otherNonce.Length, macLength);
        PseudoRandom.Compute(prf, skP.Span, identity.Body(), mac);
        intermediate.CopyTo(octets.AsSpan(octets.Length - intermediate.Length));
        return octets;
    }

    /// <summary>AUTH for a shared key: prf(prf(Shared Secret, "Key Pad for IKEv2"), octets).</summary>
    public static byte[] SharedKey(PrfAlgorithm prf, ReadOnlySpan<byte> sharedSecret, ReadOnlySpan<byte> octets)
    {
        using var key = PseudoRandom.Compute(prf, sharedSecret, _keyPad);
        var auth = new byte[PseudoRandom.OutputLength(prf)];
        PseudoRandom.Compute(prf, key.Span, octets, auth);
        return auth;
    }
}
