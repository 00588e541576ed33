using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.KeyExchange;

/// <summary>X25519 and X448 (RFC 7748); every string of the right length is a private value.</summary>
internal sealed record MontgomeryCurve(KeyExchangeMethod Method, int Nid, int Length)
{
    internal static readonly MontgomeryCurve[] Rows =
    [
        new(KeyExchangeMethod.X25519, LibCrypto.Nid_X25519, 32),
        new(KeyExchangeMethod.X448, LibCrypto.Nid_X448, 56),
    ];

    internal static MontgomeryCurve? Find(KeyExchangeMethod method) => Array.Find(Rows, r => r.Method == method);
}

/// <summary>Curve25519 and Curve448 in IKEv2 (RFC 8031).</summary>
internal sealed unsafe class MontgomeryExchange : IKeyExchange
{
    private readonly MontgomeryCurve _curve;
    private readonly Secret _private;
    private readonly PkeyHandle _key;
    private readonly byte[] _public;

    internal MontgomeryExchange(MontgomeryCurve curve, ReadOnlySpan<byte> seed)
    {
        _curve = curve;
        _private = Secret.FromBytes(seed);
        _public = new byte[curve.Length];
        fixed (byte* scalar = seed, point = _public)
        {
            _key = LibCrypto.EVP_PKEY_new_raw_private_key(curve.Nid, 0, scalar, (nuint)seed.Length);
            var length = (nuint)_public.Length;
            LibCrypto.Check(_key.IsInvalid ? 0 : LibCrypto.EVP_PKEY_get_raw_public_key(_key, point, &length), "make a key pair");
        }
    }

    public KeyExchangeMethod Method => _curve.Method;

    public ReadOnlyMemory<byte> PublicValue => _public;

    public bool TryDerive(ReadOnlySpan<byte> peerPublic, [NotNullWhen(true)] out Secret? shared)
    {
        shared = null;
        if (peerPublic.Length != _curve.Length) return false;
        fixed (byte* point = peerPublic)
        {
            using var peer = LibCrypto.EVP_PKEY_new_raw_public_key(_curve.Nid, 0, point, (nuint)peerPublic.Length);
            using var context = LibCrypto.EVP_PKEY_CTX_new(_key, 0);
            if (peer.IsInvalid || context.IsInvalid) return LibCrypto.Succeeds(0);
            var result = Secret.Allocate(_curve.Length, out var bytes);
            fixed (byte* into = bytes)
            {
                // RFC 7748 §5: every string of the right length is a public value, so there is nothing to validate.
                // RFC 8031 §3.1, RFC 7748 §6: an all-zero result means a point of small order; libcrypto reports it as a failure.
                var length = (nuint)bytes.Length;
                if (LibCrypto.Succeeds(LibCrypto.EVP_PKEY_derive_init(context))
                    && LibCrypto.Succeeds(LibCrypto.EVP_PKEY_derive_set_peer_ex(context, peer, validate: 0))
                    && LibCrypto.Succeeds(LibCrypto.EVP_PKEY_derive(context, into, &length))
                    && bytes.ContainsAnyExcept((byte)0))
                {
                    shared = result;
                    return true;
                }
            }
            result.Dispose();
            return false;
        }
    }

    public Secret ExportPrivate() => _private.Copy();

    public void Dispose()
    {
        _key.Dispose();
        _private.Dispose();
    }
}
