using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Ike.Keys;
using Gateway.Ike.Payloads;
using Gateway.Ike.Wire;
using Gateway.Policy;
using Gateway.Unit.Crypto;
using Gateway.Unit.House;
using Gateway.Unit.Ike.Wire;
using Xunit;

namespace Gateway.Unit.Ike.Keys;

public sealed class SkProtectionTests
{
    public static TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm> Suites
    {
        get
        {
            var rows = new TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm>();
            foreach (var cipher in CipherDescription.All)
                foreach (var bits in cipher.KeyBits)
                    rows.Add(cipher.Algorithm, bits, cipher.IsAead ? IntegrityAlgorithm.None : IntegrityAlgorithm.HmacSha2_256_128);
            return rows;
        }
    }

    private static IIkeCipher Cipher(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity) => IkeCiphers.Create(
        encryption, bits, integrity,
        Enumerable.Range(1, CipherDescription.Find(encryption).KeyMaterialLength(bits)).Select(i => (byte)(i * 37)).ToArray(),
        integrity == IntegrityAlgorithm.None ? [] : new byte[IntegrityChecks.Describe(integrity).KeyLength]);

    private static IIkeCipher Gcm() => Cipher(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.None);

    [Theory]
    [MemberData(nameof(Suites))]
    [Rfc("7296", "3.14")]
    public void What_is_sealed_opens_again(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        using var cipher = Cipher(encryption, bits, integrity);
        var seed = Random.Shared.Next();
        var messages = new RandomMessages(new Random(seed));
        ulong counter = 0;
        for (var i = 0; i < 100; i++)
        {
            var header = messages.Header();
            if (header.Exchange == ExchangeType.IkeSaInit) continue;
            var content = messages.Content(header);
            var before = counter;
            var datagram = SkProtection.Seal(header, content, cipher, ref counter, new SeededEntropy(i));
            Assert.Equal(before + 1, counter);
            Assert.True(MessageCodec.TryParse(datagram, out var outer, out var error), $"seed {seed}, message {i}: {error}");
            Assert.True(SkProtection.TryOpen(datagram, outer, cipher, out var payloads, out error), $"seed {seed}, message {i}: {error}");
            Assert.True(content == payloads, $"seed {seed}, message {i}");
        }
    }

    [Theory]
    [MemberData(nameof(Suites))]
    public void A_message_changed_anywhere_does_not_open(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        using var cipher = Cipher(encryption, bits, integrity);
        ulong counter = 0;
        var datagram = SkProtection.Seal(Informational, [DeletePayload.IkeSa], cipher, ref counter, new SeededEntropy(1));
        Assert.True(MessageCodec.TryParse(datagram, out var outer, out _));
        for (var at = 0; at < datagram.Length; at++)
        {
            var changed = (byte[])datagram.Clone();
            changed[at] ^= 0x40;
            Assert.False(SkProtection.TryOpen(changed, outer, cipher, out _, out var error));
            Assert.Equal(WireFault.IntegrityFailed, error.Fault);
            Assert.Null(error.Notify);
        }
    }

    [Fact]
    public void A_message_too_short_for_its_cipher_is_refused()
    {
        using var cipher = Gcm();
        for (var length = 0; length < 25; length++)
        {
            var datagram = MessageCodec.Encode(new Message(Informational, [new EncryptedPayload(PayloadType.None, new Octets(new byte[length]))]));
            Assert.True(MessageCodec.TryParse(datagram, out var outer, out _));
            Assert.False(SkProtection.TryOpen(datagram, outer, cipher, out _, out var error));
            Assert.Equal(WireFault.MalformedEncrypted, error.Fault);
        }
    }

    [Fact]
    [Rfc("7296", "2.21.2")]
    public void Faulty_content_of_an_authenticated_message_asks_for_a_notify()
    {
        using var cipher = Gcm();
        ulong counter = 0;
        var datagram = SkProtection.Seal(Informational, [new NoncePayload(new Octets(new byte[16]))], cipher, ref counter, new SeededEntropy(1));
        Assert.True(MessageCodec.TryParse(datagram, out var outer, out _));
        Assert.False(SkProtection.TryOpen(datagram, outer, cipher, out _, out var error));
        Assert.Equal(new WireError(WireFault.PayloadNotAllowed, (byte)PayloadType.Nonce), error);
        Assert.Equal(NotifyType.InvalidSyntax, error.Notify);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(255)]
    [Rfc("7296", "3.14")]
    public void Padding_of_any_length_and_content_is_accepted(byte padding)
    {
        using var cipher = Gcm();
        var datagram = Handmade(cipher, [.. Enumerable.Repeat((byte)0xa5, padding), padding]);
        Assert.True(MessageCodec.TryParse(datagram, out var outer, out _));
        Assert.True(SkProtection.TryOpen(datagram, outer, cipher, out var payloads, out var error), error.Sentence);
        Assert.Empty(payloads);
    }

    [Fact]
    public void Padding_longer_than_the_content_is_refused()
    {
        using var cipher = Gcm();
        var datagram = Handmade(cipher, [0, 0, 3]);
        Assert.True(MessageCodec.TryParse(datagram, out var outer, out _));
        Assert.False(SkProtection.TryOpen(datagram, outer, cipher, out _, out var error));
        Assert.Equal(WireFault.MalformedPadding, error.Fault);
    }

    // A message whose whole text, padding included, is given.
    private static byte[] Handmade(IIkeCipher cipher, byte[] text)
    {
        var body = new byte[cipher.IvLength + text.Length + cipher.IcvLength];
        text.CopyTo(body, cipher.IvLength);
        var datagram = MessageCodec.Encode(new Message(Informational, [new EncryptedPayload(PayloadType.None, new Octets(body))]));
        cipher.Seal(datagram, SkProtection.SkHeaderLength);
        return datagram;
    }

    internal static IkeHeader Informational => new(new IkeSpi(1), new IkeSpi(2), ExchangeType.Informational, IkeFlags.Initiator, new MessageId(5));
}
