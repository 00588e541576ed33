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
                Assert.True(expected == fib.Lookup(0, (ulong)(address >> 64), (ulong)address), $"Address {address:x32} differs in round {round} with seed {seed}.");
            }
        }
        Assert.Equal(slow.Count, fib.Count);
    }

    private static UInt128 Mask(int length) => length == 0 ? 0 : UInt128.MaxValue << (128 - length);
}
