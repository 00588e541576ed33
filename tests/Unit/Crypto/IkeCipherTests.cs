using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class IkeCipherTests
{
    public static TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm> Suites
    {
        get
        {
            var data = new TheoryData<EncryptionAlgorithm, int, IntegrityAlgorithm>();
            foreach (var cipher in CipherDescription.All)
                foreach (var bits in cipher.KeyBits)
                    if (cipher.IsAead) data.Add(cipher.Algorithm, bits, IntegrityAlgorithm.None);
                    else foreach (var integrity in IntegrityChecks.Supported) data.Add(cipher.Algorithm, bits, integrity.Algorithm);
            return data;
        }
    }

    [Theory, MemberData(nameof(Suites))]
    public void What_one_side_seals_the_other_opens_and_no_bit_may_change(EncryptionAlgorithm encryption, int bits, IntegrityAlgorithm integrity)
    {
        var description = CipherDescription.Find(encryption);
        var random = new Random(bits);
        var material = new byte[description.KeyMaterialLength(bits)];
        var integrityKey = new byte[integrity == IntegrityAlgorithm.None ? 0 : IntegrityChecks.Describe(integrity).KeyLength];
        random.NextBytes(material);
        random.NextBytes(integrityKey);
        using var sender = IkeCiphers.Create(encryption, bits, integrity, material, integrityKey);
        using var receiver = IkeCiphers.Create(encryption, bits, integrity, material, integrityKey);
        foreach (var length in new[] { sender.BlockLength, 48, 480 })
        {
            const int header = 32;
            var message = new byte[header + sender.IvLength + length + sender.IcvLength];
            random.NextBytes(message);
            var text = message.AsSpan(header + sender.IvLength, length).ToArray();
            sender.Seal(message, header);
            Assert.NotEqual(text, message.AsSpan(header + sender.IvLength, length).ToArray());

            for (var i = 0; i < message.Length; i += length > 100 ? 37 : 1)
            {
                var forged = message.ToArray();
                forged[i] ^= 0x10;
                Assert.False(receiver.TryOpen(forged, header), $"byte {i}");
                Assert.NotEqual(text, forged.AsSpan(header + sender.IvLength, length).ToArray());
            }
            Assert.True(receiver.TryOpen(message, header));
            Assert.Equal(text, message.AsSpan(header + sender.IvLength, length).ToArray());
        }
        for (var length = 32; length < 32 + receiver.IvLength + receiver.IcvLength; length++)
            Assert.False(receiver.TryOpen(new byte[length], 32));
    }

    [Fact]
    public void An_integrity_algorithm_is_taken_where_it_belongs_and_nowhere_else()
    {
        Assert.Throws<ArgumentException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.HmacSha2_256_128, new byte[20], new byte[32]));
        Assert.Throws<NotSupportedException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesCbc, 128, IntegrityAlgorithm.None, new byte[16], []));
        Assert.Throws<ArgumentException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 129, IntegrityAlgorithm.None, new byte[20], []));
    }
}
