using System.Security.Cryptography;
using Gateway.Crypto.Aead;

namespace Gateway.Crypto.Ciphers;

/// <summary>
/// Authenticated encryption of IKE messages (RFC 5282, RFC 7634): nonce = salt | IV, additional data = the header. The tables of an AES-GCM key are a hundred
/// times as long as the key and quickly made: they are there for a message only, since an IKE SA is silent nearly all the time.
/// </summary>
internal sealed class AeadIkeCipher : IIkeCipher
{
    private readonly CipherDescription _description;
    private readonly Secret _salt;
    private readonly Secret? _gcm;
    private readonly AesCcm? _ccm;
    private readonly ChaCha20Poly1305? _chaCha;

    internal AeadIkeCipher(CipherDescription description, ReadOnlySpan<byte> keyMaterial)
    {
        _description = description;
        var key = keyMaterial[..^description.SaltLength];
        _salt = Secret.FromBytes(keyMaterial[^description.SaltLength..]);
        switch (description.Algorithm)
        {
            case EncryptionAlgorithm.AesGcm8 or EncryptionAlgorithm.AesGcm12 or EncryptionAlgorithm.AesGcm16: _gcm = Secret.FromBytes(key); break;
            case EncryptionAlgorithm.ChaCha20Poly1305: _chaCha = new ChaCha20Poly1305(key); break;
            default: _ccm = new AesCcm(key); break;
        }
    }

    public int IvLength => _description.IvLength;

    public int IcvLength => _description.IcvLength;

    public int BlockLength => _description.BlockLength;

    public IvRule Iv => _description.Iv;

    public void Seal(Span<byte> message, int headerLength)
    {
        var parts = new MessageParts(message, headerLength, this);
        Span<byte> nonce = stackalloc byte[_description.SaltLength + IvLength];
        FillNonce(nonce, parts.Iv);
        if (_gcm is not null)
        {
            using var tables = AesGcmKey.Create(_gcm.Span);
            AesGcmEngine.Encrypt(tables, nonce, parts.Header, parts.Text, parts.Text, parts.Icv);
        }
        else if (_ccm is not null) _ccm.Encrypt(nonce, parts.Text, parts.Text, parts.Icv, parts.Header);
        else _chaCha!.Encrypt(nonce, parts.Text, parts.Text, parts.Icv, parts.Header);
    }

    public bool TryOpen(Span<byte> message, int headerLength)
    {
        if (message.Length < headerLength + IvLength + IcvLength) return false;
        var parts = new MessageParts(message, headerLength, this);
        Span<byte> nonce = stackalloc byte[_description.SaltLength + IvLength];
        FillNonce(nonce, parts.Iv);
        if (_gcm is not null)
        {
            using var tables = AesGcmKey.Create(_gcm.Span);
            return AesGcmEngine.Decrypt(tables, nonce, parts.Header, parts.Text, parts.Text, parts.Icv);
        }

        try
        {
            if (_ccm is not null) _ccm.Decrypt(nonce, parts.Text, parts.Icv, parts.Text, parts.Header);
            else _chaCha!.Decrypt(nonce, parts.Text, parts.Icv, parts.Text, parts.Header);
            return true;
        }
        catch (AuthenticationTagMismatchException)
        {
            parts.Text.Clear();
            return false;
        }
    }

    public void Dispose()
    {
        _salt.Dispose();
        _gcm?.Dispose();
        _ccm?.Dispose();
        _chaCha?.Dispose();
    }

    // RFC 5282 §4: the salt, then the IV.
    private void FillNonce(Span<byte> nonce, ReadOnlySpan<byte> iv)
    {
        _salt.Span.CopyTo(nonce);
        iv.CopyTo(nonce[_salt.Length..]);
    }
}

/// <summary>The parts of a message with an Encrypted payload, see <see cref="IIkeCipher"/>.</summary>
internal readonly ref struct MessageParts(Span<byte> message, int headerLength, IIkeCipher cipher)
{
    internal Span<byte> Header { get; } = message[..headerLength];

    internal Span<byte> Iv { get; } = message.Slice(headerLength, cipher.IvLength);

    internal Span<byte> Text { get; } = message[(headerLength + cipher.IvLength)..^cipher.IcvLength];

    internal Span<byte> Icv { get; } = message[^cipher.IcvLength..];

    /// <summary>All that a separate integrity algorithm covers.</summary>
    internal Span<byte> Covered { get; } = message[..^cipher.IcvLength];
}
