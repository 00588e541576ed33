using System.IO.Compression;
using System.Text;
using Gateway.Host.Api;
using Gateway.Host.Journal;
using Gateway.Host.Journal.Bundles;
using Gateway.Host.Journal.Heads;
using Gateway.Host.Journal.History;
using Gateway.Host.Runtime;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Projections;
using Xunit;

namespace Gateway.Unit.Journal.Evidence;

/// <summary>Periods of a journal that prove themselves, and journals that go on behind what was archived into them.</summary>
public sealed class BundleTests : IDisposable
{
    private readonly JournalWorld _world = new();

    private string Bundle => Path.Combine(_world.Folder, "period.bundle.gz");

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_bundle_of_a_period_verifies_with_the_public_key_alone()
    {
        await (await _world.Random(20, 60).StoreAsync()).Sign().Random(21, 40).StoreAsync();
        await ExportAsync(15, 70);
        var bundle = BundleReader.Open(Bundle);
        Assert.Equal((16L, 70L, "gw"), (bundle.Header.From, bundle.Header.To, bundle.Header.Gateway));
        using var key = HeadKey.FromPem(_world.Key.Pem)!;
        var result = await HoldAsync(bundle, key);
        Assert.Null(result.Problem);
        Assert.Equal((55L, 70L, 15L), (result.Events, result.SignedUpTo, result.Begin));
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var original = await journal.ReadAsync(16, default).Take(55).ToListAsync();
        Assert.Equal(original, await bundle.ReadAsync(1, default).ToListAsync());
    }

    [Fact]
    public async Task Anything_changed_in_a_bundle_is_named()
    {
        await _world.Random(22, 40).StoreAsync();
        await ExportAsync(0, 30);
        var lines = Lines();
        for (var line = 1; line < lines.Length; line++)
        {
            foreach (var changed in new[] { lines[line].Replace("\"gateway\"", "\"gatewax\"", StringComparison.Ordinal), lines[line][..(lines[line].Length / 2)] })
            {
                if (changed == lines[line]) continue;
                Write([.. lines[..line], changed, .. lines[(line + 1)..]]);
                var result = await HoldAsync(BundleReader.Open(Bundle), _world.Key);
                Assert.True(result.Problem is not null, $"line {line}: {changed}");
                if (lines[line].StartsWith("{\"event\"", StringComparison.Ordinal)) Assert.Equal(line, result.FirstBad);
            }
        }

        // Cut off, with a line missing, and with an end that was moved.
        Write(lines[..20]);
        Assert.Contains("cut off behind position 19", (await HoldAsync(BundleReader.Open(Bundle), _world.Key)).Problem, StringComparison.Ordinal);
        Write([.. lines[..10], .. lines[11..]]);
        Assert.Equal(10, (await HoldAsync(BundleReader.Open(Bundle), _world.Key)).FirstBad);
        Write([.. lines[..10], lines[^1]]);
        Assert.Equal(10, (await HoldAsync(BundleReader.Open(Bundle), _world.Key)).FirstBad);
        var bytes = await File.ReadAllBytesAsync(Bundle);
        await File.WriteAllBytesAsync(Bundle, bytes[..(bytes.Length / 2)]);
        Assert.NotNull((await HoldAsync(BundleReader.Open(Bundle), _world.Key)).Problem);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{}")]
    [InlineData("{\"bundle\":\"something else\",\"version\":1}")]
    public void What_is_no_bundle_is_said_to_be_none(string first)
    {
        Write(first.Length == 0 ? [] : [first]);
        Assert.Throws<BundleException>(() => BundleReader.Open(Bundle));
    }

    [Fact]
    public async Task A_damaged_journal_gives_no_bundle()
    {
        await _world.Random(23, 40).StoreAsync();
        _world.Tamper("UPDATE events SET who='x' WHERE position=9");
        Assert.Equal(9, (await Assert.ThrowsAsync<JournalDamagedException>(() => ExportAsync(0, 30))).Position);
    }

    [Fact]
    public async Task An_archived_journal_goes_on_and_its_past_is_read_from_the_archive()
    {
        await _world.Random(24, 300).StoreAsync();
        var last = _world.Head.Position;
        async Task<(JournalState[] States, List<long> History)> LookAsync(SqliteJournal journal)
        {
            var records = Records(journal);
            var states = new List<JournalState>();
            foreach (var at in new[] { "@5", "@150", "@200", $"@{last}", "3" }) states.Add(await records.StateAsync(at, blame: true, default));
            return ([.. states], await records.HistoryAsync(new HistoryFilter(Since: "@0", Limit: 100_000), default).Select(r => r.Position).ToListAsync());
        }

        (JournalState[] States, List<long> History) before;
        await using (var reader = SqliteJournal.OpenForReading(_world.Db)) before = await LookAsync(reader);
        await using (var journal = new SqliteJournal(_world.Db, "gw"))
        {
            await journal.OpenAsync(default);
            var archiver = new Archiver(journal, new JournalHistory(journal, null), _world.Archive);
            var signing = new BundleSigning { Gateway = "gw", Key = _world.Key };
            Assert.Equal((1L, 100L), (await archiver.ArchiveAsync(100, signing, default)) is { } first ? (first.From, first.To) : default);
            Assert.Null(await archiver.ArchiveAsync(100, signing, default));
            Assert.Equal((101L, 180L), (await archiver.ArchiveAsync(180, signing, default)) is { } second ? (second.From, second.To) : default);
            var after = await LookAsync(journal);
            Assert.Equal(before.History, after.History);
            foreach (var (a, b) in before.States.Zip(after.States))
            {
                Assert.Equal(a.Head, b.Head);
                Assert.Equal(a.Configuration.Configuration.Ordered(), b.Configuration.Configuration.Ordered());
            }

            // The chain goes on, appends too.
            Assert.Null((await JournalVerifier.VerifyAsync(journal, HeadAnchor.Read(SqliteJournal.AnchorPath(_world.Db)), default)).Problem);
            await using var sequencer = new JournalSequencer(journal, await Reopened(journal), EventCatalog.Encode);
            Assert.Equal(last + 1, sequencer.Append([new GatewayStopped("x")], new EventContext(Principal.Gateway, _world.Clock), Durability.Synced).First);
        }

        await using (var again = new SqliteJournal(_world.Db, "gw")) Assert.Equal(last + 1, (await again.OpenAsync(default)).Position);

        // Without a bundle what it holds is not guessed; what came later is known all the same.
        await using var bare = SqliteJournal.OpenForReading(_world.Db);
        File.Delete(Path.Combine(_world.Archive, ArchivedJournal.NameOf("gw", 1, 100)));
        var asked = await Assert.ThrowsAsync<AskedWrongException>(() => Records(bare).StateAsync("@50", false, default));
        Assert.Equal("archived", asked.Code);
        Assert.Contains("put the bundle that holds it", asked.Message, StringComparison.Ordinal);
        Assert.Equal(200, (await Records(bare).StateAsync("@200", false, default)).Head.Position);
        Assert.Equal("archived", (await Assert.ThrowsAsync<AskedWrongException>(() => Records(bare).StateAsync("2030-01-01T00:03:00Z", false, default))).Code);
        Assert.Equal(180, (await Assert.ThrowsAsync<JournalArchivedException>(async () => await bare.ReadAsync(180, default).FirstAsync())).Position);
    }

    [Fact]
    public async Task An_archiving_that_was_cut_off_is_completed_by_the_next_start()
    {
        await _world.Random(25, 100).StoreAsync();
        string kept;
        await using (var journal = new SqliteJournal(_world.Db, "gw"))
        {
            await journal.OpenAsync(default);
            await new Archiver(journal, new JournalHistory(journal, null), _world.Archive).ArchiveAsync(40, new BundleSigning { Gateway = "gw", Key = _world.Key }, default);
            kept = (await journal.BaseAsync(default))!.Bundle;
        }

        // As if the process had ended between the base and the deletes.
        _world.Tamper("INSERT INTO events SELECT 40, subject, name, time, command_id, door, who, issuer, cause, data, (SELECT hash FROM base) FROM events WHERE position=41");
        await using var again = new SqliteJournal(_world.Db, "gw");
        await again.OpenAsync(default);
        Assert.Equal((kept, 41L), ((await again.BaseAsync(default))!.Bundle, (await again.ReadAsync(41, default).FirstAsync()).Position));
        Assert.Null((await JournalVerifier.VerifyAsync(again, null, default)).Problem);
    }

    private static async Task<JournalHead> Reopened(SqliteJournal journal)
    {
        var last = await journal.ReadAsync(181, default).LastAsync();
        return new JournalHead(last.Position, last.Hash);
    }

    private JournalRecords Records(SqliteJournal journal) => new(new JournalHistory(journal, null), () => new VerifyAgainst()) { Archived = new JournalHistory(new ArchivedJournal(journal, _world.Archive), null) };

    private async Task ExportAsync(long after, long to)
    {
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var begin = await new JournalHistory(journal, null).HeadAtAsync(after, default);
        await using var file = File.Create(Bundle);
        await BundleWriter.WriteAsync(journal, begin, to, new BundleSigning { Gateway = "gw", Key = _world.Key, Heads = HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads }, file, default);
    }

    private static Task<Verification> HoldAsync(BundleReader bundle, HeadKey key) =>
        JournalVerifier.HoldAsync(bundle, new VerifyAgainst { Begin = bundle.Header.Begin, Heads = bundle.Heads(), Key = key, MustBeSigned = true }, default);

    private string[] Lines()
    {
        using var reader = new StreamReader(new GZipStream(File.OpenRead(Bundle), CompressionMode.Decompress));
        return reader.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
    }

    private void Write(string[] lines)
    {
        using var gzip = new GZipStream(File.Create(Bundle), CompressionLevel.Fastest);
        gzip.Write(Encoding.UTF8.GetBytes(string.Concat(lines.Select(l => l + "\n"))));
    }
}
