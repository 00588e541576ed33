namespace Gateway.Crypto.Interop;

/// <summary>A keyed libcrypto cipher without authentication and padding; the key lives in libcrypto's context, which zeroes it when freed.</summary>
internal sealed unsafe class EvpCipher : CryptoHandle
{
    internal EvpCipher(string name, ReadOnlySpan<byte> key, bool encrypt)
    {
        SetHandle(LibCrypto.EVP_CIPHER_CTX_new());
        var cipher = LibCrypto.EVP_get_cipherbyname(name);
        fixed (byte* k = key)
            LibCrypto.Check(cipher == 0 ? 0 : LibCrypto.EVP_CipherInit_ex(handle, cipher, 0, k, null, encrypt ? 1 : 0), $"set up {name}");
        LibCrypto.Check(LibCrypto.EVP_CIPHER_CTX_set_padding(handle, 0), $"set up {name}");
    }

    /// <summary>Transforms whole blocks in place.</summary>
    internal void Run(ReadOnlySpan<byte> iv, Span<byte> text)
    {
        int written;
        fixed (byte* i = iv, t = text)
        {
            LibCrypto.Check(LibCrypto.EVP_CipherInit_ex(handle, 0, 0, null, i, -1), "set an IV");
            LibCrypto.Check(text.Length == 0 ? 1 : LibCrypto.EVP_CipherUpdate(handle, t, &written, t, text.Length), "run a cipher");
        }
    }

    protected override bool ReleaseHandle()
    {
        LibCrypto.EVP_CIPHER_CTX_free(handle);
        return true;
    }
}
