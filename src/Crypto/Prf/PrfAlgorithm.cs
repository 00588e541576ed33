namespace Gateway.Crypto.Prf;

/// <summary>Pseudo-random functions by their number in IANA's registry "IKEv2 Transform Type 2".</summary>
public enum PrfAlgorithm : ushort
{
    None = 0,
    HmacMd5 = 1,
    HmacSha1 = 2,
    Aes128Xcbc = 4,
    HmacSha2_256 = 5,
    HmacSha2_384 = 6,
    HmacSha2_512 = 7,
    Aes128Cmac = 8,
}
