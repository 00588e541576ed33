using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Crypto.Aead;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class AesGcmKeyCacheTests
{
    private const int Tag = 16;

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

        var jobs = stackalloc AeadJob[8];
        for (var frame = 0; frame < 500; frame++)
        {
            cache.BeginFrame();
            // As many different keys in a frame as there are tables; some few are busy all the time.
            var chosen = Enumerable.Range(0, 8).Select(i => random.Next(i < 4 ? 6 : keys.Length)).ToArray();
            var packets = chosen.Select(_ => new byte[random.Next(3000) + Tag]).ToArray();
            var pins = packets.Select(p => GCHandle.Alloc(p, GCHandleType.Pinned)).ToArray();
            for (var i = 0; i < chosen.Length; i++)
            {
                jobs[i] = JobOf((byte*)pins[i].AddrOfPinnedObject(), packets[i].Length);
                Assert.True(cache.Take(seeds[chosen[i]], ref hints[chosen[i]], jobs + i), $"seed {seed}, frame {frame}");
            }
            AesGcmEngine.EncryptBatch(jobs, chosen.Length, cache);
            foreach (var pin in pins) pin.Free();
            for (var i = 0; i < chosen.Length; i++)
                Assert.True(Sealed(keys[chosen[i]], packets[i].Length).AsSpan().SequenceEqual(packets[i]), $"seed {seed}, frame {frame}, key {chosen[i]}, {packets[i].Length} bytes");
        }

        Assert.InRange(cache.Made, 9, 2000);
        Assert.InRange(cache.MadeInPassing, 100, 500 * 8);
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
        var table = Table(cache, busy, ref hint);
        for (var i = 0; i < 200; i++)
        {
            cache.BeginFrame();
            Assert.True(Table(cache, busy, ref hint) == table);
            var passing = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
            AesGcmKeyBlock* once = null;
            AeadJob job = default;
            Assert.True(cache.Take(passing, ref once, &job));
            AesGcmSeed.Free(passing);
        }

        Assert.InRange(cache.Made, 2, 201);
        AesGcmSeed.Free(busy);
    }

    [Fact]
    public unsafe void What_is_forgotten_is_zeroed()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 5);
        cache.Grow(4);
        var seed = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(32));
        AesGcmKeyBlock* hint = null;
        cache.BeginFrame();
        var table = Table(cache, seed, ref hint);
        Assert.True(new ReadOnlySpan<byte>(table, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        cache.Forget(seed->Id, hint);
        Assert.False(new ReadOnlySpan<byte>(table, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        cache.BeginFrame();
        Assert.True(Table(cache, seed, ref hint) != null);
        Assert.Equal(2, cache.Made);
        AesGcmSeed.Free(seed);
    }

    [Fact]
    public unsafe void A_table_of_another_worker_is_not_taken_for_ones_own()
    {
        using var first = new AesGcmKeyCache(worker: 0, most: 5);
        using var second = new AesGcmKeyCache(worker: 1, most: 5);
        first.Grow(4);
        second.Grow(4);
        var seed = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
        AesGcmKeyBlock* hint = null;
        first.BeginFrame();
        second.BeginFrame();
        var there = Table(first, seed, ref hint);
        Assert.True(Table(second, seed, ref hint) != there);
        AesGcmSeed.Free(seed);
    }

    [Fact]
    public unsafe void A_key_that_comes_again_and_again_gets_a_table_when_all_are_taken()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 2);
        cache.Grow(2);
        var seeds = stackalloc AesGcmSeed*[2];
        for (var i = 0; i < 2; i++)
        {
            seeds[i] = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
            AesGcmKeyBlock* of = null;
            for (var again = 0; again < 16 && of == null; again++)
            {
                cache.BeginFrame();
                Table(cache, seeds[i], ref of);
            }
        }

        var key = RandomNumberGenerator.GetBytes(16);
        var seed = AesGcmSeed.Create(key);
        AesGcmKeyBlock* hint = null;
        var packets = 0;
        for (; hint == null && packets < 100; packets++)
        {
            cache.BeginFrame();
            Assert.Equal(Sealed(key, 1400), Sealed(cache, seed, ref hint, 1400));
        }

        Assert.InRange(packets, 1, 16);
        for (var i = 0; i < 2; i++) AesGcmSeed.Free(seeds[i]);
        AesGcmSeed.Free(seed);
    }

    [Fact]
    public unsafe void What_was_made_in_passing_is_zeroed_too()
    {
        using var cache = new AesGcmKeyCache(worker: 0, most: 1);
        cache.Grow(1);
        var first = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
        var seed = AesGcmSeed.Create(RandomNumberGenerator.GetBytes(16));
        AesGcmKeyBlock* hint = null;
        cache.BeginFrame();
        Assert.True(Table(cache, first, ref hint) != null);
        hint = null;
        AeadJob job;
        fixed (byte* text = new byte[100])
        {
            job = JobOf(text, 100);
            cache.BeginFrame();
            Assert.True(cache.Take(seed, ref hint, &job));
            Assert.True(hint == null && job.Seed == seed);
            AesGcmEngine.EncryptBatch(&job, 1, cache);
        }

        Assert.True(new ReadOnlySpan<byte>(job.Key, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        cache.Forget(seed->Id, hint);
        Assert.False(new ReadOnlySpan<byte>(job.Key, AesGcmKey.Footprint).ContainsAnyExcept((byte)0));
        AesGcmSeed.Free(seed);
        AesGcmSeed.Free(first);
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
            for (var random = new Random(1); !stop.IsCancellationRequested;) Forget(cache, last, random.Next(Latest.Kept));
        }, TestContext.Current.CancellationToken);
        await begun.Task;
        var worker = Task.Run(() => Work(cache, last), TestContext.Current.CancellationToken);
        Assert.Equal("", await worker);
        await stop.CancelAsync();
        await control;
    }

    private static unsafe void Forget(AesGcmKeyCache cache, Latest last, int which)
    {
        var id = Volatile.Read(ref last.Ids[which]);
        if (id == 0) return;
        cache.Forget(id, (AesGcmKeyBlock*)Volatile.Read(ref last.Hints[which]));
        Volatile.Write(ref last.Forgotten, last.Forgotten + 1);
    }

    // Keys that have passed, as those of SAs that are gone, are forgotten by the other thread meanwhile.
    private static unsafe string Work(AesGcmKeyCache cache, Latest last)
    {
        // Until the other thread has had its turns as well.
        for (var i = 0; i < 20_000 || Volatile.Read(ref last.Forgotten) < 1000; i++)
        {
            var key = RandomNumberGenerator.GetBytes(16);
            var seed = AesGcmSeed.Create(key);
            AesGcmKeyBlock* hint = null;
            cache.BeginFrame();
            var right = (i & 7) != 0 ? Sealed(cache, seed, ref hint, 48).Length == 48 : Sealed(key, 100).AsSpan().SequenceEqual(Sealed(cache, seed, ref hint, 100));
            Volatile.Write(ref last.Hints[i % Latest.Kept], (nint)hint);
            Volatile.Write(ref last.Ids[i % Latest.Kept], seed->Id);
            AesGcmSeed.Free(seed);
            if (!right) return $"round {i}: another key's table";
        }

        return "";
    }

    private static unsafe byte[] Sealed(byte[] key, int length)
    {
        using var own = AesGcmKey.Create(key);
        var packet = new byte[length];
        fixed (byte* text = packet)
        {
            var job = JobOf(text, length);
            job.Key = own.Block;
            AesGcmEngine.EncryptBatch(&job, 1);
        }

        return packet;
    }

    private static unsafe byte[] Sealed(AesGcmKeyCache cache, AesGcmSeed* seed, ref AesGcmKeyBlock* hint, int length)
    {
        var packet = new byte[length];
        fixed (byte* text = packet)
        {
            var job = JobOf(text, length);
            Assert.True(cache.Take(seed, ref hint, &job));
            AesGcmEngine.EncryptBatch(&job, 1, cache);
        }

        return packet;
    }

    /// <summary>The table that a key has now; null when it is to be made in passing.</summary>
    private static unsafe AesGcmKeyBlock* Table(AesGcmKeyCache cache, AesGcmSeed* seed, ref AesGcmKeyBlock* hint)
    {
        AeadJob job = default;
        return cache.Take(seed, ref hint, &job) && job.Seed == null ? job.Key : null;
    }

    private static unsafe AeadJob JobOf(byte* packet, int length) => new()
    {
        Source = packet,
        Destination = packet,
        Tag = packet + length - Tag,
        Length = length - Tag,
        TagLength = Tag,
        AadLength = 8,
        Salt = BitConverter.ToUInt32(_nonce),
        Iv = BitConverter.ToUInt64(_nonce, 4),
    };

    private sealed class Latest
    {
        public const int Kept = 8;
        public readonly ulong[] Ids = new ulong[Kept];
        public readonly nint[] Hints = new nint[Kept];
        public long Forgotten;
    }
}
