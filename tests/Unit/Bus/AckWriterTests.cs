using Gateway.Host.Bus;
using Xunit;

namespace Gateway.Unit.Bus;

public sealed class AckWriterTests
{
    private readonly List<(ulong Tag, bool Multiple)> _written = [];

    [Fact]
    public async Task What_is_done_in_order_is_acknowledged_at_once_with_one_frame()
    {
        await WriteAsync(100, [1, 2, 3, 4]);
        Assert.Equal([(4ul, true)], _written);
    }

    [Fact]
    public async Task One_that_is_open_keeps_the_others_back_until_there_are_too_many_or_it_ends()
    {
        await WriteAsync(100, [2, 3]);
        Assert.Equal([(2ul, false), (3ul, false)], _written);
        _written.Clear();
        await WriteAsync(1, [2, 3, 4]);
        Assert.Equal([(2ul, false), (3ul, false), (4ul, false)], _written);
    }

    /// <summary>The broker ends a channel that names a tag twice, or one that it never gave.</summary>
    [Fact]
    public async Task In_any_order_and_any_groups_every_tag_is_acknowledged_once()
    {
        var seed = Environment.TickCount & 0xffff;
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var count = random.Next(1, 200);
            var broker = new HashSet<ulong>(Enumerable.Range(1, count).Select(i => (ulong)i));
            string? wrong = null;
            var writer = new AckWriter(
                (tag, multiple) =>
                {
                    if (!broker.Contains(tag)) wrong ??= $"seed {seed}, round {round}: {tag} is not open";
                    broker.RemoveWhere(t => t == tag || (multiple && t <= tag));
                    return ValueTask.CompletedTask;
                },
                random.Next(0, 20),
                why => wrong ??= why);
            var done = new HashSet<ulong>();
            var running = writer.RunAsync();
            foreach (var tag in Enumerable.Range(1, count).OrderBy(i => i + random.Next(30)).Select(i => (ulong)i))
            {
                done.Add(tag);
                writer.Add(tag);
                if (random.Next(5) == 0) await Task.Yield();
            }

            writer.Complete();
            await running;
            Assert.True(wrong is null && broker.Count == 0, wrong ?? $"seed {seed}, round {round}: {broker.Count} left");
        }
    }

    private async Task WriteAsync(int mayWait, ulong[] tags)
    {
        var writer = new AckWriter(
            (tag, multiple) =>
            {
                _written.Add((tag, multiple));
                return ValueTask.CompletedTask;
            },
            mayWait,
            why => Assert.Fail(why));
        foreach (var tag in tags) writer.Add(tag);
        writer.Complete();
        await writer.RunAsync();
    }
}
