namespace Gateway.Crypto.KeyExchange;

/// <summary>Key exchange methods by their number in IANA's registry "IKEv2 Transform Type 4" (RFC 7296 §3.3.2, RFC 9370).</summary>
public enum KeyExchangeMethod : ushort
{
    None = 0,
    Modp768 = 1,
    Modp1024 = 2,
    Modp1536 = 5,
    Modp2048 = 14,
    Modp3072 = 15,
    Modp4096 = 16,
    Modp6144 = 17,
    Modp8192 = 18,
    Ecp256 = 19,
    Ecp384 = 20,
    Ecp521 = 21,
    Modp1024S160 = 22,
    Modp2048S224 = 23,
    Modp2048S256 = 24,
    Ecp192 = 25,
    Ecp224 = 26,
    Ecp224Bp = 27,
    Ecp256Bp = 28,
    Ecp384Bp = 29,
    Ecp512Bp = 30,
    X25519 = 31,
    X448 = 32,
    MlKem512 = 35,
    MlKem768 = 36,
    MlKem1024 = 37,
}
