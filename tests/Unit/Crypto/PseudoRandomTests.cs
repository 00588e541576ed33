using Gateway.Crypto.Integrity;
using Gateway.Crypto.Prf;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class PseudoRandomTests
{
    [Fact]
    public void Key_derivation_matches_the_published_vectors()
    {
        var checks = 0;
        foreach (var vector in Vectors.Load("ikev2-kdf/strongswan-kdf-cavp.json").GetProperty("vectors").EnumerateArray())
        {
            var prf = vector.Text("prf") switch
            {
                "PRF_HMAC_SHA1" => PrfAlgorithm.HmacSha1,
                "PRF_HMAC_SHA2_256" => PrfAlgorithm.HmacSha2_256,
                "PRF_HMAC_SHA2_384" => PrfAlgorithm.HmacSha2_384,
                "PRF_HMAC_SHA2_512" => PrfAlgorithm.HmacSha2_512,
                "PRF_AES128_XCBC" => PrfAlgorithm.Aes128Xcbc,
                "PRF_AES128_CMAC" => PrfAlgorithm.Aes128Cmac,
                _ => PrfAlgorithm.None,
            };
            if (prf == PrfAlgorithm.None) continue;
            var expected = vector.Bytes("out");
            // KDF_PRF is prf(salt, key): the nonces are the PRF's key, and the shared secret its data.
            using var actual = vector.Text("kdf") == "KDF_PRF"
                ? PseudoRandom.Compute(prf, vector.Bytes("salt"), vector.Bytes("key"))
                : PseudoRandom.Plus(prf, vector.Bytes("key"), vector.Bytes("salt"), expected.Length);
            Assert.Equal(Convert.ToHexString(expected), Convert.ToHexString(actual.Span));
            checks++;
        }
        Assert.True(checks > 10, $"Only {checks} vectors were read.");
    }

    [Fact]
    public void A_whole_key_schedule_with_rekey_matches_the_published_vector()
    {
        var values = File.ReadAllLines(Vectors.Find("ikev2-kdf/libreswan-cavs-ikev2-sha1.rsp")).Select(l => l.Split('=', 2)).Where(p => p.Length == 2)
            .Where(p => !p[0].StartsWith('[') && !p[0].StartsWith("COUNT", StringComparison.Ordinal)).ToDictionary(p => p[0].Trim(), p => Convert.FromHexString(p[1].Trim()));
        const PrfAlgorithm prf = PrfAlgorithm.HmacSha1;
        byte[] ni = values["Ni"], nr = values["Nr"];
        using var skeyseed = PseudoRandom.Skeyseed(prf, ni, nr, values["g^ir"]);
        Assert.True(skeyseed.FixedTimeEquals(values["SKEYSEED"]));
        // RFC 7296 §2.14: {SK_d | ...} = prf+(SKEYSEED, Ni | Nr | SPIi | SPIr)
        using var keys = PseudoRandom.Plus(prf, skeyseed.Span, [.. ni, .. nr, .. values["SPIi"], .. values["SPIr"]], values["DKM"].Length);
        Assert.True(keys.FixedTimeEquals(values["DKM"]));
        using var skD = keys.Slice(0, PseudoRandom.OutputLength(prf));
        // RFC 7296 §2.17: KEYMAT = prf+(SK_d, Ni | Nr), or with g^ir (new) in front
        using var child = PseudoRandom.Plus(prf, skD.Span, [.. ni, .. nr], values["DKM(Child SA)"].Length);
        Assert.True(child.FixedTimeEquals(values["DKM(Child SA)"]));
        using var childKe = PseudoRandom.Plus(prf, skD.Span, [.. values["g^ir (new)"], .. ni, .. nr], values["DKM(Child SA D-H)"].Length);
        Assert.True(childKe.FixedTimeEquals(values["DKM(Child SA D-H)"]));
        using var rekeyed = PseudoRandom.SkeyseedOfRekey(prf, skD.Span, values["g^ir (new)"], ni, nr);
        Assert.True(rekeyed.FixedTimeEquals(values["SKEYSEED(Rekey)"]));
    }

    [Fact]
    public void Prf_plus_ends_after_255_blocks()
    {
        using var longest = PseudoRandom.Plus(PrfAlgorithm.HmacSha1, new byte[20], [1], 255 * 20);
        Assert.Throws<ArgumentOutOfRangeException>(() => PseudoRandom.Plus(PrfAlgorithm.HmacSha1, new byte[20], [1], 255 * 20 + 1));
    }

    // RFC 4434 §3 and RFC 4615 §4: keys of 16, 10 and 18 bytes over 0x00..0x13.
    [Theory]
    [InlineData(PrfAlgorithm.Aes128Xcbc, "000102030405060708090a0b0c0d0e0f", "47f51b4564966215b8985c63055ed308")]
    [InlineData(PrfAlgorithm.Aes128Xcbc, "00010203040506070809", "0fa087af7d866e7653434e602fdde835")]
    [InlineData(PrfAlgorithm.Aes128Xcbc, "000102030405060708090a0b0c0d0e0fedcb", "8cd3c93ae598a9803006ffb67c40e9e4")]
    [InlineData(PrfAlgorithm.Aes128Cmac, "000102030405060708090a0b0c0d0e0fedcb", "84a348a4a45d235babfffc0d2b4da09a")]
    [InlineData(PrfAlgorithm.Aes128Cmac, "000102030405060708090a0b0c0d0e0f", "980ae87b5f4c9c5214f5b6a8455e4c2d")]
    [InlineData(PrfAlgorithm.Aes128Cmac, "00010203040506070809", "290d9e112edb09ee141fcf64c0b72f3d")]
    public void Block_cipher_prfs_take_keys_of_any_length(PrfAlgorithm prf, string key, string expected)
    {
        var data = Enumerable.Range(0, 20).Select(i => (byte)i).ToArray();
        using var actual = PseudoRandom.Compute(prf, Convert.FromHexString(key), data);
        Assert.Equal(expected, Convert.ToHexStringLower(actual.Span));
    }

    // RFC 4868 §2.7.2.1 (AUTH256-1 …), RFC 2202 §3 case 1, RFC 3566 §4.6 and RFC 4493 §4 over one block.
    [Theory]
    [InlineData(IntegrityAlgorithm.HmacSha2_256_128, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "198a607eb44bfbc69903a0f1cf2bbdc5")]
    [InlineData(IntegrityAlgorithm.HmacSha1_96, "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "4869205468657265", "b617318655057264e28bc0b6")]
    [InlineData(IntegrityAlgorithm.AesXcbc_96, "000102030405060708090a0b0c0d0e0f", "000102030405060708090a0b0c0d0e0f", "d2a246fa349b68a79998a439")]
    [InlineData(IntegrityAlgorithm.AesXcbc_96, "000102030405060708090a0b0c0d0e0f", "", "75f0251d528ac01c4573dfd5")]
    [InlineData(IntegrityAlgorithm.AesCmac_96, "2b7e151628aed2a6abf7158809cf4f3c", "6bc1bee22e409f96e93d7e117393172a", "070a16b46b4d4144f79bdd9d")]
    public void Check_values_match_their_rfcs(IntegrityAlgorithm algorithm, string key, string data, string expected)
    {
        var icv = new byte[IntegrityChecks.Describe(algorithm).IcvLength];
        IntegrityChecks.Compute(algorithm, Convert.FromHexString(key), Convert.FromHexString(data), icv);
        Assert.Equal(expected, Convert.ToHexStringLower(icv));
        Assert.True(IntegrityChecks.Verify(algorithm, Convert.FromHexString(key), Convert.FromHexString(data), icv));
        icv[^1] ^= 1;
        Assert.False(IntegrityChecks.Verify(algorithm, Convert.FromHexString(key), Convert.FromHexString(data), icv));
        Assert.False(IntegrityChecks.Verify(algorithm, Convert.FromHexString(key), Convert.FromHexString(data), icv.AsSpan(1)));
    }
}
