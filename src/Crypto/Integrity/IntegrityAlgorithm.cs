namespace Gateway.Crypto.Integrity;

/// <summary>Integrity algorithms by their number in IANA's registry "IKEv2 Transform Type 3".</summary>
public enum IntegrityAlgorithm : ushort
{
    None = 0,
    HmacMd5_96 = 1,
    HmacSha1_96 = 2,
    AesXcbc_96 = 5,
    HmacSha1_160 = 7,
    AesCmac_96 = 8,
    HmacSha2_256_128 = 12,
    HmacSha2_384_192 = 13,
    HmacSha2_512_256 = 14,
}
