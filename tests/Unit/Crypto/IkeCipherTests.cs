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

    [Theory]
    [InlineData("wycheproof/chacha20_poly1305_test.json", 4, 8)]
    [InlineData("wycheproof/aes_ccm_test.json", 3, 8)]
    [InlineData("wycheproof/aes_gcm_test.json", 4, 8)]
    public void Published_vectors_hold_as_messages(string file, int saltLength, int ivLength)
    {
        var checks = 0;
        foreach (var group in Vectors.Load(file).GetProperty("testGroups").EnumerateArray())
        {
            int keyBits = group.GetProperty("keySize").GetInt32(), tag = group.GetProperty("tagSize").GetInt32() / 8;
            var cipher = CipherDescription.All.FirstOrDefault(c => c.IsAead && c.IcvLength == tag && c.SaltLength == saltLength && c.KeyBits.Contains(keyBits)
                && c.Algorithm == EncryptionAlgorithm.ChaCha20Poly1305 == file.Contains("chacha", StringComparison.Ordinal));
            // A nonce is salt | IV here, so other lengths cannot occur.
            if (cipher is null || group.GetProperty("ivSize").GetInt32() != 8 * (saltLength + ivLength)) continue;
            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                var about = $"{file} {test.GetProperty("tcId")} {test.Text("comment")}";
                byte[] nonce = test.Bytes("iv"), header = test.Bytes("aad"), text = test.Bytes("msg");
                using var ours = IkeCiphers.Create(cipher.Algorithm, cipher.HasKeyLengthAttribute ? keyBits : 0, IntegrityAlgorithm.None, [.. test.Bytes("key"), .. nonce[..saltLength]], []);
                byte[] expected = [.. header, .. nonce[saltLength..], .. test.Bytes("ct"), .. test.Bytes("tag")];
                byte[] message = [.. header, .. nonce[saltLength..], .. text, .. new byte[tag]];
                ours.Seal(message, header.Length);
                var valid = test.Text("result") == "valid";
                Assert.True(valid == message.AsSpan().SequenceEqual(expected), about);
                Assert.True(valid == ours.TryOpen(expected, header.Length), about);
                if (valid) Assert.True(expected.AsSpan(header.Length + ivLength, text.Length).SequenceEqual(text), about);
                checks++;
            }
        }
        Assert.True(checks > 10, $"Only {checks} vectors were read.");
    }

    // RFC 3686 §6, test vector 2: the counter block is salt | IV | 1.
    [Fact]
    public void Counter_mode_counts_from_one()
    {
        var material = Convert.FromHexString("7E24067817FAE0D743D6CE1F32539163" + "006CB6DB");
        using var cipher = IkeCiphers.Create(EncryptionAlgorithm.AesCtr, 128, IntegrityAlgorithm.HmacSha1_96, material, new byte[20]);
        byte[] message = [.. Convert.FromHexString("C0543B59DA48D90B"), .. Enumerable.Range(0, 32).Select(i => (byte)i), .. new byte[12]];
        cipher.Seal(message, 0);
        Assert.Equal("5104A106168A72D9790D41EE8EDAD388EB2E1EFC46DA57C8FCE630DF9141BE28", Convert.ToHexString(message.AsSpan(8, 32)));
    }

    [Fact]
    public void An_integrity_algorithm_is_taken_where_it_belongs_and_nowhere_else()
    {
        Assert.Throws<ArgumentException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 128, IntegrityAlgorithm.HmacSha2_256_128, new byte[20], new byte[32]));
        Assert.Throws<NotSupportedException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesCbc, 128, IntegrityAlgorithm.None, new byte[16], []));
        Assert.Throws<ArgumentException>(() => IkeCiphers.Create(EncryptionAlgorithm.AesGcm16, 129, IntegrityAlgorithm.None, new byte[20], []));
    }
}
