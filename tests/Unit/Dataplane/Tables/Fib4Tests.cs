using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed class Fib4Tests
{
    /// <summary>The obvious twin: all prefixes, longest first.</summary>
    private sealed class SlowFib
    {
        private readonly Dictionary<(uint Prefix, int Length), uint> _routes = [];

        public void Set(uint prefix, int length, uint value) => _routes[(prefix & Fib4.Mask(length), length)] = value;

        public bool Remove(uint prefix, int length) => _routes.Remove((prefix & Fib4.Mask(length), length));

        public uint Lookup(uint address)
        {
            for (var length = 32; length >= 0; length--)
                if (_routes.TryGetValue((address & Fib4.Mask(length), length), out var value)) return value;
            return 0;
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public void It_says_what_its_slow_twin_says(int seed)
    {
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        var slow = new SlowFib();
        List<(uint Prefix, int Length)> known = [];
        for (var round = 0; round < 4000; round++)
        {
            // Few networks, so that prefixes nest, replace and uncover each other.
            var prefix = (uint)random.Next(3) << 30 | (uint)random.Next(4) << 16 | (uint)random.Next(4) << 8 | (uint)random.Next(256);
            var length = random.Next(5) == 0 ? random.Next(0, 33) : new[] { 8, 12, 16, 17, 20, 24, 25, 30, 32 }[random.Next(9)];
            if (random.Next(5) < 3)
            {
                var value = (uint)random.Next(1, 60000);
                fib.Set(0, prefix, length, value);
                slow.Set(prefix, length, value);
                known.Add((prefix, length));
            }
            else if (known.Count > 0)
            {
                var (oldPrefix, oldLength) = known[random.Next(known.Count)];
                Assert.Equal(slow.Remove(oldPrefix, oldLength), fib.Remove(0, oldPrefix, oldLength));
            }
            var asked = new uint[random.Next(1, 60)];
            for (var i = 0; i < asked.Length; i++)
            {
                var address = i % 2 == 0 || known.Count == 0
                    ? (uint)random.NextInt64(1L << 32)
                    : known[random.Next(known.Count)].Prefix ^ (uint)random.Next(random.Next(2) == 0 ? 2 : 1 << 12);
                Assert.True(slow.Lookup(address) == fib.Lookup(0, address), $"Address {address:x8} differs in round {round} with seed {seed}.");
                asked[i] = address;
            }
            Assert.True(asked.Select(slow.Lookup).SequenceEqual(Together(fib, asked)), $"A frame of addresses differs in round {round} with seed {seed}.");
        }
    }

    [Fact]
    public void An_own_address_may_be_local_and_few_others()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        Assert.DoesNotContain(Enumerable.Range(0, 10_000), i => fib.MayBeLocal((uint)i * 429_497));
        fib.Set(0, 0x0A00_0001, 32, AdjacencyTable.Local);
        fib.Set(3, 0xC0A8_0101, 32, AdjacencyTable.Local);
        fib.Set(0, 0x0A00_0000, 24, 7);
        Assert.True(fib.MayBeLocal(0x0A00_0001));
        Assert.True(fib.MayBeLocal(0xC0A8_0101));
        Assert.InRange(Enumerable.Range(0, 10_000).Count(i => fib.MayBeLocal((uint)i * 429_497)), 0, 50);
        fib.Set(0, 0x7F00_0000, 8, AdjacencyTable.Local);
        Assert.True(fib.MayBeLocal(0x7F12_3456));
    }

    private static unsafe uint[] Together(Fib4 fib, uint[] addresses)
    {
        var found = new uint[addresses.Length];
        fixed (uint* at = addresses, into = found) fib.Lookup(at, into, addresses.Length);
        return found;
    }

    [Fact]
    public void Routes_of_all_lengths_are_written_on_one_level_each_and_leave_nothing_behind()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        for (var length = 0; length <= 32; length++) fib.Set(0, 0x0A01_02FF, length, (uint)length + 4);
        for (var length = 32; length >= 0; length--)
        {
            Assert.Equal((uint)length + 4, fib.Lookup(0, 0x0A01_02FF));
            Assert.True(fib.TryGet(0, 0x0A01_02FF, length, out _));
            Assert.True(fib.Remove(0, 0x0A01_02FF, length));
        }
        Assert.Equal(0u, fib.Lookup(0, 0x0A01_02FF));
        // A route that leads nowhere hides the one above it.
        fib.Set(0, 0, 0, 9);
        fib.Set(0, 0x0A01_0200, 24, 0);
        fib.Set(0, 0x0A01_0280, 25, 7);
        Assert.Equal((9u, 0u, 7u), (fib.Lookup(0, 0x0A01_0301), fib.Lookup(0, 0x0A01_0201), fib.Lookup(0, 0x0A01_0281)));
        fib.Remove(0, 0x0A01_0200, 24);
        Assert.Equal((9u, 7u), (fib.Lookup(0, 0x0A01_0201), fib.Lookup(0, 0x0A01_0281)));
    }

    [Fact]
    public void A_million_routes_take_less_than_a_hundred_and_sixty_bytes_each()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        using var fib6 = new Fib6(epochs);
        var random = new Random(1);
        for (var i = 0; i < 1_000_000; i++)
        {
            // As in the Internet's tables: most are /24 and /22, few are longer.
            var length = random.Next(100) switch { < 60 => 24, < 70 => 23, < 85 => 22, < 92 => random.Next(16, 22), < 97 => random.Next(8, 16), _ => random.Next(25, 33) };
            fib.Set(0, (uint)random.NextInt64(1L << 32), length, 5);
            fib6.Set(0, 0x2000_0000_0000_0000 | (ulong)random.NextInt64() >> 3, 0, random.Next(2) == 0 ? 48 : random.Next(24, 65), 5);
        }
        Assert.InRange(fib.Bytes / (double)fib.Count, 1, 160);
        Assert.InRange(fib6.Bytes / (double)fib6.Count, 1, 160);
    }

    [Fact]
    public void Vrfs_are_apart()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        fib.Set(0, 0x0A000000, 8, 5);
        fib.Set(7, 0x0A000000, 8, 6);
        Assert.Equal(5u, fib.Lookup(0, 0x0A010203));
        Assert.Equal(6u, fib.Lookup(7, 0x0A010203));
        Assert.Equal(0u, fib.Lookup(8, 0x0A010203));
    }

    // A worker looks up all the time while routes below a steady one come and go: it must never see anything but the three values.
    [Fact]
    public void A_reader_never_sees_a_hole_while_routes_come_and_go()
    {
        using var epochs = new Epochs(1);
        using var fib = new Fib4(epochs);
        fib.Set(0, 0x0A000000, 8, 100);
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
                    var found = fib.Lookup(0, 0x0A010200 | (uint)random.Next(512));
                    if (found is not (100 or 101 or 102)) Volatile.Write(ref wrong, found + 1000);
                }
            }
            epochs.Sleep(0);
        });
        reader.Start();
        for (var round = 0; round < 3000; round++)
        {
            fib.Set(0, 0x0A010200, 24, 101);
            fib.Set(0, 0x0A010280, 25 + round % 8, 102);
            fib.Remove(0, 0x0A010280, 25 + round % 8);
            fib.Remove(0, 0x0A010200, 24);
        }
        Volatile.Write(ref stop, true);
        reader.Join();
        epochs.Reclaim();
        Assert.Equal(0u, wrong);
        Assert.Equal(0, epochs.Waiting);
    }
}
