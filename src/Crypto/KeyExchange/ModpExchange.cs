using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.KeyExchange;

/// <summary>
/// A group modulo a safe prime with generator 2. The private exponent has about twice the group's strength in bits
/// (the larger estimate of RFC 3526 §8), which is as strong as a full-length one and much cheaper.
/// </summary>
internal sealed unsafe record ModpGroup(KeyExchangeMethod Method, int Bits, int ExponentBits)
{
    internal static readonly ModpGroup[] Rows =
    [
        new(KeyExchangeMethod.Modp1024, 1024, 256), // RFC 2409 §6.2; weak, only when a proposal names it
        new(KeyExchangeMethod.Modp1536, 1536, 256), // RFC 3526 §2
        new(KeyExchangeMethod.Modp2048, 2048, 320), // RFC 3526 §3
        new(KeyExchangeMethod.Modp3072, 3072, 424), // RFC 3526 §4
        new(KeyExchangeMethod.Modp4096, 4096, 480), // RFC 3526 §5
        new(KeyExchangeMethod.Modp6144, 6144, 544), // RFC 3526 §6
        new(KeyExchangeMethod.Modp8192, 8192, 624), // RFC 3526 §7
    ];

    internal int PublicLength => Bits / 8;

    internal int ExponentLength => ExponentBits / 8;

    internal static ModpGroup? Find(KeyExchangeMethod method) => Array.Find(Rows, r => r.Method == method);

    internal BignumHandle Prime()
    {
        var prime = LibCrypto.BN_secure_new();
        var found = Bits switch
        {
            1024 => LibCrypto.BN_get_rfc2409_prime_1024(prime),
            1536 => LibCrypto.BN_get_rfc3526_prime_1536(prime),
            2048 => LibCrypto.BN_get_rfc3526_prime_2048(prime),
            3072 => LibCrypto.BN_get_rfc3526_prime_3072(prime),
            4096 => LibCrypto.BN_get_rfc3526_prime_4096(prime),
            6144 => LibCrypto.BN_get_rfc3526_prime_6144(prime),
            _ => LibCrypto.BN_get_rfc3526_prime_8192(prime),
        };
        LibCrypto.Check(found == 0 ? 0 : 1, "find a prime");
        return prime;
    }
}

/// <summary>Diffie-Hellman modulo a prime (RFC 7296 §3.4, RFC 3526), by libcrypto's constant-time exponentiation.</summary>
internal sealed unsafe class ModpExchange : IKeyExchange
{
    private readonly ModpGroup _group;
    private readonly BignumHandle _prime;
    private readonly Secret _private;
    private readonly byte[] _public;

    internal ModpExchange(ModpGroup group, ReadOnlySpan<byte> seed)
    {
        _group = group;
        _prime = group.Prime();
        _private = Secret.Allocate(seed.Length, out var exponent);
        seed.CopyTo(exponent);
        exponent[0] |= 0x80; // a fixed length: the time of an exponentiation depends on it
        _public = new byte[group.PublicLength];

        using var generator = LibCrypto.BN_secure_new();
        LibCrypto.Check(LibCrypto.BN_set_word(generator, 2), "set the generator");
        using var result = Power(generator);
        result.Write(_public);
    }

    public KeyExchangeMethod Method => _group.Method;

    public ReadOnlyMemory<byte> PublicValue => _public;

    public bool TryDerive(ReadOnlySpan<byte> peerPublic, [NotNullWhen(true)] out Secret? shared)
    {
        shared = null;
        // RFC 7296 §3.4: the value is as long as the prime, with zeros prepended.
        if (peerPublic.Length != _group.PublicLength) return false;

        // RFC 6989 §2.1: 1 < r < p - 1. That is all there is to check in a group with a safe prime.
        using var peer = BignumHandle.FromBytes(peerPublic);
        using var last = _group.Prime();
        LibCrypto.Check(LibCrypto.BN_sub_word(last, 1), "subtract");
        if (LibCrypto.BN_is_zero(peer) != 0 || LibCrypto.BN_is_one(peer) != 0 || LibCrypto.BN_cmp(peer, last) >= 0) return false;

        // RFC 7296 §2.14: g^ir enters the PRF as a string of the prime's length.
        using var result = Power(peer);
        shared = Secret.Allocate(_group.PublicLength, out var into);
        result.Write(into);
        return true;
    }

    public Secret ExportPrivate() => _private.Copy();

    public void Dispose()
    {
        _private.Dispose();
        _prime.Dispose();
    }

    private BignumHandle Power(BignumHandle number)
    {
        using var context = LibCrypto.BN_CTX_secure_new();
        using var exponent = BignumHandle.FromSecretBytes(_private.Span);
        var result = LibCrypto.BN_secure_new();
        LibCrypto.Check(LibCrypto.BN_mod_exp_mont_consttime(result, number, exponent, _prime, context, 0), "exponentiate");
        return result;
    }
}
