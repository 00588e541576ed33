using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

/// <summary>All streams at once: a fleet's events in one order, with a filter and checkpoints.</summary>
public sealed class StoreClientTests
{
    [Fact]
    public async Task A_fleet_is_followed_through_a_filter_over_lost_connections_without_a_gap_or_a_double()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await FillAsync(lab, "gateway-a", 30);
        await FillAsync(lab, "noise-1", 100);
        using var client = new StoreClient(StoreLab.Parse(lab.Uri), TimeProvider.System);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var seen = new List<string>();
        var lost = 0;
        var checkpoints = 0;
        var following = Task.Run(async () =>
        {
            await foreach (var message in client.FollowAllAsync(AllPosition.Start, new AllFilter(true, ["gateway-"]), _ => Interlocked.Increment(ref lost), stop.Token))
            {
                if (message is AllMessage.Checkpoint) checkpoints++;
                if (message is AllMessage.Event e) lock (seen) seen.Add($"{e.Stream}/{e.Recorded.Revision}");
                lock (seen) if (seen.Count == 75) return;
            }
        });
        await EventStoreFaultTests.Eventually(() => { lock (seen) return seen.Count == 30; });
        await lab.Leader.StopAsync();
        lab.Elect(1);
        await FillAsync(lab, "gateway-b", 25);
        await lab.Nodes[0].StartAsync();
        await FillAsync(lab, "gateway-c", 20);
        await following;
        Assert.Equal(Enumerable.Range(0, 30).Select(i => $"gateway-a/{i}").Concat(Enumerable.Range(0, 25).Select(i => $"gateway-b/{i}")).Concat(Enumerable.Range(0, 20).Select(i => $"gateway-c/{i}")), seen);
        Assert.True(lost > 0);
        Assert.True(checkpoints > 0);
    }

    [Fact]
    public async Task A_checkpoint_file_lets_a_follower_go_on_where_it_was()
    {
        await using var lab = await StoreLab.StartAsync();
        await FillAsync(lab, "gateway-a", 10);
        var mark = new FleetCheckpoint(Path.Combine(lab.Folder, "mark"));
        Assert.Equal(AllPosition.Start, mark.Read());
        Assert.Equal(4, await TakeAsync(lab, mark, 4));
        await FillAsync(lab, "gateway-b", 3);
        Assert.Equal(9, await TakeAsync(lab, new FleetCheckpoint(Path.Combine(lab.Folder, "mark")), 9));
        await File.WriteAllTextAsync(Path.Combine(lab.Folder, "mark"), "nonsense");
        Assert.Throws<InvalidDataException>(() => mark.Read());
    }

    [Fact]
    public async Task A_standby_follows_the_stream_of_another_gateway()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var active = lab.Journal();
        await active.AppendAsync(JournalContract.Batch(await active.OpenAsync(default), 10), default);
        await using var standby = new EventStoreJournal(lab.Options() with { StatePath = null, Uri = lab.Options().Uri with { NodePreference = NodePreference.Follower } });
        var seen = new List<long>();
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var following = Task.Run(async () =>
        {
            await foreach (var e in standby.FollowAsync(4, stop.Token))
            {
                lock (seen) seen.Add(e.Position);
                if (e.Position == 30) return;
            }
        });
        await EventStoreFaultTests.Eventually(() => { lock (seen) return seen.Count == 7; });
        await lab.Nodes[1].StopAsync();
        await lab.Nodes[2].StopAsync();
        await active.AppendAsync(JournalContract.Batch(await JournalContract.HeadAsync(active), 20), default);
        await following;
        Assert.Equal(Enumerable.Range(4, 27).Select(i => (long)i), seen);
    }

    private static async Task<int> TakeAsync(StoreLab lab, FleetCheckpoint mark, int count)
    {
        using var client = new StoreClient(StoreLab.Parse(lab.Uri), TimeProvider.System);
        using var stop = new CancellationTokenSource(TimeSpan.FromSeconds(60));
        var taken = 0;
        await foreach (var message in client.FollowAllAsync(mark.Read(), new AllFilter(true, ["gateway-"]), null, stop.Token))
        {
            if (message is not AllMessage.Event e) continue;
            mark.Write(e.Position);
            if (++taken == count) break;
        }

        return taken;
    }

    private static async Task FillAsync(StoreLab lab, string stream, int count)
    {
        await using var journal = new EventStoreJournal(lab.Options(stream) with { StatePath = null });
        await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), count), default);
    }
}
