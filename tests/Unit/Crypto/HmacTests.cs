using Gateway.Crypto.Hashing;
using Gateway.Unit.House;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class HmacTests
{
    [Theory]
    [InlineData(HmacHash.Sha1)]
    [InlineData(HmacHash.Sha256)]
    [InlineData(HmacHash.Sha384)]
    [InlineData(HmacHash.Sha512)]
    public void Agrees_with_the_types_of_the_framework_for_keys_and_texts_of_any_length(HmacHash hash)
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        for (var round = 0; round < 300; round++)
        {
            // Keys up to beyond two blocks, so that those that are hashed first are among them.
            var (key, data) = (new byte[random.Next(0, 300)], new byte[random.Next(0, 700)]);
            random.NextBytes(key);
            random.NextBytes(data);
            var (expected, actual) = (new byte[Hmac.Length(hash)], new byte[Hmac.Length(hash)]);
            Hmac.Whole(hash, key, data, expected);
            Hmac.Compute(hash, key, data, actual);
            Assert.True(expected.AsSpan().SequenceEqual(actual), $"seed {seed}, round {round}, key {key.Length}, text {data.Length}");
        }
    }

    [Fact]
    [Rfc("4231", "4.7")]
    public void Hashes_a_key_that_is_longer_than_a_block()
    {
        var key = new byte[131];
        Array.Fill(key, (byte)0xaa);
        var value = new byte[32];
        Hmac.Compute(HmacHash.Sha256, key, "Test Using Larger Than Block-Size Key - Hash Key First"u8, value);
        Assert.Equal("60E431591EE0B67F0D8A26AACBF5B77F8E0BC6213728C5140546040F0EE37F54", Convert.ToHexString(value));
    }

    [Fact]
    public void The_value_may_lie_over_the_text()
    {
        var block = new byte[80];
        Random.Shared.NextBytes(block);
        var expected = new byte[64];
        Hmac.Compute(HmacHash.Sha512, "key"u8, block, expected);
        Hmac.Compute(HmacHash.Sha512, "key"u8, block, block);
        Assert.Equal(expected, block[..64]);
    }
}
