using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.History;
using Gateway.Unit.Control;
using Microsoft.Extensions.Logging.Abstractions;
using Xunit;

namespace Gateway.Unit.Journal.Evidence;

/// <summary><c>journal.keep_days</c>: old events go into bundles by themselves, and nothing that may be young does.</summary>
public sealed class RetentionTests : IDisposable
{
    private static readonly TimeSpan _keep = TimeSpan.FromDays(30);
    private readonly JournalWorld _world = new();
    private readonly VirtualTime _clock = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("-40 -35 -31 -29 -1", 3)] // what is older than thirty days
    [InlineData("-29 -1", 0)]
    [InlineData("-40 -35", 2)] // all of it
    [InlineData("-40 -29 -9000 -1", 1)] // a start without a clock: what claims to be old stands behind what is young
    [InlineData("-40 +400 -35 -1", 3)] // a clock that ran ahead for a while holds nothing up
    [InlineData("-40 +400 -1", 1)] // nor does its event go alone
    [InlineData("+1 +2", 0)]
    public async Task Only_what_is_certainly_old_is_archived(string days, long expected)
    {
        foreach (var day in days.Split(' '))
        {
            _world.Clock = _clock.GetUtcNow().AddDays(int.Parse(day, System.Globalization.CultureInfo.InvariantCulture));
            _world.Add(new Gateway.Policy.Events.GatewayStopped(day));
        }

        await _world.StoreAsync();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        await using var retention = new Retention(new JournalHistory(journal, null), _ => throw new InvalidOperationException(), _keep, () => null, _clock, NullLogger.Instance);
        Assert.Equal(expected, await retention.PositionAsync(default));
    }

    [Fact]
    public async Task Once_an_hour_what_became_old_goes_into_a_bundle_and_what_is_not_published_yet_stays()
    {
        for (var day = -60; day < 0; day++)
        {
            _world.Clock = _clock.GetUtcNow().AddDays(day);
            _world.Add(new Gateway.Policy.Events.GatewayStopped($"{day}"));
        }

        await _world.StoreAsync();
        await using var journal = new SqliteJournal(_world.Db, "gw");
        await journal.OpenAsync(default);
        var history = new JournalHistory(journal, null);
        var archiver = new Archiver(journal, history, _world.Archive);
        var signing = new BundleSigning { Gateway = "gw", Key = _world.Key };
        var published = (long?)12;
        var rounds = new SemaphoreSlim(0);
        async Task<ArchivedPeriod?> ArchiveAsync(long to)
        {
            try
            {
                return await archiver.ArchiveAsync(to, signing, default);
            }
            finally
            {
                rounds.Release();
            }
        }

        await using (var retention = new Retention(history, ArchiveAsync, _keep, () => published, _clock, NullLogger.Instance).Start())
        {
            await PassAsync(TimeSpan.FromMinutes(5));
            Assert.Equal(12, (await journal.BaseAsync(default))!.Head.Position);
            published = null;
            await PassAsync(TimeSpan.FromHours(1));
            Assert.Equal(31, (await journal.BaseAsync(default))!.Head.Position);
            _clock.Advance(TimeSpan.FromDays(2));
            await retention.ArchiveAsync(default);
            Assert.Equal(33, (await journal.BaseAsync(default))!.Head.Position);
        }

        Assert.Equal(
            [ArchivedJournal.NameOf("gw", 1, 12), ArchivedJournal.NameOf("gw", 13, 31), ArchivedJournal.NameOf("gw", 32, 33)], Directory.GetFiles(_world.Archive).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        // Whole, with what was archived and what was not.
        Assert.Equal((27L, (string?)null), (await JournalVerifier.VerifyAsync(journal, null, default)) is var r ? (r.Events, r.Problem) : default);

        async Task PassAsync(TimeSpan time)
        {
            for (var i = 0; _clock.NextDue is null; i++)
            {
                Assert.True(i < 3000, "the next round is never due");
                await Task.Delay(10);
            }

            _clock.Advance(time);
            Assert.True(await rounds.WaitAsync(TimeSpan.FromSeconds(60)));
            await Task.Yield();
        }
    }

    [Fact]
    public async Task A_folder_that_cannot_be_written_archives_nothing_and_is_tried_again()
    {
        _world.Clock = _clock.GetUtcNow().AddDays(-50);
        await _world.Add(new Gateway.Policy.Events.GatewayStopped("old")).StoreAsync();
        await File.WriteAllTextAsync(_world.Archive, "a file in the folder's place");
        await using var journal = new SqliteJournal(_world.Db, "gw");
        await journal.OpenAsync(default);
        var history = new JournalHistory(journal, null);
        var archiver = new Archiver(journal, history, _world.Archive);
        var signing = new BundleSigning { Gateway = "gw", Key = _world.Key };
        await using var retention = new Retention(history, to => archiver.ArchiveAsync(to, signing, default), _keep, () => null, _clock, NullLogger.Instance);
        await retention.ArchiveAsync(default);
        Assert.Null(await journal.BaseAsync(default));
        File.Delete(_world.Archive);
        await retention.ArchiveAsync(default);
        Assert.Equal(1, (await journal.BaseAsync(default))!.Head.Position);
    }
}
