namespace Gateway.Crypto.Ciphers;

/// <summary>
/// Protects one direction of an IKE SA: encryption with its integrity, as the Encrypted payload needs it (RFC 7296 §3.14, RFC 5282).
/// <code>
/// message = header: IKE header … generic header of SK or SKF (and the fragment fields) | IV | payloads, padding, pad length | ICV
///           headerLength                                                               IvLength                          IcvLength
/// </code>
/// </summary>
public interface IIkeCipher : IDisposable
{
    int IvLength { get; }

    int IcvLength { get; }

    /// <summary>The text (payloads, padding and pad length) must be a multiple of this many bytes.</summary>
    int BlockLength { get; }

    /// <summary>What the caller must put into the IV before <see cref="Seal"/>.</summary>
    IvRule Iv { get; }

    /// <summary>Encrypts the text in place and writes the check value. The caller has filled in everything before the check value.</summary>
    void Seal(Span<byte> message, int headerLength);

    /// <summary>
    /// Checks, then decrypts the text in place. False, never an exception, for a message that is too short, is not whole blocks, or does not
    /// verify; the message then holds no plaintext.
    /// </summary>
    bool TryOpen(Span<byte> message, int headerLength);
}
