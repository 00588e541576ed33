using System.Security.Cryptography;
using Gateway.Crypto.Aead;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class AesGcmKeyCacheTests
{
    private static readonly byte[] _nonce = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12];

    [Fact]
    public unsafe void Every_key_encrypts_as_itself_however_often_it_lost_its_table()
    {
        var seed = Environment.TickCount;
        var random = new Random(seed);
        var keys = Enumerable.Range(0, 60).Select(i => RandomNumberGenerator.GetBytes((i % 3 * 8) + 16)).ToArray();
        var seeds = stackalloc AesGcmSeed*[keys.Length];
        var hints = stackalloc AesGcmKeyBlock*[keys.Length];
        using var cache = new AesGcmKeyCache(worker: 3, most: 8);
        cache.Grow(1000);
        Assert.Equal(8, cache.Room);
        for (var i = 0; i < keys.Length; i++)
        {
            seeds[i] = AesGcmSeed.Create(keys[i]);
            hints[i] = null;
        }

        var taken = stackalloc AesGcmKeyBlock*[8];
        for (var frame = 0; frame < 500; frame++)
        {
            cache.BeginFrame();
            // As many different keys in a frame as there are tables; some few are busy all the time.
            var chosen = Enumerable.Range(0, 8).Select(i => random.Next(i < 4 ? 6 : keys.Length)).ToArray();
            for (var i = 0; i < chosen.Length; i++) taken[i] = cache.Take(seeds[chosen[i]], ref hints[chosen[i]]);
            for (var i = 0; i < chosen.Length; i++)
            {
                Assert.True(taken[i] != null, $"seed {seed}, frame {frame}");
                Assert.True(Sealed(keys[chosen[i]]).AsSpan().SequenceEqual(Sealed(taken[i])), $"seed {seed}, frame {frame}, key {chosen[i]}");
            }
        }

        Assert.InRange(cache.Made, 60, 500 * 8 - 1);
        for (var i = 0; i < keys.Length; i++) AesGcmSeed.Free(seeds[i]);
    }

    [Fact]
    public unsafe void A_key_that_is_used_keeps_its_table_while_others_come_and_go()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 16);
        cache.Grow(16);
        var busy = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
        AesGcmKeyBlock* hint = null;
        cache.BeginFrame();
        var table = cache.Take(busy, ref hint);
        for (var i = 0; i < 200; i++)
        {
            cache.BeginFrame();
            Assert.True(cache.Take(busy, ref hint) == table);
            var passing = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
            AesGcmKeyBlock* once = null;
            Assert.True(cache.Take(passing, ref once) != null);
            AesGcmSeed.Free(passing);
        }

        Assert.Equal(201, cache.Made);
        AesGcmSeed.Free(busy);
    }

    [Fact]
    public unsafe void What_is_forgotten_is_zeroed()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 4);
        cache.Grow(4);
        var seed = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(32));
        AesGcmKeyBlock* hint = null;
        cache.BeginFrame();
        var table = cache.Take(seed, ref hint);
        Assert.True(new ReadOnlySpan<byte>(table, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        cache.Forget(seed->Id);
        Assert.False(new ReadOnlySpan<byte>(table, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        cache.BeginFrame();
        Assert.True(cache.Take(seed, ref hint) != null);
        Assert.Equal(2, cache.Made);
        AesGcmSeed.Free(seed);
    }

    [Fact]
    public unsafe void A_table_of_another_worker_is_not_taken_for_ones_own()
    {
        using var first = new AesGcmKeyCache(worker: 0, most: 4);
        using var second = new AesGcmKeyCache(worker: 1, most: 4);
        first.Grow(4);
        second.Grow(4);
        var seed = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
        AesGcmKeyBlock* hint = null;
        first.BeginFrame();
        second.BeginFrame();
        var there = first.Take(seed, ref hint);
        Assert.True(second.Take(seed, ref hint) != there);
        AesGcmSeed.Free(seed);
    }

    [Fact]
    public async Task Keys_may_be_forgotten_while_the_worker_makes_tables_of_others()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 8);
        cache.Grow(8);
        using var stop = new CancellationTokenSource();
        var last = new Latest();
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var control = Task.Run(() =>
        {
            begun.SetResult();
            var forgotten = 0;
            for (var random = new Random(1); !stop.IsCancellationRequested; forgotten++)
                if (Volatile.Read(ref last.Id) is > 8 and var now) cache.Forget(now - (ulong)random.Next(1, 8));
            return forgotten;
        }, TestContext.Current.CancellationToken);
        await begun.Task;
        var worker = Task.Run(() => Work(cache, last), TestContext.Current.CancellationToken);
        Assert.Equal("", await worker);
        await stop.CancelAsync();
        Assert.True(await control > 0);
    }

    // Keys that have passed, as those of SAs that are gone, are forgotten by the other thread meanwhile.
    private static unsafe string Work(AesGcmKeyCache cache, Latest last)
    {
        for (var i = 0; i < 20_000; i++)
        {
            var key = RandomNumberGenerator.GetBytes(16);
            var seed = AesGcmSeed.Create(key);
            AesGcmKeyBlock* hint = null;
            cache.BeginFrame();
            var table = cache.Take(seed, ref hint);
            var right = table != null && ((i & 15) != 0 || Sealed(key).AsSpan().SequenceEqual(Sealed(table)));
            Volatile.Write(ref last.Id, seed->Id);
            AesGcmSeed.Free(seed);
            if (!right) return $"round {i}: {(table == null ? "no table" : "another key's table")}";
        }

        return "";
    }

    private static unsafe byte[] Sealed(byte[] key)
    {
        using var own = AesGcmKey.Create(key);
        return Sealed(own.Block);
    }

    private static unsafe byte[] Sealed(AesGcmKeyBlock* table)
    {
        var packet = new byte[100 + 16];
        fixed (byte* text = packet)
        {
            AeadJob job = new() { Key = table, Source = text, Destination = text, Tag = text + 100, Length = 100, TagLength = 16, AadLength = 8, Salt = BitConverter.ToUInt32(_nonce), Iv = BitConverter.ToUInt64(_nonce, 4) };
            AesGcmEngine.EncryptBatch(&job, 1);
        }

        return packet;
    }

    private sealed class Latest
    {
        public ulong Id;
    }
}
