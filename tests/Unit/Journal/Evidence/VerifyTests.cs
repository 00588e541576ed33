using Gateway.Host.Journal;
using Gateway.Host.Journal.Heads;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Journal.Evidence;

/// <summary>What somebody may have done to a journal, and that it shows: by the chain, by the anchor, or by the signed heads alone.</summary>
public sealed class VerifyTests : IDisposable
{
    private readonly JournalWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_sound_journal_is_vouched_for_up_to_its_last_signed_head()
    {
        await (await (await _world.Random(1, 30).StoreAsync()).Sign().Random(2, 30).StoreAsync()).Sign().Add(new GatewayStopped("unsigned")).StoreAsync();
        var result = await VerifyAsync();
        Assert.Null(result.Problem);
        Assert.Equal((_world.Head.Position, 2, _world.Head.Position - 1), (result.Events, result.Signed, result.SignedUpTo));
    }

    [Theory]
    [InlineData("UPDATE events SET data=CAST('{}' AS BLOB) WHERE position=7", 7)]
    [InlineData("UPDATE events SET who='somebody' WHERE position=8", 8)]
    [InlineData("UPDATE events SET time=time+1 WHERE position=9", 9)]
    [InlineData("UPDATE events SET time=9223372036854775807 WHERE position=9", 9)]
    [InlineData("UPDATE events SET issuer='x' WHERE position=10", 10)]
    [InlineData("UPDATE events SET cause=3 WHERE position=10", 10)]
    [InlineData("UPDATE events SET command_id='x' WHERE position=10", 10)]
    [InlineData("UPDATE events SET hash=x'' WHERE position=11", 11)]
    [InlineData("DELETE FROM events WHERE position=12", 12)]
    [InlineData("DELETE FROM events WHERE position=1", 1)]
    [InlineData("UPDATE events SET position=1000000 WHERE position=13", 13)]
    [InlineData("UPDATE events SET subject='a', name='b' WHERE position=14", 14)]
    public async Task A_change_is_named_by_its_position(string sql, long position)
    {
        await _world.Random(3, 40).StoreAsync();
        _world.Tamper(sql);
        var result = await VerifyAsync(signed: false);
        Assert.Equal((position, position - 1), (result.FirstBad, result.Events));
        Assert.Contains($"osition {position}", result.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_forged_past_with_a_chain_made_to_fit_is_shown_by_the_signatures_alone()
    {
        await (await _world.Random(4, 20).StoreAsync()).Sign().Random(5, 20).StoreAsync();
        var good = _world.Head.Position;
        _world.Sign();
        await (await _world.Random(6, 20).StoreAsync()).Sign().StoreAsync();
        var middle = HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads[0].Position;
        await _world.ForgeAsync(middle + 2, "{\"reason\":\"forged\"}"u8.ToArray());
        // The anchor could be forged as well, so it is left out.
        var blind = await VerifyAsync(signed: false, anchored: false);
        Assert.Null(blind.Problem);
        var result = await VerifyAsync(anchored: false);
        Assert.Equal((middle + 1, middle), (result.FirstBad, result.SignedUpTo));
        Assert.Contains($"Position {good} holds another event than was signed", result.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_truncated_journal_is_shown_by_the_anchor_and_by_the_signatures()
    {
        await (await _world.Random(7, 30).StoreAsync()).Sign().StoreAsync();
        _world.Tamper("DELETE FROM events WHERE position>20");
        Assert.Equal(21, (await VerifyAsync(signed: false)).FirstBad);
        Assert.Equal(21, (await VerifyAsync(anchored: false)).FirstBad);
        Assert.Null((await VerifyAsync(signed: false, anchored: false)).FirstBad);
    }

    [Fact]
    public async Task A_database_that_was_rolled_back_is_shown_by_heads_that_were_kept_elsewhere()
    {
        await (await _world.Random(8, 30).StoreAsync()).Sign().StoreAsync();
        var old = Path.Combine(_world.Folder, "old");
        Directory.CreateDirectory(old);
        foreach (var file in Directory.GetFiles(_world.Folder, "journal.db*")) File.Copy(file, Path.Combine(old, Path.GetFileName(file)));
        var was = _world.Head.Position;
        await (await _world.Random(9, 30).StoreAsync()).Sign().StoreAsync();
        var kept = HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads;
        // Database, anchor and heads are all put back: among themselves they agree.
        foreach (var file in Directory.GetFiles(old)) File.Copy(file, Path.Combine(_world.Folder, Path.GetFileName(file)), overwrite: true);
        Assert.Null((await VerifyAsync()).Problem);
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var result = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Heads = kept, Key = _world.Key }, default);
        Assert.Equal(was + 1, result.FirstBad);
    }

    [Fact]
    public async Task A_damaged_write_ahead_log_loses_events_and_the_anchor_says_which()
    {
        // A gateway that was killed: its last events are in the log only.
        var journal = new SqliteJournal(_world.Db, "gw");
        var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), EventCatalog.Encode);
        for (var i = 0; i < 200; i++) await sequencer.Append([new GatewayStarted("1", $"b{i}")], new EventContext(Principal.Gateway, JournalWorld.Begin), Durability.Synced).Stored;
        var copy = Path.Combine(_world.Folder, "copy");
        Directory.CreateDirectory(copy);
        foreach (var file in Directory.GetFiles(_world.Folder, "journal.db*").Where(f => !f.EndsWith(".lock", StringComparison.Ordinal) && !f.EndsWith("-shm", StringComparison.Ordinal))) File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        await sequencer.DisposeAsync();
        await journal.DisposeAsync();
        var wal = Path.Combine(copy, "journal.db-wal");
        var bytes = await File.ReadAllBytesAsync(wal);
        bytes[bytes.Length / 2] ^= 0xff;
        await File.WriteAllBytesAsync(wal, bytes);
        var path = Path.Combine(copy, "journal.db");
        await using (var damaged = SqliteJournal.OpenForReading(path))
        {
            var result = await JournalVerifier.VerifyAsync(damaged, HeadAnchor.Read(SqliteJournal.AnchorPath(path)), default);
            Assert.InRange(result.FirstBad!.Value, 2, 199);
            Assert.Contains("position 200 was committed", result.Problem, StringComparison.Ordinal);
        }

        await using var opened = new SqliteJournal(path, "gw");
        Assert.InRange((await Assert.ThrowsAsync<JournalDamagedException>(async () => await opened.OpenAsync(default))).Position, 2, 199);
    }

    [Fact]
    public async Task Heads_of_another_key_prove_nothing_and_changed_ones_are_told()
    {
        await (await _world.Random(10, 10).StoreAsync()).Sign().StoreAsync();
        using var other = HeadKey.Create();
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        var heads = HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads;
        var foreign = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Heads = heads, Key = other, MustBeSigned = true }, default);
        Assert.Equal((1, "No signed head is of this key."), (foreign.ForeignHeads, foreign.Problem));
        var none = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Key = _world.Key, MustBeSigned = true }, default);
        Assert.Contains("no signed head", none.Problem, StringComparison.Ordinal);
        var changed = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Heads = [heads[0] with { Time = heads[0].Time.AddSeconds(1) }], Key = _world.Key }, default);
        Assert.Contains("signature does not hold", changed.Problem, StringComparison.Ordinal);
        var renamed = await JournalVerifier.HoldAsync(journal, new VerifyAgainst { Heads = [heads[0] with { Gateway = "other" }], Key = _world.Key }, default);
        Assert.Contains("signature does not hold", renamed.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_clock_that_was_set_back_is_counted()
    {
        _world.Random(11, 10);
        _world.Clock -= TimeSpan.FromHours(1);
        await _world.Random(12, 10).StoreAsync();
        Assert.Equal(1, (await VerifyAsync(signed: false)).ClockSteps);
    }

    [Fact]
    public async Task The_signer_signs_by_number_of_events_and_at_the_end_and_once_each()
    {
        await using var journal = new SqliteJournal(_world.Db, "gw");
        var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), EventCatalog.Encode);
        var signed = new System.Collections.Concurrent.ConcurrentQueue<SignedHead>();
        var options = new HeadSignerOptions { Gateway = "gw", HeadsPath = HeadFiles.HeadsPath(_world.Db), Events = 10, Interval = TimeSpan.FromHours(1) };
        await using (var signer = new HeadSigner(sequencer, _world.Key, options, Microsoft.Extensions.Logging.Abstractions.NullLogger.Instance))
        {
            signer.Signed += signed.Enqueue;
            sequencer.Subscribe((e, _) => signer.Stored(e.Position));
            for (var i = 0; i < 12; i++) await sequencer.Append([new GatewayStarted("1", "b")], new EventContext(Principal.Gateway, JournalWorld.Begin), Durability.Soon).Stored;
            for (var i = 0; i < 1500 && signed.IsEmpty; i++) await Task.Delay(20);
            Assert.Single(signed);
            await sequencer.Append([new GatewayStopped("x")], new EventContext(Principal.Gateway, JournalWorld.Begin), Durability.Soon).Stored;
            await sequencer.DisposeAsync();
        }

        Assert.Equal(13, signed.Last().Position);
        Assert.All(signed, h => Assert.True(h.IsSignedBy(_world.Key)));
        Assert.Equal(signed, HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads);
    }

    [Fact]
    public void A_torn_line_of_heads_is_ended_and_counted()
    {
        var path = Path.Combine(_world.Folder, "heads");
        var head = SignedHead.Sign("gw", new JournalHead(3, HashChain.Genesis), JournalWorld.Begin, _world.Key);
        HeadFiles.Append(path, head, synced: true);
        File.AppendAllText(path, "{\"gateway\":\"gw\",\"posi");
        HeadFiles.Append(path, head with { Position = 4 }, synced: false);
        var (heads, unreadable) = HeadFiles.Read(path);
        Assert.Equal([3L, 4L], heads.Select(h => h.Position));
        Assert.Equal(1, unreadable);
    }

    [Fact]
    public void The_statement_is_five_lines_that_any_tool_can_make()
    {
        var text = System.Text.Encoding.UTF8.GetString(SignedHead.Statement("gw", new JournalHead(41, HashChain.Genesis), JournalWorld.Begin));
        Assert.Equal($"gateway-head-v1\ngw\n41\n{new string('0', 64)}\n2030-01-01T00:00:00.0000000Z\n", text);
    }

    private async Task<Verification> VerifyAsync(bool signed = true, bool anchored = true)
    {
        await using var journal = SqliteJournal.OpenForReading(_world.Db);
        return await JournalVerifier.HoldAsync(
            journal,
            new VerifyAgainst
            {
                Anchor = anchored ? HeadAnchor.Read(SqliteJournal.AnchorPath(_world.Db)) : null,
                Heads = signed ? HeadFiles.Read(HeadFiles.HeadsPath(_world.Db)).Heads : [],
                Key = signed ? _world.Key : null,
            },
            default);
    }
}
