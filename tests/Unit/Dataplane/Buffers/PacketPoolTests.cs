using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Xunit;

namespace Gateway.Unit.Dataplane.Buffers;

public sealed unsafe class PacketPoolTests
{
    [Fact]
    public void Metadata_is_one_cache_line() => Assert.Equal(64, Unsafe.SizeOf<PacketMeta>());

    [Fact]
    public void Every_packet_can_be_taken_once_and_none_is_number_zero()
    {
        using var pool = new PacketPool(100);
        var taken = new uint[200];
        Assert.Equal(100, pool.Allocate(taken));
        Assert.Equal(100, taken.Take(100).Distinct().Count());
        Assert.DoesNotContain(0u, taken.Take(100));
        Assert.Equal(0u, pool.Allocate());
        pool.Free(taken.AsSpan(0, 100));
        Assert.Equal(100, pool.Available);
    }

    [Fact]
    public void A_fresh_packet_has_headroom_and_clean_metadata()
    {
        using var pool = new PacketPool(16);
        var first = pool.Allocate();
        pool.Meta(first)->Flags |= PacketFlags.Decrypted;
        pool.Meta(first)->Sa = 7;
        pool.Free(first);
        var again = pool.Allocate();
        Assert.Equal(first, again);
        Assert.InRange(pool.Meta(again)->Offset, PacketPool.Headroom, PacketPool.ChunkSize - PacketPool.Room);
        Assert.Equal(0u, pool.Meta(again)->Sa);
        Assert.Equal(PacketFlags.None, pool.Meta(again)->Flags);
    }

    [Fact]
    public void Freeing_a_chain_frees_all_of_it()
    {
        using var pool = new PacketPool(16);
        var jumbo = PacketCopy.FromBytes(pool, new byte[9000]);
        Assert.Equal(13, pool.Available);
        pool.Free(jumbo);
        Assert.Equal(16, pool.Available);
    }

    [Fact]
    public void A_packet_freed_twice_is_refused()
    {
        using var pool = new PacketPool(16);
        var packet = pool.Allocate();
        pool.Free(packet);
        Assert.Throws<InvalidOperationException>(() => pool.Free(packet));
        Assert.Throws<InvalidOperationException>(() => pool.Free(17u));
    }

    [Fact]
    public void A_jumbo_frame_that_does_not_fit_the_pool_leaves_nothing_behind()
    {
        using var pool = new PacketPool(16);
        Assert.Equal(0u, PacketCopy.FromBytes(pool, new byte[17 * PacketPool.Room]));
        Assert.Equal(16, pool.Available);
    }

    [Fact]
    public void Bytes_survive_the_way_into_a_chain_and_back()
    {
        using var pool = new PacketPool(64);
        var random = new Random(1);
        foreach (var length in (int[])[0, 1, 1500, PacketPool.Room, PacketPool.Room + 1, 65535])
        {
            var bytes = new byte[length];
            random.NextBytes(bytes);
            var packet = PacketCopy.FromBytes(pool, bytes);
            Assert.Equal(bytes, PacketCopy.ToArray(pool, packet));
            pool.Free(packet);
        }
        Assert.Equal(64, pool.Available);
    }

    [Fact]
    public void Workers_with_lists_of_their_own_never_share_a_packet()
    {
        using var pool = new PacketPool(10_000);
        var owners = new int[10_001];
        var threads = Enumerable.Range(1, 3).Select(slot => new Thread(() =>
        {
            PacketPool.BindThread(slot);
            var random = new Random(slot);
            var mine = new List<uint>();
            for (var round = 0; round < 3_000; round++)
            {
                var batch = new uint[random.Next(1, 200)];
                if (random.Next(2) == 0)
                {
                    var got = pool.Allocate(batch);
                    for (var i = 0; i < got; i++)
                        Assert.Equal(0, Interlocked.CompareExchange(ref owners[batch[i]], slot, 0));
                    mine.AddRange(batch.AsSpan(0, got));
                }
                else
                {
                    var give = Math.Min(batch.Length, mine.Count);
                    for (var i = 0; i < give; i++)
                    {
                        batch[i] = mine[^1];
                        mine.RemoveAt(mine.Count - 1);
                        Volatile.Write(ref owners[batch[i]], 0);
                    }
                    pool.Free(batch.AsSpan(0, give));
                }
            }
            foreach (var index in mine) Volatile.Write(ref owners[index], 0);
            pool.Free([.. mine]);
            PacketPool.BindThread(0);
        })).ToList();
        threads.ForEach(t => t.Start());
        threads.ForEach(t => t.Join());
        Assert.Equal(10_000, pool.Available);
    }
}
