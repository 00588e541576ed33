using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Signatures;

/// <summary>A private key that signs. It lives in libcrypto, which overwrites it when it is disposed; it prints nothing of itself.</summary>
public sealed unsafe class PrivateKey : IDisposable
{
    private PrivateKey(PkeyHandle key, PublicKey pub) => (Handle, Public) = (key, pub);

    public PublicKey Public { get; }

    public KeyKind Kind => Public.Kind;

    internal PkeyHandle Handle { get; }

    /// <summary>
    /// Reads a key as files hold it: PKCS#8, PKCS#1 or SEC 1, as DER or PEM, encrypted ones with their passphrase. False for anything else.
    /// </summary>
    public static bool TryParse(ReadOnlySpan<byte> content, [NotNullWhen(true)] out PrivateKey? key) => TryParse(content, default, out key);

    /// <inheritdoc cref="TryParse(ReadOnlySpan{byte}, out PrivateKey?)"/>
    public static bool TryParse(ReadOnlySpan<byte> content, ReadOnlySpan<byte> passphrase, [NotNullWhen(true)] out PrivateKey? key)
    {
        key = null;
        var handle = Read(content, passphrase);
        if (!PublicKey.TryDescribe(handle, out _, out _, out _) || !PublicKey.TryParse(PublicInfo(handle), out var pub))
        {
            handle.Dispose();
            return false;
        }

        key = new PrivateKey(handle, pub);
        return true;
    }

    /// <summary>Signs; ECDSA signatures are DER (RFC 3279 §2.2.3), the salt of PSS is as long as the hash.</summary>
    public byte[] Sign(SignatureScheme scheme, ReadOnlySpan<byte> data)
    {
        if (scheme.Key != Kind) throw new ArgumentException($"A key of kind {Kind} cannot make {scheme}.", nameof(scheme));
        using var context = LibCrypto.EVP_MD_CTX_new();
        nint keyContext;
        LibCrypto.Check(LibCrypto.EVP_DigestSignInit(context, &keyContext, PublicKey.Digest(scheme), 0, Handle), "begin a signature");
        if (Kind == KeyKind.Rsa && !PublicKey.SetPadding(keyContext, scheme, null)) LibCrypto.Check(0, "set the padding of a signature");
        var signature = new byte[LibCrypto.EVP_PKEY_get_size(Handle)];
        var length = (nuint)signature.Length;
        fixed (byte* s = signature, d = data)
            LibCrypto.Check(LibCrypto.EVP_DigestSign(context, s, &length, d, (nuint)data.Length), "sign");
        return signature[..(int)length];
    }

    /// <summary>The key as PKCS#8 in DER, for the vault.</summary>
    public Secret ToPkcs8()
    {
        var info = LibCrypto.EVP_PKEY2PKCS8(Handle);
        LibCrypto.Check(info == 0 ? 0 : 1, "encode a key");
        try
        {
            var length = LibCrypto.i2d_PKCS8_PRIV_KEY_INFO(info, null);
            LibCrypto.Check(length, "encode a key");
            var secret = Secret.Allocate(length, out var into);
            fixed (byte* start = into)
            {
                var at = start;
                LibCrypto.Check(LibCrypto.i2d_PKCS8_PRIV_KEY_INFO(info, &at), "encode a key");
            }

            return secret;
        }
        finally
        {
            LibCrypto.PKCS8_PRIV_KEY_INFO_free(info);
        }
    }

    public override string ToString() => $"{Kind} private key ***";

    public void Dispose()
    {
        Handle.Dispose();
        Public.Dispose();
    }

    private static PkeyHandle Read(ReadOnlySpan<byte> content, ReadOnlySpan<byte> passphrase)
    {
        // Never null: without a passphrase libcrypto would ask for one on the terminal.
        var ended = new byte[passphrase.Length + 1];
        passphrase.CopyTo(ended);
        try
        {
            fixed (byte* start = content, pass = ended)
            {
                if (content.IndexOf("-----BEGIN "u8) >= 0)
                {
                    using var text = LibCrypto.BIO_new_mem_buf(start, content.Length);
                    return LibCrypto.PEM_read_bio_PrivateKey(text, 0, 0, pass);
                }

                var at = start;
                var plain = LibCrypto.d2i_AutoPrivateKey(0, &at, content.Length);
                if (!plain.IsInvalid || passphrase.IsEmpty) return plain;
                plain.Dispose();
                using var bio = LibCrypto.BIO_new_mem_buf(start, content.Length);
                return LibCrypto.d2i_PKCS8PrivateKey_bio(bio, 0, 0, pass);
            }
        }
        finally
        {
            System.Security.Cryptography.CryptographicOperations.ZeroMemory(ended);
        }
    }

    private static byte[] PublicInfo(PkeyHandle handle)
    {
        var length = LibCrypto.i2d_PUBKEY(handle, null);
        if (!LibCrypto.Succeeds(length)) return [];
        var info = new byte[length];
        fixed (byte* start = info)
        {
            var at = start;
            return LibCrypto.Succeeds(LibCrypto.i2d_PUBKEY(handle, &at)) ? info : [];
        }
    }
}
