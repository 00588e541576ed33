using System.Buffers.Binary;
using System.Security.Cryptography;
using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.Packet;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>ESP payloads of all transforms but AES-GCM, slow and plain, on arrays and the base library: from RFC 4303 and the ciphers' own RFCs.</summary>
internal sealed class SlowCipher(PacketCipherDescription transform, byte[] keymat, uint spi, bool esn)
{
    private byte[] Key => keymat[..transform.KeyLength];

    private byte[] Salt => keymat[transform.KeyLength..(transform.KeyLength + transform.SaltLength)];

    private byte[] IntegrityKey => keymat[(transform.KeyLength + transform.SaltLength)..];

    /// <summary>Padding as RFC 4303 §2.4 wants it, then pad length and next header.</summary>
    public byte[] Pad(byte[] payload, byte next)
    {
        var padding = (transform.Alignment - (payload.Length + 2) % transform.Alignment) % transform.Alignment;
        return [.. payload, .. Enumerable.Range(1, padding).Select(i => (byte)i), (byte)padding, next];
    }

    public byte[] Seal(byte[] text, ulong sequence)
    {
        var iv = transform.Encryption is EncryptionAlgorithm.AesCbc or EncryptionAlgorithm.TripleDesCbc ? RandomNumberGenerator.GetBytes(transform.IvLength) : Big(sequence)[..transform.IvLength];
        byte[] head = [.. Big(spi), .. Big((uint)sequence)];
        if (transform.IntegrityKeyLength > 0)
        {
            byte[] covered = [.. head, .. iv, .. Cipher(text, iv, encrypt: true)];
            return [.. covered, .. Icv(covered, sequence)];
        }
        var closed = new byte[text.Length];
        var tag = new byte[transform.IcvLength];
        byte[] nonce = [.. Salt, .. iv];
        if (transform.Encryption == EncryptionAlgorithm.ChaCha20Poly1305)
        {
            using var chaCha = new ChaCha20Poly1305(Key);
            chaCha.Encrypt(nonce, text, closed, tag, Aad(sequence));
        }
        else
        {
            using var ccm = new AesCcm(Key);
            ccm.Encrypt(nonce, text, closed, tag, Aad(sequence));
        }
        return [.. head, .. iv, .. closed, .. tag];
    }

    /// <summary>The text; throws when the ICV does not fit.</summary>
    public byte[] Unseal(byte[] esp, ulong sequence)
    {
        var (iv, closed, tag) = (esp[8..(8 + transform.IvLength)], esp[(8 + transform.IvLength)..^transform.IcvLength], esp[^transform.IcvLength..]);
        if (transform.IntegrityKeyLength > 0)
        {
            if (!Icv(esp[..^transform.IcvLength], sequence).SequenceEqual(tag)) throw new CryptographicException("The ICV does not fit.");
            return Cipher(closed, iv, encrypt: false);
        }
        var text = new byte[closed.Length];
        byte[] nonce = [.. Salt, .. iv];
        if (transform.Encryption == EncryptionAlgorithm.ChaCha20Poly1305)
        {
            using var chaCha = new ChaCha20Poly1305(Key);
            chaCha.Decrypt(nonce, closed, tag, text, Aad(sequence));
        }
        else
        {
            using var ccm = new AesCcm(Key);
            ccm.Decrypt(nonce, closed, tag, text, Aad(sequence));
        }
        return text;
    }

    // RFC 4303 §2.2.1: a separate integrity algorithm covers the high half behind the packet.
    private byte[] Icv(byte[] covered, ulong sequence)
    {
        var icv = new byte[transform.IcvLength];
        IntegrityChecks.Compute(transform.Integrity, IntegrityKey, esn ? [.. covered, .. Big((uint)(sequence >> 32))] : covered, icv);
        return icv;
    }

    private byte[] Cipher(byte[] text, byte[] iv, bool encrypt)
    {
        switch (transform.Encryption)
        {
            case EncryptionAlgorithm.Null:
                return text;
            case EncryptionAlgorithm.AesCtr:
                // RFC 3686 §4.
                using (var aes = Aes.Create())
                {
                    aes.Key = Key;
                    var stream = Enumerable.Range(1, text.Length / 16 + 1).SelectMany(n => aes.EncryptEcb([.. Salt, .. iv, .. Big((uint)n)], PaddingMode.None)).ToArray();
                    return [.. text.Select((b, i) => (byte)(b ^ stream[i]))];
                }
            default:
                using (SymmetricAlgorithm cbc = transform.Encryption == EncryptionAlgorithm.AesCbc ? Aes.Create() : TripleDES.Create())
                {
                    cbc.Key = Key;
                    return encrypt ? cbc.EncryptCbc(text, iv, PaddingMode.None) : cbc.DecryptCbc(text, iv, PaddingMode.None);
                }
        }
    }

    private byte[] Aad(ulong sequence) => esn ? [.. Big(spi), .. Big(sequence)] : [.. Big(spi), .. Big((uint)sequence)];

    private static byte[] Big(ulong value)
    {
        var bytes = new byte[8];
        BinaryPrimitives.WriteUInt64BigEndian(bytes, value);
        return bytes;
    }

    private static byte[] Big(uint value)
    {
        var bytes = new byte[4];
        BinaryPrimitives.WriteUInt32BigEndian(bytes, value);
        return bytes;
    }
}
