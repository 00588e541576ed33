using Gateway.Dataplane.Tables;
using Xunit;

namespace Gateway.Unit.Dataplane.Tables;

public sealed class NativeMapTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void It_holds_what_a_dictionary_holds(int seed)
    {
        var random = new Random(seed);
        using var epochs = new Epochs(0);
        using var map = new NativeMap(epochs);
        Dictionary<(ulong, ulong, uint), uint> twin = [];
        for (var round = 0; round < 50_000; round++)
        {
            var key = ((ulong)random.Next(8), (ulong)random.Next(200), (uint)random.Next(3));
            if (random.Next(3) > 0)
            {
                map.Set(key.Item1, key.Item2, key.Item3, twin[key] = (uint)random.Next());
            }
            else
            {
                Assert.Equal(twin.Remove(key), map.Remove(key.Item1, key.Item2, key.Item3));
            }
            var asked = ((ulong)random.Next(8), (ulong)random.Next(200), (uint)random.Next(3));
            var there = map.TryGet(asked.Item1, asked.Item2, asked.Item3, out var value);
            Assert.True(there == twin.TryGetValue(asked, out var expected) && value == expected, $"Round {round}, seed {seed}.");
        }
        Assert.Equal(twin.Count, map.Count);
    }

    // A worker asks for a key that always is there while others come, go and make the map move.
    [Fact]
    public void A_reader_always_finds_what_is_there()
    {
        using var epochs = new Epochs(1);
        using var map = new NativeMap(epochs);
        map.Set(1, 2, 3, 77);
        var stop = false;
        var missed = 0;
        var reader = new Thread(() =>
        {
            while (!Volatile.Read(ref stop))
            {
                epochs.Pass(0);
                for (var i = 0; i < 64; i++)
                    if (!map.TryGet(1, 2, 3, out var value) || value != 77) missed++;
            }
            epochs.Sleep(0);
        });
        reader.Start();
        for (var round = 0; round < 200; round++)
        {
            for (uint i = 0; i < 300; i++) map.Set(9, i, 0, i);
            for (uint i = 0; i < 300; i++) map.Remove(9, i, 0);
        }
        Volatile.Write(ref stop, true);
        reader.Join();
        Assert.Equal(0, missed);
    }
}
