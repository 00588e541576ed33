using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.KeyExchange;

/// <summary>The curves over prime fields: NIST's (RFC 5903) and Brainpool's (RFC 6954).</summary>
internal sealed record WeierstrassCurve(KeyExchangeMethod Method, int Nid, int FieldBits)
{
    internal static readonly WeierstrassCurve[] Rows =
    [
        new(KeyExchangeMethod.Ecp256, LibCrypto.Nid_Prime256v1, 256),
        new(KeyExchangeMethod.Ecp384, LibCrypto.Nid_Secp384r1, 384),
        new(KeyExchangeMethod.Ecp521, LibCrypto.Nid_Secp521r1, 521),
        new(KeyExchangeMethod.Ecp224Bp, LibCrypto.Nid_BrainpoolP224r1, 224),
        new(KeyExchangeMethod.Ecp256Bp, LibCrypto.Nid_BrainpoolP256r1, 256),
        new(KeyExchangeMethod.Ecp384Bp, LibCrypto.Nid_BrainpoolP384r1, 384),
        new(KeyExchangeMethod.Ecp512Bp, LibCrypto.Nid_BrainpoolP512r1, 512),
    ];

    internal int ScalarLength => (FieldBits + 7) / 8;

    // RFC 5903 §7: the public value is x and y, each padded to the length of the field, without the octet that names the form.
    internal int PublicLength => 2 * ScalarLength;

    internal byte TopByteMask => FieldBits % 8 == 0 ? (byte)0xff : (byte)((1 << (FieldBits % 8)) - 1);

    internal static WeierstrassCurve? Find(KeyExchangeMethod method) => Array.Find(Rows, r => r.Method == method);
}

/// <summary>ECDH over a prime field in IKEv2 (RFC 5903, RFC 6954).</summary>
internal sealed unsafe class WeierstrassExchange : IKeyExchange
{
    private readonly WeierstrassCurve _curve;
    private readonly EcGroupHandle _group;
    private readonly Secret _private;
    private readonly byte[] _public;

    internal WeierstrassExchange(WeierstrassCurve curve, ReadOnlySpan<byte> seed)
    {
        _curve = curve;
        _group = LibCrypto.EC_GROUP_new_by_curve_name(curve.Nid);
        LibCrypto.Check(_group.IsInvalid ? 0 : 1, "find a curve");
        _private = ScalarFrom(seed);
        _public = new byte[curve.PublicLength];

        using var context = LibCrypto.BN_CTX_secure_new();
        using var scalar = BignumHandle.FromSecretBytes(_private.Span);
        using var point = LibCrypto.EC_POINT_new(_group);
        LibCrypto.Check(LibCrypto.EC_POINT_mul(_group, point, scalar, 0, 0, context), "make a key pair");
        Span<byte> encoded = stackalloc byte[1 + curve.PublicLength];
        fixed (byte* into = encoded)
            LibCrypto.Check((int)LibCrypto.EC_POINT_point2oct(_group, point, LibCrypto.POINT_CONVERSION_UNCOMPRESSED, into, (nuint)encoded.Length, context), "write a point");
        encoded[1..].CopyTo(_public);
    }

    public KeyExchangeMethod Method => _curve.Method;

    public ReadOnlyMemory<byte> PublicValue => _public;

    public bool TryDerive(ReadOnlySpan<byte> peerPublic, [NotNullWhen(true)] out Secret? shared)
    {
        shared = null;
        if (peerPublic.Length != _curve.PublicLength) return false;
        Span<byte> encoded = stackalloc byte[1 + _curve.PublicLength];
        encoded[0] = LibCrypto.POINT_CONVERSION_UNCOMPRESSED;
        peerPublic.CopyTo(encoded[1..]);

        using var context = LibCrypto.BN_CTX_secure_new();
        using var peer = LibCrypto.EC_POINT_new(_group);
        using var product = LibCrypto.EC_POINT_new(_group);
        // RFC 6989 §2.3: both coordinates below the prime, and the point on the curve; the decoder checks both. All cofactors are 1.
        fixed (byte* bytes = encoded)
            if (!LibCrypto.Succeeds(LibCrypto.EC_POINT_oct2point(_group, peer, bytes, (nuint)encoded.Length, context)))
                return false;

        using var scalar = BignumHandle.FromSecretBytes(_private.Span);
        if (!LibCrypto.Succeeds(LibCrypto.EC_POINT_mul(_group, product, 0, peer, scalar, context))
            || LibCrypto.EC_POINT_is_at_infinity(_group, product) != 0) return false;

        // RFC 5903 §9: the shared secret is the x coordinate only.
        using var x = LibCrypto.BN_secure_new();
        if (!LibCrypto.Succeeds(LibCrypto.EC_POINT_get_affine_coordinates(_group, product, x, 0, context))) return false;
        shared = Secret.Allocate(_curve.ScalarLength, out var into);
        x.Write(into);
        return true;
    }

    public Secret ExportPrivate() => _private.Copy();

    public void Dispose()
    {
        _private.Dispose();
        _group.Dispose();
    }

    /// <summary>
    /// The seed itself when it is a scalar (1 to order - 1), which all but 2^-32 of them are; else the next candidate is made from it by hashing.
    /// Rejection keeps the choice uniform and needs no reduction of a secret; a rejected candidate's timing says nothing about the accepted one.
    /// </summary>
    private Secret ScalarFrom(ReadOnlySpan<byte> seed)
    {
        var scalar = Secret.Allocate(_curve.ScalarLength, out var candidate);
        seed.CopyTo(candidate);
        Span<byte> block = stackalloc byte[2 * SHA512.HashSizeInBytes];
        while (true)
        {
            candidate[0] &= _curve.TopByteMask;
            using var number = BignumHandle.FromSecretBytes(candidate);
            if (LibCrypto.BN_is_zero(number) == 0 && LibCrypto.BN_cmp(number, LibCrypto.EC_GROUP_get0_order(_group)) < 0) break;
            SHA512.HashData(candidate, block);
            SHA512.HashData(block[..SHA512.HashSizeInBytes], block[SHA512.HashSizeInBytes..]);
            block[..candidate.Length].CopyTo(candidate);
        }
        CryptographicOperations.ZeroMemory(block);
        return scalar;
    }
}
