namespace Gateway.Ike.Proposals;

/// <summary>What the negotiation must know of encryption algorithms.</summary>
internal static class CombinedMode
{
    /// <summary>Whether a Transform Type 1 id is an AEAD, which stands alone (RFC 5282 §8, RFC 7634 §4).</summary>
    public static bool Is(ushort encryptionId) => encryptionId is >= 14 and <= 16 or >= 18 and <= 20 or 28;
}
