namespace Gateway.Crypto.Ciphers;

/// <summary>Encryption algorithms by their number in IANA's registry "IKEv2 Transform Type 1".</summary>
public enum EncryptionAlgorithm : ushort
{
    None = 0,
    TripleDesCbc = 3,
    Null = 11,
    AesCbc = 12,
    AesCtr = 13,
    AesCcm8 = 14,
    AesCcm12 = 15,
    AesCcm16 = 16,
    AesGcm8 = 18,
    AesGcm12 = 19,
    AesGcm16 = 20,
    NullAuthAesGmac = 21,
    CamelliaCbc = 23,
    ChaCha20Poly1305 = 28,
}
