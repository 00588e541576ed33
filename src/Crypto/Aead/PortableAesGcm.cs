using System.Runtime.CompilerServices;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Aead;

/// <summary>
/// AES-GCM by libcrypto, for processors without the instructions that the kernels need. The BCL's <c>AesGcm</c> is not used here:
/// it refuses the 8-byte tag of RFC 4106 and costs several times as much a packet.
/// </summary>
internal static unsafe class PortableAesGcm
{
    internal static void PrepareKey(AesGcmKeyBlock* block, byte* key, int length, int powers)
    {
        var cipher = LibCrypto.EVP_get_cipherbyname($"aes-{length * 8}-gcm");
        block->EncryptContext = LibCrypto.EVP_CIPHER_CTX_new();
        block->DecryptContext = LibCrypto.EVP_CIPHER_CTX_new();
        LibCrypto.Check(LibCrypto.EVP_CipherInit_ex(block->EncryptContext, cipher, 0, key, null, 1), "set up AES-GCM");
        LibCrypto.Check(LibCrypto.EVP_CipherInit_ex(block->DecryptContext, cipher, 0, key, null, 0), "set up AES-GCM");
    }

    internal static void Release(AesGcmKeyBlock* block)
    {
        if (block->EncryptContext != 0) LibCrypto.EVP_CIPHER_CTX_free(block->EncryptContext);
        if (block->DecryptContext != 0) LibCrypto.EVP_CIPHER_CTX_free(block->DecryptContext);
    }

    internal static void Encrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        Enter(key);
        var done = Run(key->EncryptContext, nonce, 1, aad, aadLength, source, destination, length, null, 0)
            && LibCrypto.EVP_CIPHER_CTX_ctrl(key->EncryptContext, LibCrypto.EVP_CTRL_AEAD_GET_TAG, tagLength, tag) > 0;
        Leave(key);
        LibCrypto.Check(done ? 1 : 0, "encrypt");
    }

    internal static bool Decrypt(AesGcmKeyBlock* key, byte* nonce, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        Enter(key);
        var fits = Run(key->DecryptContext, nonce, 0, aad, aadLength, source, destination, length, tag, tagLength);
        Leave(key);
        if (!fits) Unsafe.InitBlockUnaligned(destination, 0, (uint)length);
        return fits;
    }

    private static bool Run(nint context, byte* nonce, int encrypt, byte* aad, int aadLength, byte* source, byte* destination, int length, byte* tag, int tagLength)
    {
        int written;
        byte nothing;
        return LibCrypto.Succeeds(LibCrypto.EVP_CipherInit_ex(context, 0, 0, null, nonce, encrypt))
            && (tag == null || LibCrypto.Succeeds(LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.EVP_CTRL_AEAD_SET_TAG, tagLength, tag)))
            && (aadLength == 0 || LibCrypto.Succeeds(LibCrypto.EVP_CipherUpdate(context, null, &written, aad, aadLength)))
            && (length == 0 || LibCrypto.Succeeds(LibCrypto.EVP_CipherUpdate(context, destination, &written, source, length)))
            && LibCrypto.Succeeds(LibCrypto.EVP_CipherFinal_ex(context, &nothing, &written));
    }

    private static void Enter(AesGcmKeyBlock* key)
    {
        var wait = new SpinWait();
        while (Interlocked.CompareExchange(ref key->Gate, 1, 0) != 0) wait.SpinOnce();
    }

    private static void Leave(AesGcmKeyBlock* key) => Volatile.Write(ref key->Gate, 0);
}
