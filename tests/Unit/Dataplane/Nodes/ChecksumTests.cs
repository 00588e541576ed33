using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

public sealed unsafe class ChecksumTests
{
    [Fact]
    public void It_says_what_its_slow_twin_says_for_every_length()
    {
        for (var length = 0; length < 600; length++)
        {
            var bytes = Build.Bytes(length, length);
            if (length % 7 == 0) Array.Fill(bytes, (byte)0xFF);
            fixed (byte* at = bytes)
            {
                var fold = Checksum.Fold(Checksum.Add(0, at, length));
                Assert.Equal(SlowChecksum.Of(bytes), (ushort)(fold >> 8 | fold << 8));
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Over_a_chain_with_odd_chunks_it_is_the_same(int seed)
    {
        var random = new Random(seed);
        using var pool = new PacketPool(64, hugepages: false);
        for (var round = 0; round < 300; round++)
        {
            var bytes = Build.Bytes(random.Next(1, 500), round);
            uint first = 0, last = 0;
            for (var at = 0; at < bytes.Length;)
            {
                var here = Math.Min(random.Next(1, 60), bytes.Length - at);
                var part = PacketCopy.FromBytes(pool, bytes.AsSpan(at, here));
                if (first == 0) first = part;
                else pool.Meta(last)->Next = part;
                last = part;
                at += here;
            }
            pool.Meta(first)->TotalLength = (uint)bytes.Length;
            var offset = random.Next(bytes.Length);
            var length = random.Next(bytes.Length - offset + 1);
            var fold = Checksum.Fold(Checksum.AddPacket(0, pool, first, offset, length));
            Assert.True(SlowChecksum.Of(bytes.AsSpan(offset, length)) == (ushort)(fold >> 8 | fold << 8), $"Round {round}, seed {seed}.");
            var slice = PacketCopy.Slice(pool, first, offset, length);
            Assert.Equal(bytes[offset..(offset + length)], PacketCopy.ToArray(pool, slice));
            pool.Free(slice);
            pool.Free(first);
        }
        Assert.Equal(64, pool.Available);
    }
}
