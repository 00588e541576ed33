using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>Signatures and encoded keys.</summary>
internal static unsafe partial class LibCrypto
{
    internal const int EVP_PKEY_RSA = 6;
    internal const int EVP_PKEY_EC = 408;
    internal const int EVP_PKEY_ED25519 = 1087;
    internal const int EVP_PKEY_ED448 = 1088;
    internal const int RSA_PKCS1_PADDING = 1;
    internal const int RSA_PKCS1_PSS_PADDING = 6;

    [LibraryImport(Library)] internal static partial PkeyHandle d2i_PUBKEY(nint into, byte** from, long length);
    [LibraryImport(Library)] internal static partial PkeyHandle d2i_AutoPrivateKey(nint into, byte** from, long length);
    [LibraryImport(Library)] internal static partial int i2d_PUBKEY(PkeyHandle key, byte** into);
    [LibraryImport(Library)] internal static partial nint EVP_PKEY2PKCS8(PkeyHandle key);
    [LibraryImport(Library)] internal static partial int i2d_PKCS8_PRIV_KEY_INFO(nint info, byte** into);
    [LibraryImport(Library)] internal static partial void PKCS8_PRIV_KEY_INFO_free(nint info);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_get_base_id(PkeyHandle key);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_get_bits(PkeyHandle key);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_get_size(PkeyHandle key);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_get_group_name(PkeyHandle key, byte* name, nuint size, nuint* length);

    [LibraryImport(Library)] internal static partial DigestContextHandle EVP_MD_CTX_new();
    [LibraryImport(Library)] internal static partial void EVP_MD_CTX_free(nint context);
    [LibraryImport(Library, StringMarshalling = StringMarshalling.Utf8)] internal static partial nint EVP_get_digestbyname(string name);
    [LibraryImport(Library)] internal static partial int EVP_DigestSignInit(DigestContextHandle context, nint* keyContext, nint digest, nint engine, PkeyHandle key);
    [LibraryImport(Library)] internal static partial int EVP_DigestSign(DigestContextHandle context, byte* signature, nuint* length, byte* data, nuint dataLength);
    [LibraryImport(Library)] internal static partial int EVP_DigestVerifyInit(DigestContextHandle context, nint* keyContext, nint digest, nint engine, PkeyHandle key);
    [LibraryImport(Library)] internal static partial int EVP_DigestVerify(DigestContextHandle context, byte* signature, nuint length, byte* data, nuint dataLength);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_CTX_set_rsa_padding(nint context, int padding);
    [LibraryImport(Library)] internal static partial int EVP_PKEY_CTX_set_rsa_pss_saltlen(nint context, int length);

    [LibraryImport(Library)] internal static partial BioHandle BIO_new_mem_buf(byte* bytes, int length);
    [LibraryImport(Library)] internal static partial nint BIO_s_mem();
    [LibraryImport(Library)] internal static partial nint BIO_new(nint method);
    [LibraryImport(Library)] internal static partial int BIO_free(nint bio);
    [LibraryImport(Library)] internal static partial int BIO_read(nint bio, byte* into, int length);
    [LibraryImport(Library)] internal static partial int BIO_write(nint bio, byte* from, int length);
    [LibraryImport(Library)] internal static partial nuint BIO_ctrl_pending(nint bio);

    /// <summary>Without a callback the last argument is the passphrase, ended by a zero.</summary>
    [LibraryImport(Library)] internal static partial PkeyHandle PEM_read_bio_PrivateKey(BioHandle bio, nint into, nint callback, byte* passphrase);
    [LibraryImport(Library)] internal static partial PkeyHandle d2i_PKCS8PrivateKey_bio(BioHandle bio, nint into, nint callback, byte* passphrase);
}
