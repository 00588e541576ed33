using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed class Fib6Tests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void It_says_what_its_slow_twin_says(int seed)
    {
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var fib = new Fib6(epochs);
        Dictionary<(UInt128 Prefix, int Length), uint> slow = [];
        for (var round = 0; round < 4000; round++)
        {
            var prefix = new UInt128(0x2001_0DB8_0000_0000 + ((ulong)random.Next(4) << 14), ((ulong)random.Next(4) << 62) + (ulong)random.Next(8));
            var length = random.Next(4) == 0 ? random.Next(0, 129) : new[] { 0, 32, 48, 56, 64, 65, 127, 128 }[random.Next(8)];
            var key = (prefix & Mask(length), length);
            if (random.Next(5) < 3)
            {
                slow[key] = (uint)random.Next(1, 60000);
                fib.Set(0, (ulong)(prefix >> 64), (ulong)prefix, length, slow[key]);
            }
            else
            {
                Assert.Equal(slow.Remove(key), fib.Remove(0, (ulong)(prefix >> 64), (ulong)prefix, length));
            }
            for (var i = 0; i < 10; i++)
            {
                var address = prefix ^ (UInt128)(uint)random.Next(16) << random.Next(125);
                var expected = Enumerable.Range(0, 129).Select(l => 128 - l).Select(l => slow.GetValueOrDefault((address & Mask(l), l))).FirstOrDefault(v => v != 0);
                Assert.True(expected == Both(fib, address), $"Address {address:x32} differs in round {round} with seed {seed}.");
            }
        }
        Assert.Equal(slow.Count, fib.Count);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void Sparse_and_dense_routes_come_and_go_and_nothing_is_left_of_them(int seed)
    {
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var fib = new Fib6(epochs);
        Dictionary<(UInt128 Prefix, int Length), uint> slow = [];
        List<(UInt128 Prefix, int Length)> known = [];
        for (var round = 0; round < 3000; round++)
        {
            var prefix = seed % 2 == 0
                ? new UInt128((ulong)random.NextInt64(), (ulong)random.NextInt64())
                : new UInt128(0x2001_0000_0000_0000 | (ulong)random.NextInt64() >> random.Next(16, 60), (ulong)random.NextInt64() << random.Next(64));
            var length = random.Next(3) == 0 ? random.Next(0, 129) : new[] { 16, 17, 22, 32, 48, 64, 127, 128 }[random.Next(8)];
            var key = (prefix & Mask(length), length);
            // First they grow, then they shrink.
            if (random.Next(5) < (round > 2000 ? 1 : 3))
            {
                slow[key] = (uint)random.Next(0, 60000);
                fib.Set(0, (ulong)(prefix >> 64), (ulong)prefix, length, slow[key]);
                known.Add(key);
            }
            else
            {
                if (known.Count > 0 && random.Next(4) != 0) key = known[random.Next(known.Count)];
                Assert.Equal(slow.Remove(key), fib.Remove(0, (ulong)(key.Item1 >> 64), (ulong)key.Item1, key.length));
            }
            Assert.Equal(slow.TryGetValue(key, out var expected), fib.TryGet(0, (ulong)(key.Item1 >> 64), (ulong)key.Item1, key.length, out var value));
            Assert.Equal(expected, value);
            for (var i = 0; i < 10; i++)
            {
                var address = (known.Count > 0 && random.Next(2) == 0 ? known[random.Next(known.Count)].Prefix : prefix) ^ (UInt128)(uint)random.Next(16) << random.Next(125);
                uint found = 0;
                for (var l = 128; l >= 0; l--)
                    if (slow.TryGetValue((address & Mask(l), l), out found)) break;
                Assert.True(found == Both(fib, address), $"Address {address:x32} differs in round {round} with seed {seed}.");
            }
        }
        foreach (var (prefix, length) in slow.Keys) Assert.True(fib.Remove(0, (ulong)(prefix >> 64), (ulong)prefix, length));
        Assert.Equal(0, fib.Count);
        Assert.Equal(0u, fib.Lookup(0, known[0].Prefix >> 64 is var high ? (ulong)high : 0, (ulong)known[0].Prefix));
    }

    /// <summary>What a lookup finds, alone and among others in a frame.</summary>
    private static unsafe uint Both(Fib6 fib, UInt128 address)
    {
        var alone = fib.Lookup(0, (ulong)(address >> 64), (ulong)address);
        var (highs, lows, found) = (new ulong[40], new ulong[40], new uint[40]);
        for (var i = 0; i < highs.Length; i++)
        {
            var other = address ^ (i % 8 == 3 ? 0 : UInt128.One << (127 - i));
            (highs[i], lows[i]) = ((ulong)(other >> 64), (ulong)other);
        }
        fixed (ulong* high = highs, low = lows)
        fixed (uint* into = found)
            fib.Lookup(high, low, into, highs.Length);
        for (var i = 0; i < highs.Length; i++)
            Assert.True(found[i] == fib.Lookup(0, highs[i], lows[i]), $"Address {highs[i]:x16}{lows[i]:x16} is found otherwise in a frame than alone.");
        return alone;
    }

    // A worker looks up all the time while routes below a steady one come and go: it must never see anything but the three values.
    [Fact]
    public void A_reader_never_sees_a_hole_while_routes_come_and_go()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib6(epochs);
        fib.Set(0, 0x2001_0DB8_0000_0000, 0, 32, 100);
        var stop = false;
        var wrong = 0u;
        var reader = new Thread(() =>
        {
            var random = new Random(5);
            while (!Volatile.Read(ref stop))
            {
                epochs.Pass(0);
                for (var i = 0; i < 64; i++)
                {
                    var found = fib.Lookup(0, 0x2001_0DB8_0000_0000ul | (uint)random.Next(1 << 20), (ulong)random.Next(4));
                    if (found is not (100 or 101 or 102)) Volatile.Write(ref wrong, found + 1000);
                }
            }
            epochs.Sleep(0);
        });
        reader.Start();
        var routes = new Random(6);
        for (var round = 0; round < 3000; round++)
        {
            var (high, length) = (0x2001_0DB8_0000_0000ul | (uint)routes.Next(1 << 20), routes.Next(40, 129));
            fib.Set(0, high, 1, length, 101);
            fib.Set(0, high, 2, 127, 102);
            fib.Remove(0, high, 1, length);
            fib.Remove(0, high, 2, 127);
        }
        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0u, wrong);
        Assert.Equal(1, fib.Count);
    }

    private static UInt128 Mask(int length) => length == 0 ? 0 : UInt128.MaxValue << (128 - length);
}
