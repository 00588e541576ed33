using System.Security.Cryptography;
using Gateway.Crypto.Hashing;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class Sha256LanesTests
{
    [Fact]
    public void Messages_of_any_lengths_side_by_side_have_the_hashes_that_they_have_alone()
    {
        var seed = Random.Shared.Next();
        var random = new Random(seed);
        for (var round = 0; round < 400; round++)
        {
            var count = random.Next(1, Sha256Lanes.Count + 1);
            var messages = Enumerable.Range(0, count).Select(_ => new byte[random.Next(5) == 0 ? random.Next(4000) : random.Next(300)]).ToArray();
            foreach (var message in messages) random.NextBytes(message);
            Agree(messages, $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void Every_length_around_the_ends_of_blocks_is_padded_right()
    {
        for (var length = 0; length < 300; length++)
            Agree([.. Enumerable.Range(0, Sha256Lanes.Count).Select(i => Enumerable.Repeat((byte)(length + i), length + (i % 3)).ToArray())], $"length {length}");
    }

    [Fact]
    public void The_examples_of_the_standard_hold()
    {
        // FIPS 180-2, appendix B.1 and B.2
        var hashes = Lanes(["abc"u8.ToArray(), "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"u8.ToArray()]);
        Assert.Equal("BA7816BF8F01CFEA414140DE5DAE2223B00361A396177A9CB410FF61F20015AD", Convert.ToHexString(hashes.AsSpan(0, 32)));
        Assert.Equal("248D6A61D20638B8E5C026930C3E6039A33CE45964FF2167F6ECEDD419DB06C1", Convert.ToHexString(hashes.AsSpan(32, 32)));
    }

    [Fact]
    public void A_message_outside_the_buffer_is_refused()
    {
        Assert.Throws<ArgumentException>(() => Sha256Lanes.Hash(new byte[128], [(0, 64), (128, 64)], new byte[64]));
        Assert.Throws<ArgumentException>(() => Sha256Lanes.Hash(new byte[128], [(0, 64), (0, 63)], new byte[64]));
    }

    private static void Agree(byte[][] messages, string which)
    {
        var hashes = Lanes(messages);
        for (var i = 0; i < messages.Length; i++) Assert.True(SHA256.HashData(messages[i]).AsSpan().SequenceEqual(hashes.AsSpan(i * 32, 32)), $"{which}, lane {i}");
    }

    private static byte[] Lanes(byte[][] messages)
    {
        var buffer = new byte[messages.Sum(m => Sha256Lanes.PaddedLength(m.Length))];
        var places = new (int, int)[messages.Length];
        var at = 0;
        for (var i = 0; i < messages.Length; i++)
        {
            messages[i].CopyTo(buffer, at);
            places[i] = (at, Sha256Lanes.Pad(buffer.AsSpan(at), messages[i].Length));
            at += places[i].Item2;
        }

        var hashes = new byte[messages.Length * Sha256Lanes.HashLength];
        Sha256Lanes.Hash(buffer, places, hashes);
        return hashes;
    }
}
