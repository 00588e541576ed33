using Gateway.Crypto;
using Xunit;

namespace Gateway.Unit.Crypto;

public sealed class SystemEntropyTests
{
    [Fact]
    public async Task Gives_nothing_twice_and_leaves_no_gap_to_any_thread()
    {
        var drawn = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            var mine = new List<UInt128>();
            Span<byte> bytes = stackalloc byte[64];
            for (var i = 0; i < 5000; i++)
            {
                var some = bytes[..(16 + (i % 3 * 24))];
                some.Clear();
                SystemEntropy.Instance.Fill(some);
                mine.Add(BitConverter.ToUInt128(some));
                mine.Add(BitConverter.ToUInt128(some[^16..]));
                if (i % 3 == 0) mine.RemoveAt(mine.Count - 1);
            }

            return mine;
        })));
        var all = drawn.SelectMany(d => d).ToList();
        Assert.Equal(all.Count, all.Distinct().Count());
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(64)]
    [InlineData(65)]
    [InlineData(5000)]
    public void Fills_the_whole_of_what_it_is_given_and_no_more(int length)
    {
        var around = new byte[length + 2];
        var seen = new bool[length];
        for (var i = 0; i < 100; i++)
        {
            SystemEntropy.Instance.Fill(around.AsSpan(1, length));
            for (var at = 0; at < length; at++) seen[at] |= around[at + 1] != 0;
        }

        Assert.All(seen, Assert.True);
        Assert.Equal(0, around[0] | around[^1]);
    }
}
