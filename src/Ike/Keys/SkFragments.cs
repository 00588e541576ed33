using Gateway.Crypto;
using Gateway.Crypto.Ciphers;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;

namespace Gateway.Ike.Keys;

/// <summary>Sends a large message as several datagrams, each protected by itself (RFC 7383).</summary>
public static class SkFragments
{
    /// <summary>The most fragments sent or gathered for one message.</summary>
    public const int MaxFragments = 128;

    /// <summary>The most octets of payloads gathered for one message: what one IKE message of 64 KiB could hold.</summary>
    public const int MaxContent = 65535;

    /// <summary>Octets before the initialization vector of SKF.</summary>
    internal const int SkfHeaderLength = SkProtection.SkHeaderLength + 4;

    /// <summary>
    /// The datagrams of a message: one with SK when it fits <paramref name="maxLength"/> octets, else fragments of at most that length.
    /// </summary>
    /// <param name="maxLength">Octets of an IKE message that pass the path in one IP packet, so without IP and UDP headers and non-ESP marker.</param>
    public static ValueList<Octets> Seal(
        IkeHeader header, ValueList<Payload> payloads, IIkeCipher cipher, ref ulong ivCounter, IEntropy entropy, int maxLength)
    {
        var plain = new IkeWriter(1024);
        try
        {
            MessageCodec.WritePayloads(ref plain, payloads);
            var first = Payload.FirstType(payloads);
            if (Length(SkProtection.SkHeaderLength, plain.Length, cipher) <= maxLength)
                return [new Octets(SkProtection.Seal(header, first, fragment: null, plain.Written, cipher, ref ivCounter, entropy))];

            var chunk = LargestContent(cipher, maxLength);
            var total = (plain.Length + chunk - 1) / chunk;
            ArgumentOutOfRangeException.ThrowIfGreaterThan(total, MaxFragments);
            var datagrams = new Octets[total];
            for (var i = 0; i < total; i++)
            {
                var part = plain.Written[(i * chunk)..Math.Min(plain.Length, (i + 1) * chunk)];
                datagrams[i] = new Octets(SkProtection.Seal(header, first, ((ushort)(i + 1), (ushort)total), part, cipher, ref ivCounter, entropy));
            }

            return datagrams.ToValueList();
        }
        finally
        {
            plain.Dispose();
        }
    }

    private static int Length(int headerLength, int plainLength, IIkeCipher cipher) =>
        headerLength + cipher.IvLength + plainLength + SkProtection.Padding(plainLength, cipher) + 1 + cipher.IcvLength;

    // The text is whole blocks, the last octet of which is the pad length.
    private static int LargestContent(IIkeCipher cipher, int maxLength)
    {
        var text = maxLength - SkfHeaderLength - cipher.IvLength - cipher.IcvLength;
        var content = text / cipher.BlockLength * cipher.BlockLength - 1;
        ArgumentOutOfRangeException.ThrowIfLessThan(content, 1, nameof(maxLength));
        return content;
    }
}
