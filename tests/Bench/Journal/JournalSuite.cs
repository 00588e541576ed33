using System.Diagnostics;
using Gateway.Bench.Harness;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Journal.Snapshots;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Gateway.Projections.Folds;
using Microsoft.Extensions.Logging.Abstractions;

namespace Gateway.Bench.Journal;

/// <summary>
/// How fast a journal of a million events is read and folded, how soon any of its moments is known, and how many events a second are stored durably.
/// </summary>
internal sealed class JournalSuite : ISuite
{
    private const int Events = 1_000_000;
    private const int Rounds = 5;

    public string Name => "journal";

    public bool Pinned => false;

    public void Run(Report report) => RunAsync(report).GetAwaiter().GetResult();

    private static async Task RunAsync(Report report)
    {
        var folder = Directory.CreateTempSubdirectory("gateway-bench-journal-").FullName;
        try
        {
            if (report.Wants("append", 0)) await AppendAsync(report, folder).ConfigureAwait(false);
            if (!report.Wants("replay", Events) && !report.Wants("verify", Events) && !report.Wants("moment", Events) && !report.Wants("snapshots", Events)) return;
            var path = Path.Combine(folder, "journal.db");
            var building = Stopwatch.StartNew();
            var builder = new JournalBuilder();
            await builder.FillAsync(path, "bench", Events).ConfigureAwait(false);
            report.Note($"A journal of {Events} events, {new FileInfo(path).Length / 1_000_000} MB, made in {building.Elapsed.TotalSeconds:0} s.");
            var journal = SqliteJournal.OpenForReading(path);
            await using (journal.ConfigureAwait(false))
            {
                if (report.Wants("replay", Events)) await ReplayAsync(report, journal).ConfigureAwait(false);
                if (report.Wants("verify", Events)) await VerifyAsync(report, journal).ConfigureAwait(false);
                if (report.Wants("moment", Events) || report.Wants("snapshots", Events)) await MomentsAsync(report, journal, path, builder.Revision).ConfigureAwait(false);
            }
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>As a start without any snapshot: rows out of SQLite, the chain recomputed, JSON read into records, configuration and SAs folded.</summary>
    private static async Task ReplayAsync(Report report, IJournal journal)
    {
        var (rates, processor) = (new double[Rounds], new double[Rounds]);
        for (var round = -1; round < Rounds; round++)
        {
            var before = Environment.CpuUsage.TotalTime;
            var start = Stopwatch.GetTimestamp();
            var state = await new JournalHistory(journal, null).AtAsync(null, blame: false, CancellationToken.None).ConfigureAwait(false);
            if (state?.Head.Position != Events) throw new InvalidOperationException("The journal was not read to its end.");
            if (round >= 0) rates[round] = Events / Stopwatch.GetElapsedTime(start).TotalSeconds;
            processor[Math.Max(0, round)] = (Environment.CpuUsage.TotalTime - before).TotalMicroseconds / Events;
        }

        Array.Sort(processor);
        report.Note($"Replay takes {processor[Rounds / 2]:0.00} µs of processor time per event, on {Environment.ProcessorCount} processors.");
        report.AddAbove("journal", "replay-fold", Events, "events/s", rates, 300_000, "read from SQLite, chain verified, JSON decoded, configuration and SAs folded");
    }

    private static async Task VerifyAsync(Report report, IJournal journal)
    {
        var rates = new double[Rounds];
        for (var round = 0; round < Rounds; round++)
        {
            var start = Stopwatch.GetTimestamp();
            var result = await JournalVerifier.VerifyAsync(journal, null, CancellationToken.None).ConfigureAwait(false);
            if (result.FirstBad is not null) throw new InvalidOperationException(result.Problem);
            rates[round] = Events / Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        report.AddAbove("journal", "verify", Events, "events/s", rates, 300_000, "read from SQLite, chain verified");
    }

    private static async Task MomentsAsync(Report report, IJournal journal, string path, long revisions)
    {
        using var key = HeadKey.Create();
        var store = new SnapshotStore(SnapshotStore.FolderOf(path), "bench", key);
        var history = new JournalHistory(journal, store);
        var making = Stopwatch.StartNew();
        var keeper = new SnapshotKeeper(history, store, 5_000, 0, NullLogger.Instance);
        await using (keeper.ConfigureAwait(false)) await keeper.MakeAsync(atEnd: true, CancellationToken.None).ConfigureAwait(false);
        var folder = new DirectoryInfo(SnapshotStore.FolderOf(path));
        report.Note($"{folder.GetFiles().Length} snapshots, {folder.GetFiles().Sum(f => f.Length) / 1e6:0.0} MB, made in {making.Elapsed.TotalSeconds:0.0} s.");
        var random = new Random(11);
        var begin = new DateTimeOffset(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        var end = (await history.AtAsync(null, blame: false, CancellationToken.None).ConfigureAwait(false))!.Fold.Time!.Value;
        Moment Any(int i) => (i % 3) switch
        {
            0 => new Moment.AtPosition(random.NextInt64(1, Events + 1)),
            1 => new Moment.AtRevision(random.NextInt64(1, revisions + 1)),
            _ => new Moment.AtTime(begin + (random.NextDouble() * (end - begin))),
        };
        var seconds = new double[30];
        for (var i = -3; i < seconds.Length; i++)
        {
            var moment = Any(Math.Abs(i));
            // A store of its own each time: nothing is remembered from one question to the next.
            var fresh = new JournalHistory(journal, new SnapshotStore(SnapshotStore.FolderOf(path), "bench", key));
            var start = Stopwatch.GetTimestamp();
            var state = await fresh.AtAsync(moment, blame: true, CancellationToken.None).ConfigureAwait(false);
            if (state is null) throw new InvalidOperationException($"{moment} was not found.");
            if (i >= 0) seconds[i] = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }

        report.AddBelow("journal", "any-moment", Events, "s", seconds, 2, "positions, revisions and times by turns, with blame; the slowest is max");
    }

    /// <summary>Many callers, each waiting until its two events are synced: what a command costs the journal.</summary>
    private static async Task AppendAsync(Report report, string folder)
    {
        const int callers = 64;
        const int each = 100;
        var rates = new double[Rounds];
        for (var round = -1; round < Rounds; round++)
        {
            var store = new SqliteJournal(Path.Combine(folder, $"append{round + 1}.db"), "bench");
            await using (store.ConfigureAwait(false))
            {
                var sequencer = new JournalSequencer(store, await store.OpenAsync(CancellationToken.None).ConfigureAwait(false), EventCatalog.Encode);
                await using (sequencer.ConfigureAwait(false))
                {
                    GatewayEvent[] events = [new GatewayStarted("1", "boot"), new GatewayStopped("bench")];
                    var start = Stopwatch.GetTimestamp();
                    await Task.WhenAll(Enumerable.Range(0, callers).Select(_ => Task.Run(async () =>
                    {
                        for (var i = 0; i < each; i++) await sequencer.Append(events, new EventContext(Principal.Gateway, DateTimeOffset.UtcNow), Durability.Synced).Stored.ConfigureAwait(false);
                    }))).ConfigureAwait(false);
                    if (round >= 0) rates[round] = callers * each * events.Length / Stopwatch.GetElapsedTime(start).TotalSeconds;
                }
            }
        }

        report.AddAbove("journal", "append-synced", callers, "events/s", rates, 3000, "64 callers, each waits for its sync; two events a call");
    }
}
