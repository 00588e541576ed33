using System.Diagnostics.CodeAnalysis;
using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto.Der;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Signatures;

/// <summary>A public key that verifies signatures, read from a SubjectPublicKeyInfo (RFC 5280 §4.1.2.7). libcrypto does the work.</summary>
public sealed unsafe class PublicKey : IDisposable
{
    /// <summary>RSA keys outside of these bounds are refused: shorter ones are broken, longer ones cost more than a peer may cost us.</summary>
    public const int MinRsaBits = 1024;

    /// <inheritdoc cref="MinRsaBits"/>
    public const int MaxRsaBits = 16384;

    private readonly PkeyHandle _key;

    private PublicKey(PkeyHandle key, KeyKind kind, int bits, string? curve, byte[] info)
    {
        (_key, Kind, Bits, Curve) = (key, kind, bits, curve);
        Info = info;
    }

    public KeyKind Kind { get; }

    /// <summary>Of the modulus, or of the curve's order.</summary>
    public int Bits { get; }

    /// <summary>libcrypto's name of the curve, for example <c>prime256v1</c>; null for other keys.</summary>
    public string? Curve { get; }

    /// <summary>The SubjectPublicKeyInfo in DER.</summary>
    public ReadOnlyMemory<byte> Info { get; }

    /// <summary>SHA-1 of the SubjectPublicKeyInfo, which names the key in CERTREQ (RFC 7296 §3.7).</summary>
    public byte[] InfoHash() => LegacyHash(Info.Span);

    /// <summary>SHA-1 of the key's bits alone, the usual subject key identifier (RFC 5280 §4.2.1.2).</summary>
    public byte[] KeyHash()
    {
        var reader = new DerReader(Info.Span);
        return reader.TryReadInto(DerTag.Sequence, out var inner) && inner.TrySkip() && inner.TryReadBitOctets(out var bits) ? LegacyHash(bits) : [];
    }

    /// <summary>Reads a SubjectPublicKeyInfo; false for anything else and for kinds of keys that are not used here.</summary>
    public static bool TryParse(ReadOnlySpan<byte> info, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        if (RecentKeys.Find(info) is { } known)
        {
            key = new PublicKey(known.Key.Share(), known.Kind, known.Bits, known.Curve, known.Info);
            return true;
        }

        PkeyHandle handle;
        fixed (byte* start = info)
        {
            var at = start;
            handle = LibCrypto.d2i_PUBKEY(0, &at, info.Length);
            if (!handle.IsInvalid && at != start + info.Length)
            {
                handle.Dispose();
                return false;
            }
        }

        return TryTake(handle, info.ToArray(), out key);
    }

    /// <summary>Whether the signature of <paramref name="data"/> is right. ECDSA signatures are DER (RFC 3279 §2.2.3).</summary>
    /// <param name="saltLength">For PSS; null = as long as the hash.</param>
    public bool Verify(SignatureScheme scheme, ReadOnlySpan<byte> data, ReadOnlySpan<byte> signature, int? saltLength = null)
    {
        if (scheme.Key != Kind) return false;
        using var context = LibCrypto.EVP_MD_CTX_new();
        nint keyContext;
        if (!LibCrypto.Succeeds(LibCrypto.EVP_DigestVerifyInit(context, &keyContext, Digest(scheme), 0, _key))) return false;
        if (Kind == KeyKind.Rsa && !SetPadding(keyContext, scheme, saltLength)) return false;
        fixed (byte* s = signature, d = data)
            return LibCrypto.Succeeds(LibCrypto.EVP_DigestVerify(context, s, (nuint)signature.Length, d, (nuint)data.Length));
    }

    public void Dispose() => _key.Dispose();

    internal static nint Digest(SignatureScheme scheme) => scheme.HashName is { } name ? LibCrypto.EVP_get_digestbyname(name) : 0;

    internal static bool SetPadding(nint keyContext, SignatureScheme scheme, int? saltLength) =>
        scheme.Pss
            ? LibCrypto.Succeeds(LibCrypto.EVP_PKEY_CTX_set_rsa_padding(keyContext, LibCrypto.RSA_PKCS1_PSS_PADDING))
                && LibCrypto.Succeeds(LibCrypto.EVP_PKEY_CTX_set_rsa_pss_saltlen(keyContext, saltLength ?? scheme.HashLength))
            : LibCrypto.Succeeds(LibCrypto.EVP_PKEY_CTX_set_rsa_padding(keyContext, LibCrypto.RSA_PKCS1_PADDING));

    /// <summary>Kind, length and curve of a key; false for those that are not used here.</summary>
    internal static bool TryDescribe(PkeyHandle handle, out KeyKind kind, out int bits, out string? curve)
    {
        (kind, bits, curve) = (default, 0, null);
        if (handle.IsInvalid)
        {
            LibCrypto.ERR_clear_error();
            return false;
        }

        bits = LibCrypto.EVP_PKEY_get_bits(handle);
        switch (LibCrypto.EVP_PKEY_get_base_id(handle))
        {
            case LibCrypto.EVP_PKEY_RSA:
                kind = KeyKind.Rsa;
                return bits is >= MinRsaBits and <= MaxRsaBits;
            case LibCrypto.EVP_PKEY_EC:
                kind = KeyKind.Ecdsa;
                Span<byte> name = stackalloc byte[64];
                nuint length;
                fixed (byte* n = name)
                    if (!LibCrypto.Succeeds(LibCrypto.EVP_PKEY_get_group_name(handle, n, (nuint)name.Length, &length))) return false;
                curve = Encoding.ASCII.GetString(name[..(int)length]);
                return true;
            case LibCrypto.EVP_PKEY_ED25519:
                kind = KeyKind.Ed25519;
                return true;
            case LibCrypto.EVP_PKEY_ED448:
                kind = KeyKind.Ed448;
                return true;
            default:
                return false;
        }
    }

    private static bool TryTake(PkeyHandle handle, byte[] info, [NotNullWhen(true)] out PublicKey? key)
    {
        key = null;
        if (!TryDescribe(handle, out var kind, out var bits, out var curve))
        {
            handle.Dispose();
            return false;
        }

        RecentKeys.Keep(new RecentKeys.Entry(info, handle.Share(), kind, bits, curve));
        key = new PublicKey(handle, kind, bits, curve, info);
        return true;
    }

    /// <summary>SHA-1 where a protocol names keys and authorities by it; nothing is secured by it there.</summary>
    [SuppressMessage("Security", "CA5350", Justification = "RFC 7296 §3.7, RFC 5280 §4.2.1.2 and RFC 6960 §4.1.1 name keys by their SHA-1.")]
    public static byte[] LegacyHash(ReadOnlySpan<byte> data) => SHA1.HashData(data);
}
