using Gateway.Host.Control.Senders;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Control.Senders;

public sealed class FairQueueTests
{
    private static readonly Principal _loud = new("bus", "user:loud");
    private static readonly Principal _quiet = new("http", "uid:0");

    [Fact]
    public async Task Each_senders_own_stay_in_order_and_one_that_sends_much_holds_up_nobody()
    {
        using var queue = new FairQueue<string>();
        for (var i = 0; i < 1000; i++) queue.TryWrite(_loud, $"loud {i}");
        queue.TryWrite(_quiet, "quiet 0");
        queue.TryWrite(_quiet, "quiet 1");
        var read = new List<string>();
        for (var i = 0; i < 1002; i++) read.Add((await queue.ReadAsync()).Item!);
        Assert.Equal(["loud 0", "quiet 0", "loud 1", "quiet 1", "loud 2"], read.Take(5));
        Assert.Equal(Enumerable.Range(0, 1000).Select(i => $"loud {i}"), read.Where(r => r[0] == 'l'));
    }

    [Fact]
    public async Task What_waits_at_the_end_is_still_read_and_nothing_more_is_taken()
    {
        using var queue = new FairQueue<string>();
        queue.TryWrite(_loud, "last");
        queue.Complete();
        Assert.False(queue.TryWrite(_quiet, "late"));
        Assert.Equal((true, "last"), await queue.ReadAsync());
        Assert.False((await queue.ReadAsync()).Any);
    }

    [Fact]
    public async Task Many_writers_lose_and_double_nothing()
    {
        using var queue = new FairQueue<(int Writer, int Number)>();
        var reading = Task.Run(async () =>
        {
            var all = new List<(int Writer, int Number)>();
            while (await queue.ReadAsync() is (true, var item)) all.Add(item);
            return all;
        });
        await Task.WhenAll(Enumerable.Range(0, 8).Select(w => Task.Run(() =>
        {
            for (var i = 0; i < 2000; i++) queue.TryWrite(new Principal("bus", $"user:{w % 4}"), (w, i));
        })));
        queue.Complete();
        var read = await reading;
        foreach (var writer in Enumerable.Range(0, 8)) Assert.Equal(Enumerable.Range(0, 2000), read.Where(r => r.Writer == writer).Select(r => r.Number));
    }
}
