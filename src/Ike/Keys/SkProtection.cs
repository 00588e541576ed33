using System.Buffers.Binary;
using Gateway.Crypto;
using Gateway.Crypto.Ciphers;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Keys;

/// <summary>Closes and opens the encrypted payload (RFC 7296 §3.14, RFC 5282 §3).</summary>
/// <remarks>
/// The IV counter belongs to the SA's stored state, one per direction: it moves by one for every datagram, and no value may be used twice under one key.
/// </remarks>
public static class SkProtection
{
    /// <summary>Octets before the initialization vector of SK: the IKE header and one generic header. They are the associated data.</summary>
    internal const int SkHeaderLength = IkeHeader.Size + GenericHeader.Size;

    /// <summary>The datagram that carries these payloads in one encrypted payload.</summary>
    public static byte[] Seal(IkeHeader header, ValueList<Payload> payloads, IIkeCipher cipher, ref ulong ivCounter, IEntropy entropy)
    {
        var plain = new IkeWriter(512);
        try
        {
            MessageCodec.WritePayloads(ref plain, payloads);
            return Seal(header, Payload.FirstType(payloads), fragment: null, plain.Written, cipher, ref ivCounter, entropy);
        }
        finally
        {
            plain.Dispose();
        }
    }

    /// <summary>Verifies and decrypts an encrypted payload, and holds its content to the rules of its exchange.</summary>
    /// <param name="datagram">The octets that <paramref name="outer"/> was parsed from.</param>
    /// <param name="error">
    /// <see cref="WireFault.IntegrityFailed"/> and malformed protection are for counting only; every other fault comes from the
    /// authenticated peer and may be answered with <see cref="WireError.Notify"/>.
    /// </param>
    public static bool TryOpen(ReadOnlySpan<byte> datagram, Message outer, IIkeCipher cipher, out ValueList<Payload> payloads, out WireError error)
    {
        payloads = default;
        if (outer.Payloads is not [EncryptedPayload sk]) { error = WireFault.NotProtected; return false; }
        if (!TryDecrypt(datagram, SkHeaderLength, cipher, out var plain, out error)) return false;
        try
        {
            return TryParseContent(outer.Header, sk.FirstInner, plain, out payloads, out error);
        }
        finally
        {
            plain.AsSpan().Clear();
        }
    }

    internal static bool TryParseContent(IkeHeader header, PayloadType first, ReadOnlySpan<byte> plain, out ValueList<Payload> payloads, out WireError error) =>
        MessageCodec.TryParsePayloads(first, plain, out payloads, out error) && PayloadRules.TryCheck(header, payloads, out error);

    /// <summary>Decrypts what follows the headers; the result has no padding.</summary>
    internal static bool TryDecrypt(ReadOnlySpan<byte> datagram, int headerLength, IIkeCipher cipher, out byte[] plain, out WireError error)
    {
        plain = [];
        // At least the pad length octet is encrypted.
        if (datagram.Length < headerLength + cipher.IvLength + 1 + cipher.IcvLength) { error = WireFault.MalformedEncrypted; return false; }
        var message = datagram.ToArray();
        try
        {
            if (!cipher.TryOpen(message, headerLength)) { error = WireFault.IntegrityFailed; return false; }
            var text = message.AsSpan(headerLength + cipher.IvLength, message.Length - headerLength - cipher.IvLength - cipher.IcvLength);
            // RFC 7296 §3.14: the last octet counts the padding before it, whose content does not matter.
            var padding = text[^1] + 1;
            if (padding > text.Length) { error = WireFault.MalformedPadding; return false; }
            plain = text[..^padding].ToArray();
            error = WireError.None;
            return true;
        }
        finally
        {
            message.AsSpan().Clear();
        }
    }

    /// <summary>One datagram around <paramref name="plain"/>, which is a chain of payloads or a part of one.</summary>
    internal static byte[] Seal(
        IkeHeader header, PayloadType first, (ushort Number, ushort Total)? fragment, ReadOnlySpan<byte> plain, IIkeCipher cipher, ref ulong ivCounter, IEntropy entropy)
    {
        var headerLength = fragment is null ? SkHeaderLength : SkFragments.SkfHeaderLength;
        // RFC 7296 §3.14: as little padding as the cipher's block needs; the pad length octet counts towards the block.
        var padding = Padding(plain.Length, cipher);
        var length = headerLength + cipher.IvLength + plain.Length + padding + 1 + cipher.IcvLength;

        var message = new byte[length];
        WriteHeaders(message, header, first, fragment, headerLength);
        FillIv(message.AsSpan(headerLength, cipher.IvLength), cipher, ref ivCounter, entropy);
        plain.CopyTo(message.AsSpan(headerLength + cipher.IvLength));
        message[length - cipher.IcvLength - 1] = (byte)padding;
        cipher.Seal(message, headerLength);
        return message;
    }

    internal static int Padding(int plainLength, IIkeCipher cipher) => (cipher.BlockLength - (plainLength + 1) % cipher.BlockLength) % cipher.BlockLength;

    private static void WriteHeaders(Span<byte> message, IkeHeader header, PayloadType first, (ushort Number, ushort Total)? fragment, int headerLength)
    {
        var writer = new IkeWriter(SkFragments.SkfHeaderLength);
        header.Write(ref writer, fragment is null ? PayloadType.Encrypted : PayloadType.EncryptedFragment);
        writer.PatchUInt32(24, (uint)message.Length);
        // RFC 7383 §2.5: only the first fragment names the first payload inside.
        GenericHeader.Write(ref writer, fragment is { Number: > 1 } ? PayloadType.None : first, critical: false);
        writer.PatchUInt16(IkeHeader.Size + 2, checked((ushort)(message.Length - IkeHeader.Size)));
        if (fragment is { } f)
        {
            writer.WriteUInt16(f.Number);
            writer.WriteUInt16(f.Total);
        }

        writer.Written[..headerLength].CopyTo(message);
        writer.Dispose();
    }

    // RFC 5282 §3.1: an AEAD's IV only has to be unique. RFC 7296 §3.14: a CBC cipher's has to be unpredictable.
    private static void FillIv(Span<byte> iv, IIkeCipher cipher, ref ulong ivCounter, IEntropy entropy)
    {
        var counter = checked(ivCounter++);
        if (cipher.Iv == IvRule.Unpredictable) entropy.Fill(iv);
        else BinaryPrimitives.WriteUInt64BigEndian(iv, counter);
    }
}
