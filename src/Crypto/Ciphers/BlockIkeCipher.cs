using System.Buffers.Binary;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Ciphers;

/// <summary>Encrypt-then-MAC protection of IKE messages (RFC 7296 §3.14): the check value covers the whole message before it.</summary>
internal sealed class BlockIkeCipher : IIkeCipher
{
    private readonly CipherDescription _description;
    private readonly IntegrityDescription _integrity;
    private readonly Secret _integrityKey;
    private readonly Secret _salt;
    private readonly EvpCipher _encrypt;
    private readonly EvpCipher _decrypt;

    internal BlockIkeCipher(CipherDescription description, IntegrityDescription integrity, ReadOnlySpan<byte> keyMaterial, ReadOnlySpan<byte> integrityKey)
    {
        _description = description;
        _integrity = integrity;
        _integrityKey = Secret.FromBytes(integrityKey);
        var key = keyMaterial[..^description.SaltLength];
        _salt = Secret.FromBytes(keyMaterial[^description.SaltLength..]);
        var name = description.Algorithm switch
        {
            EncryptionAlgorithm.AesCbc => $"aes-{key.Length * 8}-cbc",
            EncryptionAlgorithm.AesCtr => $"aes-{key.Length * 8}-ctr",
            _ => "des-ede3-cbc",
        };
        _encrypt = new EvpCipher(name, key, encrypt: true);
        _decrypt = new EvpCipher(name, key, encrypt: false);
    }

    public int IvLength => _description.IvLength;

    public int IcvLength => _integrity.IcvLength;

    public int BlockLength => _description.BlockLength;

    public IvRule Iv => _description.Iv;

    public void Seal(Span<byte> message, int headerLength)
    {
        var parts = new MessageParts(message, headerLength, this);
        if (parts.Text.Length % BlockLength != 0) throw new ArgumentException("The text is not whole blocks.", nameof(message));
        Transform(_encrypt, parts);
        IntegrityChecks.Compute(_integrity.Algorithm, _integrityKey.Span, parts.Covered, parts.Icv);
    }

    public bool TryOpen(Span<byte> message, int headerLength)
    {
        var textLength = message.Length - headerLength - IvLength - IcvLength;
        if (textLength < 0 || textLength % BlockLength != 0) return false;
        var parts = new MessageParts(message, headerLength, this);
        if (!IntegrityChecks.Verify(_integrity.Algorithm, _integrityKey.Span, parts.Covered, parts.Icv)) return false;
        Transform(_decrypt, parts);
        return true;
    }

    public void Dispose()
    {
        _integrityKey.Dispose();
        _salt.Dispose();
        _encrypt.Dispose();
        _decrypt.Dispose();
    }

    private void Transform(EvpCipher cipher, MessageParts parts)
    {
        if (_description.Algorithm != EncryptionAlgorithm.AesCtr)
        {
            cipher.Run(parts.Iv, parts.Text);
            return;
        }
        // RFC 3686 §4: the counter block is nonce (our salt) | IV | counter, which starts at one.
        Span<byte> counter = stackalloc byte[16];
        _salt.Span.CopyTo(counter);
        parts.Iv.CopyTo(counter[4..]);
        BinaryPrimitives.WriteUInt32BigEndian(counter[12..], 1);
        cipher.Run(counter, parts.Text);
    }
}
