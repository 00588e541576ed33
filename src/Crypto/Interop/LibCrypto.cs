using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>The functions of OpenSSL 3's libcrypto that .NET does not offer as types. Only this folder calls them.</summary>
internal static unsafe partial class LibCrypto
{
    private const string Library = "libcrypto.so.3";

    // ----- errors
    [LibraryImport(Library)] internal static partial void ERR_clear_error();

    // ----- raw public-key types (X25519, X448)
    [LibraryImport(Library)] internal static partial PkeyHandle EVP_PKEY_new_raw_private_key(int type, nint engine, byte* key, nuint length);
    [LibraryImport(Library)] internal static partial PkeyHandle EVP_PKEY_new_raw_public_key(int type, nint engine, byte* key, nuint length);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_get_raw_public_key(PkeyHandle key, byte* into, nuint* length);
    [LibraryImport(Library)] internal static partial PkeyContextHandle EVP_PKEY_CTX_new(PkeyHandle key, nint engine);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_derive_init(PkeyContextHandle context);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_derive_set_peer_ex(PkeyContextHandle context, PkeyHandle peer, int validate);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_derive(PkeyContextHandle context, byte* into, nuint* length);
    [LibraryImport(Library)] internal static partial void EVP_PKEY_free(nint key);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_up_ref(PkeyHandle key);
    [LibraryImport(Library)] internal static partial void EVP_PKEY_CTX_free(nint context);

    // ----- big numbers
    [LibraryImport(Library)] internal static partial BignumHandle BN_secure_new();
    [LibraryImport(Library)] internal static partial void BN_clear_free(nint number);
    [LibraryImport(Library)] internal static partial nint BN_bin2bn(byte* bytes, int length, BignumHandle into);
    [LibraryImport(Library)] internal static partial int BN_bn2binpad(BignumHandle number, byte* into, int length);
    [LibraryImport(Library)] internal static partial void BN_set_flags(BignumHandle number, int flags);
    [LibraryImport(Library)] internal static partial int BN_cmp(BignumHandle a, BignumHandle b);
    [LibraryImport(Library)] internal static partial int BN_cmp(BignumHandle a, nint b);
    [LibraryImport(Library)] internal static partial int BN_sub_word(BignumHandle number, ulong word);
    [LibraryImport(Library)] internal static partial int BN_set_word(BignumHandle number, ulong word);
    [LibraryImport(Library)] internal static partial int BN_is_zero(BignumHandle number);
    [LibraryImport(Library)] internal static partial int BN_is_one(BignumHandle number);
    [LibraryImport(Library)] internal static partial BignumContextHandle BN_CTX_secure_new();
    [LibraryImport(Library)] internal static partial void BN_CTX_free(nint context);
    [LibraryImport(Library)]
    internal static partial int BN_mod_exp_mont_consttime(BignumHandle result, BignumHandle @base, BignumHandle exponent, BignumHandle modulus, BignumContextHandle context, nint montgomery);

    // ----- the primes of RFC 2409 §6.2 and RFC 3526
    [LibraryImport(Library)] internal static partial nint BN_get_rfc2409_prime_1024(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_1536(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_2048(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_3072(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_4096(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_6144(BignumHandle into);
    [LibraryImport(Library)] internal static partial nint BN_get_rfc3526_prime_8192(BignumHandle into);

    // ----- elliptic curves
    [LibraryImport(Library)] internal static partial EcGroupHandle EC_GROUP_new_by_curve_name(int nid);
    [LibraryImport(Library)] internal static partial void EC_GROUP_free(nint group);
    [LibraryImport(Library)] internal static partial nint EC_GROUP_get0_order(EcGroupHandle group);
    [LibraryImport(Library)] internal static partial EcPointHandle EC_POINT_new(EcGroupHandle group);
    [LibraryImport(Library)] internal static partial void EC_POINT_clear_free(nint point);
    [LibraryImport(Library)] internal static partial int EC_POINT_oct2point(EcGroupHandle group, EcPointHandle point, byte* bytes, nuint length, BignumContextHandle context);
    [LibraryImport(Library)]
    internal static partial nuint EC_POINT_point2oct(EcGroupHandle group, EcPointHandle point, int form, byte* into, nuint length, BignumContextHandle context);
    [LibraryImport(Library)]
    internal static partial int EC_POINT_mul(EcGroupHandle group, EcPointHandle result, BignumHandle generatorFactor, nint point, nint pointFactor, BignumContextHandle context);
    [LibraryImport(Library)]
    internal static partial int EC_POINT_mul(EcGroupHandle group, EcPointHandle result, nint generatorFactor, EcPointHandle point, BignumHandle pointFactor, BignumContextHandle context);
    [LibraryImport(Library)] internal static partial int EC_POINT_is_at_infinity(EcGroupHandle group, EcPointHandle point);
    [LibraryImport(Library)]
    internal static partial int EC_POINT_get_affine_coordinates(EcGroupHandle group, EcPointHandle point, BignumHandle x, nint y, BignumContextHandle context);

    // ----- ciphers; contexts are plain pointers because native key blocks hold them
    [LibraryImport(Library)] internal static partial nint EVP_CIPHER_CTX_new();
    [LibraryImport(Library)] internal static partial void EVP_CIPHER_CTX_free(nint context);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint EVP_get_cipherbyname(string name);
    [LibraryImport(Library)] internal static partial int EVP_CipherInit_ex(nint context, nint cipher, nint engine, byte* key, byte* iv, int encrypt);
    [LibraryImport(Library)] internal static partial int EVP_CipherUpdate(nint context, byte* into, int* written, byte* from, int length);
    [LibraryImport(Library)] internal static partial int EVP_CipherFinal_ex(nint context, byte* into, int* written);
    [LibraryImport(Library)] internal static partial int EVP_CIPHER_CTX_set_padding(nint context, int padding);
    [LibraryImport(Library)] internal static partial int EVP_CIPHER_CTX_ctrl(nint context, int type, int argument, void* pointer);

    // ----- message authentication (AES-CMAC)
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint EVP_MAC_fetch(nint library, string algorithm, nint properties);
    [LibraryImport(Library)] internal static partial MacContextHandle EVP_MAC_CTX_new(nint mac);
    [LibraryImport(Library)] internal static partial void EVP_MAC_CTX_free(nint context);
    [LibraryImport(Library)] internal static partial int EVP_MAC_init(MacContextHandle context, byte* key, nuint length, OsslParameter* parameters);
    [LibraryImport(Library)] internal static partial int EVP_MAC_update(MacContextHandle context, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int EVP_MAC_final(MacContextHandle context, byte* into, nuint* written, nuint size);

    // The same on plain pointers, which native blocks hold; a null key starts anew with the key that the context has.
    [LibraryImport(Library, EntryPoint = "EVP_MAC_CTX_new")] internal static partial nint EVP_MAC_CTX_new_raw(nint mac);
    [LibraryImport(Library)] internal static partial int EVP_MAC_init(nint context, byte* key, nuint length, OsslParameter* parameters);
    [LibraryImport(Library)] internal static partial int EVP_MAC_update(nint context, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int EVP_MAC_final(nint context, byte* into, nuint* written, nuint size);

    internal const int Nid_X25519 = 1034;
    internal const int Nid_X448 = 1035;
    internal const int Nid_Prime256v1 = 415;
    internal const int Nid_Secp384r1 = 715;
    internal const int Nid_Secp521r1 = 716;
    internal const int Nid_BrainpoolP224r1 = 925;
    internal const int Nid_BrainpoolP256r1 = 927;
    internal const int Nid_BrainpoolP384r1 = 931;
    internal const int Nid_BrainpoolP512r1 = 933;

    internal const int BN_FLG_CONSTTIME = 0x04;
    internal const int POINT_CONVERSION_UNCOMPRESSED = 4;
    internal const int EVP_CTRL_AEAD_SET_IVLEN = 0x09;
    internal const int EVP_CTRL_AEAD_GET_TAG = 0x10;
    internal const int EVP_CTRL_AEAD_SET_TAG = 0x11;

    /// <summary>OSSL_PARAM of openssl/core.h.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct OsslParameter
    {
        internal byte* Key;
        internal uint Type;
        internal void* Data;
        internal nuint Size;
        internal nuint ReturnSize;

        internal const uint Utf8String = 4;
    }

    /// <summary>For calls that fail only when memory runs out or the library is broken.</summary>
    internal static void Check(int result, string what)
    {
        if (result > 0) return;
        ERR_clear_error();
        throw new System.Security.Cryptography.CryptographicException($"libcrypto could not {what}.");
    }

    /// <summary>For calls that hostile input can make fail: false, and the thread's error queue is left clean.</summary>
    internal static bool Succeeds(int result)
    {
        if (result > 0) return true;
        ERR_clear_error();
        return false;
    }
}
