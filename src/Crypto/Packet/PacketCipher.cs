using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Packet;

/// <summary>
/// Owns the libcrypto contexts that protect one direction of a CHILD SA by other transforms than AES-GCM. Dispose it when nothing uses
/// <see cref="Block"/> any more; libcrypto zeroes the keys.
/// </summary>
public sealed unsafe class PacketCipher : IDisposable
{
    private nint _block;

    private PacketCipher(nint block) => _block = block;

    /// <summary>What a worker takes. One thread at a time.</summary>
    public PacketCipherBlock* Block
    {
        get
        {
            var block = _block;
            ObjectDisposedException.ThrowIf(block == 0, this);
            return (PacketCipherBlock*)block;
        }
    }

    /// <summary>Prepares one direction. <paramref name="keyMaterial"/> has <see cref="PacketCipherDescription.KeyMaterialLength"/> bytes.</summary>
    public static PacketCipher Create(PacketCipherDescription description, ReadOnlySpan<byte> keyMaterial, bool encrypt)
    {
        if (description.IsGcm) throw new ArgumentException("AES-GCM has kernels of its own.", nameof(description));
        if (keyMaterial.Length != description.KeyMaterialLength) throw new ArgumentException("The key material has a wrong length.", nameof(keyMaterial));
        var block = (PacketCipherBlock*)LockedMemory.Allocate(sizeof(PacketCipherBlock));
        var made = new PacketCipher((nint)block);
        try
        {
            made.Fill(block, description, keyMaterial, encrypt);
            return made;
        }
        catch
        {
            made.Dispose();
            throw;
        }
    }

    public override string ToString() => "***";

    public void Dispose()
    {
        var block = (PacketCipherBlock*)Interlocked.Exchange(ref _block, 0);
        if (block == null) return;
        LibCrypto.EVP_CIPHER_CTX_free(block->Cipher);
        LibCrypto.EVP_CIPHER_CTX_free(block->IvMaker);
        LibCrypto.EVP_CIPHER_CTX_free(block->Chain);
        LibCrypto.EVP_MAC_CTX_free(block->Mac);
        LockedMemory.Free((byte*)block, sizeof(PacketCipherBlock));
    }

    private void Fill(PacketCipherBlock* block, PacketCipherDescription description, ReadOnlySpan<byte> keyMaterial, bool encrypt)
    {
        var key = keyMaterial[..description.KeyLength];
        block->Kind = KindOf(description.Encryption);
        (block->IvLength, block->IcvLength, block->SaltLength) = (description.IvLength, description.IcvLength, description.SaltLength);
        keyMaterial.Slice(description.KeyLength, description.SaltLength).CopyTo(new Span<byte>(block->Salt, 4));
        switch (block->Kind)
        {
            case PacketCipherKind.Ccm:
                block->Cipher = Context($"id-aes{key.Length * 8}-CCM", [], encrypt);
                LibCrypto.Check(LibCrypto.EVP_CIPHER_CTX_ctrl(block->Cipher, LibCrypto.EVP_CTRL_AEAD_SET_IVLEN, description.SaltLength + description.IvLength, null), "set up CCM");
                LibCrypto.Check(LibCrypto.EVP_CIPHER_CTX_ctrl(block->Cipher, LibCrypto.EVP_CTRL_AEAD_SET_TAG, description.IcvLength, null), "set up CCM");
                fixed (byte* k = key) LibCrypto.Check(LibCrypto.EVP_CipherInit_ex(block->Cipher, 0, 0, k, null, -1), "set up CCM");
                break;
            case PacketCipherKind.ChaCha:
                block->Cipher = Context("ChaCha20-Poly1305", key, encrypt);
                break;
            case PacketCipherKind.Counter:
                block->Cipher = Context($"aes-{key.Length * 8}-ctr", key, encrypt);
                break;
            case PacketCipherKind.Chained:
                block->Cipher = Context(description.Encryption == EncryptionAlgorithm.AesCbc ? $"aes-{key.Length * 8}-cbc" : "des-ede3-cbc", key, encrypt);
                break;
        }

        if (block->Kind == PacketCipherKind.Chained && encrypt)
        {
            // RFC 3602 §3: the IV must be unpredictable. A sequence number under a key that nobody else knows is, and needs no random bytes per packet.
            Span<byte> secret = stackalloc byte[16];
            RandomNumberGenerator.Fill(secret);
            block->IvMaker = Context("aes-128-ecb", secret, encrypt: true);
            CryptographicOperations.ZeroMemory(secret);
        }

        if (description.Integrity != IntegrityAlgorithm.None) FillMac(block, description.Integrity, keyMaterial[^description.IntegrityKeyLength..]);
    }

    private static void FillMac(PacketCipherBlock* block, IntegrityAlgorithm integrity, ReadOnlySpan<byte> key)
    {
        if (integrity == IntegrityAlgorithm.AesXcbc_96)
        {
            // RFC 3566 §4 (1): K1, K2, K3 are the blocks of ones, twos and threes under K.
            Span<byte> subkeys = stackalloc byte[48];
            subkeys[..16].Fill(1);
            subkeys[16..32].Fill(2);
            subkeys[32..].Fill(3);
            using (var outer = Aes.Create())
            {
                outer.SetKey(key);
                outer.EncryptEcb(subkeys, subkeys, PaddingMode.None);
            }
            block->Chain = Context("aes-128-cbc", subkeys[..16], encrypt: true);
            subkeys[16..].CopyTo(new Span<byte>(block->LastKeys, 32));
            CryptographicOperations.ZeroMemory(subkeys);
            return;
        }

        var (algorithm, parameter, value) = integrity switch
        {
            IntegrityAlgorithm.AesCmac_96 => ("CMAC", "cipher", "AES-128-CBC"),
            IntegrityAlgorithm.HmacSha1_96 or IntegrityAlgorithm.HmacSha1_160 => ("HMAC", "digest", "SHA1"),
            IntegrityAlgorithm.HmacSha2_256_128 => ("HMAC", "digest", "SHA256"),
            IntegrityAlgorithm.HmacSha2_384_192 => ("HMAC", "digest", "SHA384"),
            IntegrityAlgorithm.HmacSha2_512_256 => ("HMAC", "digest", "SHA512"),
            _ => throw new NotSupportedException($"The integrity algorithm {integrity} is not supported for packets."),
        };
        block->Mac = LibCrypto.EVP_MAC_CTX_new_raw(LibCrypto.EVP_MAC_fetch(0, algorithm, 0));
        var parameters = stackalloc LibCrypto.OsslParameter[2];
        fixed (byte* name = Encoding.ASCII.GetBytes(parameter + '\0'), text = Encoding.ASCII.GetBytes(value + '\0'), k = key)
        {
            parameters[0] = new() { Key = name, Type = LibCrypto.OsslParameter.Utf8String, Data = text, Size = (nuint)value.Length };
            parameters[1] = default;
            LibCrypto.Check(block->Mac == 0 ? 0 : LibCrypto.EVP_MAC_init(block->Mac, k, (nuint)key.Length, parameters), $"set up {algorithm}");
        }
    }

    private static nint Context(string name, ReadOnlySpan<byte> key, bool encrypt)
    {
        var context = LibCrypto.EVP_CIPHER_CTX_new();
        var cipher = LibCrypto.EVP_get_cipherbyname(name);
        fixed (byte* k = key)
            LibCrypto.Check(cipher == 0 ? 0 : LibCrypto.EVP_CipherInit_ex(context, cipher, 0, k, null, encrypt ? 1 : 0), $"set up {name}");
        LibCrypto.Check(LibCrypto.EVP_CIPHER_CTX_set_padding(context, 0), $"set up {name}");
        return context;
    }

    private static PacketCipherKind KindOf(EncryptionAlgorithm encryption) => encryption switch
    {
        EncryptionAlgorithm.Null => PacketCipherKind.Clear,
        EncryptionAlgorithm.AesCcm8 or EncryptionAlgorithm.AesCcm12 or EncryptionAlgorithm.AesCcm16 => PacketCipherKind.Ccm,
        EncryptionAlgorithm.ChaCha20Poly1305 => PacketCipherKind.ChaCha,
        EncryptionAlgorithm.AesCtr => PacketCipherKind.Counter,
        EncryptionAlgorithm.AesCbc or EncryptionAlgorithm.TripleDesCbc => PacketCipherKind.Chained,
        _ => throw new NotSupportedException($"The encryption algorithm {encryption} is not supported for packets."),
    };
}
