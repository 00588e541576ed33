using Gateway.Host.Journal;
using Gateway.Host.Journal.EventStore;
using Gateway.Policy.Events;
using Gateway.Policy.Journal;
using Gateway.Unit.Journal.EventStore.Endpoint;
using Xunit;

namespace Gateway.Unit.Journal.EventStore;

/// <summary>What goes wrong between the gateway and the store: nothing that was answered is lost, nothing is stored twice, nothing that may be stored is called undone.</summary>
public sealed class EventStoreFaultTests
{
    private static readonly EventContext _context = new(Principal.Gateway, DateTimeOffset.UnixEpoch);

    public static TheoryData<string> EveryFault => [.. Enum.GetNames<Fault>().Where(f => f is not ("None" or "Late"))];

    [Theory]
    [MemberData(nameof(EveryFault))]
    public async Task An_append_that_fails_in_passing_is_stored_once(string name)
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var journal = lab.Journal();
        var head = await journal.OpenAsync(default);
        await journal.AppendAsync(JournalContract.Batch(head, 2), default);
        var times = 0;
        foreach (var node in lab.Nodes) node.Faults = method => method == "Append" && Interlocked.Increment(ref times) == 1 ? Enum.Parse<Fault>(name) : Fault.None;
        var batch = JournalContract.Batch(await JournalContract.HeadAsync(journal), 5);
        await journal.AppendAsync(batch, default);
        Assert.True(times > 1);
        Assert.Equal(7, lab.State.Stream("gateway-test")!.Length);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).FirstBad);
    }

    [Theory]
    [MemberData(nameof(EveryFault))]
    public async Task A_read_that_fails_in_passing_goes_on_where_it_was(string name)
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using (var journal = lab.Journal()) await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 500), default);
        var times = 0;
        foreach (var node in lab.Nodes) node.Faults = method => method == "Read" && Interlocked.Increment(ref times) == 2 ? Enum.Parse<Fault>(name) : Fault.None;
        await using var reader = new EventStoreJournal(lab.Options() with { StatePath = null });
        Assert.Equal(500, (await JournalContract.AllAsync(reader)).Count);
    }

    [Fact]
    public async Task The_new_leader_is_found_when_the_old_one_dies_in_the_midst_of_it()
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        await using var journal = lab.Journal();
        await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
        var stored = new List<Task>();
        for (var i = 0; i < 90; i++)
        {
            if (i == 30) lab.Elect(1);
            if (i == 60)
            {
                lab.Elect(2);
                await lab.Nodes[1].StopAsync();
            }

            stored.Add(sequencer.Append([new GatewayStarted("v", $"{i}")], _context, Durability.Synced).Stored);
            if (i % 10 == 0) await stored[^1];
        }

        await Task.WhenAll(stored);
        Assert.Equal(90, lab.State.Stream("gateway-test")!.Length);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).FirstBad);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public async Task Under_random_faults_what_was_accepted_is_stored_once_and_in_order_and_nothing_else(int seed)
    {
        await using var lab = await StoreLab.StartAsync(nodes: 3);
        var options = lab.Options() with { Uri = lab.Options().Uri with { Deadline = TimeSpan.FromMilliseconds(400) } };
        var random = new Random(seed);
        var kinds = Enum.GetValues<Fault>().Where(f => f is not (Fault.None or Fault.Late)).ToArray();
        var spoilt = 0;
        foreach (var node in lab.Nodes)
        {
            node.Faults = _ =>
            {
                lock (random)
                {
                    if (Volatile.Read(ref spoilt) == 0 || random.Next(100) >= 40) return Fault.None;
                    return kinds[random.Next(kinds.Length)];
                }
            };
        }

        var accepted = new List<string>();
        await using (var journal = new EventStoreJournal(options))
        {
            await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
            Volatile.Write(ref spoilt, 1);
            for (var i = 0; i < 120; i++)
            {
                bool synced;
                lock (random) synced = random.Next(3) == 0;
                if (i % 40 == 39) lab.Elect(i / 40 % 3);
                try
                {
                    await sequencer.Append([new GatewayStarted("v", $"{i}a"), new GatewayStarted("v", $"{i}b")], _context, synced ? Durability.Synced : Durability.Soon).Stored;
                    accepted.AddRange([$"\"{i}a\"", $"\"{i}b\""]);
                }
                catch (JournalUnavailableException)
                {
                    // Refused for sure: it must never turn up.
                }
            }

            Volatile.Write(ref spoilt, 0);
        }

        await using var again = new EventStoreJournal(options);
        await again.OpenAsync(default);
        await Eventually(() => lab.State.Stream("gateway-test")?.Length == accepted.Count);
        var stored = lab.State.Stream("gateway-test")!.Select(e => System.Text.Encoding.UTF8.GetString(e.Data)).ToList();
        Assert.True(accepted.SequenceEqual(stored), $"seed {seed}: accepted {string.Join(' ', accepted)}\nstored {string.Join(' ', stored)}");
        Assert.Null((await JournalVerifier.VerifyAsync(again, null, default)).FirstBad);
    }

    [Fact]
    public async Task While_the_store_is_away_commands_are_refused_at_once_and_facts_wait()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var journal = lab.Journal();
        await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
        await Command();
        Assert.Equal(JournalHealth.Ok, journal.Health);
        await lab.Leader.StopAsync();
        // The loss is found without any command.
        await Eventually(() => !journal.Health.TakesCommands);
        Assert.NotNull(sequencer.Refusal);
        for (var i = 0; i < 50; i++) await Fact();
        await Assert.ThrowsAsync<JournalUnavailableException>(Command);
        await Fact();
        Assert.Contains("51 events wait", journal.Health.Sentence, StringComparison.Ordinal);
        // They can be read, though the store has them not yet.
        Assert.Equal(51, (await JournalContract.AllAsync(journal, 2)).Count);
        await lab.Leader.StartAsync();
        await Eventually(() => journal.Health == JournalHealth.Ok);
        await Command();
        Assert.Equal(53, lab.State.Stream("gateway-test")!.Length);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, HeadAnchor.Read(SqliteJournal.AnchorPath(lab.StatePath)), default)).Problem);

        Task Command() => sequencer.Append([new GatewayStarted("v", "c")], _context, Durability.Synced).Stored;
        Task Fact() => sequencer.Append([new GatewayStarted("v", "f")], _context, Durability.Soon).Stored;
    }

    [Fact]
    public async Task Facts_in_the_spool_survive_the_process_and_arrive_after_the_next_start()
    {
        await using var lab = await StoreLab.StartAsync();
        var copy = Path.Combine(lab.Folder, "after-the-crash");
        await using (var journal = lab.Journal())
        {
            await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
            await sequencer.Append([new GatewayStarted("v", "before")], _context, Durability.Synced).Stored;
            lab.Leader.Faults = method => method == "Append" ? Fault.BreakBefore : Fault.None;
            for (var i = 0; i < 20; i++) await sequencer.Append([new GatewayStarted("v", $"{i}")], _context, Durability.Soon).Stored;
            // What kill -9 would leave.
            Directory.CreateDirectory(copy);
            foreach (var file in Directory.GetFiles(lab.Folder)) System.Diagnostics.Process.Start("/bin/cp", [file, copy]).WaitForExit();
            Assert.Single(lab.State.Stream("gateway-test")!);
        }

        lab.Leader.Faults = _ => Fault.None;
        await using var again = new EventStoreJournal(lab.Options() with { StatePath = Path.Combine(copy, "journal.db") });
        Assert.Equal(21, (await again.OpenAsync(default)).Position);
        await Eventually(() => lab.State.Stream("gateway-test")!.Length == 21);
        Assert.Null((await JournalVerifier.VerifyAsync(again, null, default)).FirstBad);
        await again.DisposeAsync();
        // The other copy of the same spool has nothing to add, and finds its events there.
        await using var first = lab.Journal();
        Assert.Equal(21, (await first.OpenAsync(default)).Position);
        Assert.Equal(21, lab.State.Stream("gateway-test")!.Length);
    }

    [Fact]
    public async Task An_append_without_any_answer_is_not_called_undone()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var journal = lab.Journal();
        await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
        lab.Leader.Faults = method => method == "Append" ? Fault.HangAfter : Fault.None;
        await sequencer.Append([new GatewayStarted("v", "c")], _context, Durability.Synced).Stored;
        Assert.False(journal.Health.TakesCommands);
        lab.Leader.Faults = _ => Fault.None;
        await Eventually(() => journal.Health == JournalHealth.Ok);
        await sequencer.Append([new GatewayStarted("v", "d")], _context, Durability.Synced).Stored;
        Assert.Equal(2, lab.State.Stream("gateway-test")!.Length);
        Assert.True(lab.State.Repetitions > 0);
    }

    [Fact]
    public async Task An_append_that_was_long_on_its_way_does_not_double_what_was_sent_again()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var journal = lab.Journal();
        var head = await journal.OpenAsync(default);
        var times = 0;
        lab.Leader.Faults = method => method == "Append" && Interlocked.Increment(ref times) == 1 ? Fault.Late : Fault.None;
        await journal.AppendAsync(JournalContract.Batch(head, 3), default);
        await journal.AppendAsync(JournalContract.Batch(await JournalContract.HeadAsync(journal), 2), default);
        Assert.True(lab.Leader.Held.TryDequeue(out var late));
        late();
        Assert.Equal(5, lab.State.Stream("gateway-test")!.Length);
        await journal.AppendAsync(JournalContract.Batch(await JournalContract.HeadAsync(journal), 1), default);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).FirstBad);
    }

    [Fact]
    public async Task A_refused_command_leaves_the_place_free_for_the_next_one()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var journal = lab.Journal();
        await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
        await lab.Leader.StopAsync();
        // What goes over a connection that is just ending has no clear answer; the journal finds out by itself that it has ended.
        await Eventually(() => !journal.Health.TakesCommands);
        await Assert.ThrowsAsync<JournalUnavailableException>(() => sequencer.Append([new GatewayStarted("v", "lost")], _context, Durability.Synced).Stored);
        await sequencer.Append([new GatewayStarted("v", "fact")], _context, Durability.Soon).Stored;
        await lab.Leader.StartAsync();
        await Eventually(() => lab.State.Stream("gateway-test")?.Length == 1);
        Assert.Equal("\"fact\"", System.Text.Encoding.UTF8.GetString(lab.State.Stream("gateway-test")![0].Data));
    }

    [Fact]
    public async Task A_full_spool_refuses_facts_and_takes_them_again_later()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var journal = lab.Journal(o => o with { SpoolEvents = 10 });
        await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
        await lab.Leader.StopAsync();
        Exception? refused = null;
        for (var i = 0; i < 20 && refused is null; i++) refused = await Record.ExceptionAsync(() => sequencer.Append([new GatewayStarted("v", "f")], _context, Durability.Soon).Stored);
        Assert.Contains("spool is full", Assert.IsType<JournalUnavailableException>(refused).Message, StringComparison.Ordinal);
        await lab.Leader.StartAsync();
        await Eventually(() => lab.State.Stream("gateway-test")?.Length == sequencer.Stored.Position);
        await sequencer.Append([new GatewayStarted("v", "f")], _context, Durability.Soon).Stored;
        await Eventually(() => lab.State.Stream("gateway-test")!.Length == sequencer.Head.Position);
        Assert.Null((await JournalVerifier.VerifyAsync(journal, null, default)).FirstBad);
    }

    [Fact]
    public async Task A_smaller_limit_of_the_store_is_learnt_and_kept_to()
    {
        await using var lab = await StoreLab.StartAsync();
        lab.Leader.MaxAppendSize = 64 * 1024;
        await using var journal = lab.Journal();
        await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 400, size: 1000), default);
        Assert.Equal(400, lab.State.Stream("gateway-test")!.Length);
        Assert.True(lab.State.Appends >= 7);
    }

    [Fact]
    public async Task An_event_that_no_append_can_hold_is_refused_with_the_limit_and_the_next_one_is_taken()
    {
        await using var lab = await StoreLab.StartAsync();
        lab.Leader.MaxAppendSize = 64 * 1024;
        await using var journal = lab.Journal();
        var head = await journal.OpenAsync(default);
        var e = await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.AppendAsync(JournalContract.Batch(head, 1, size: 100_000), default));
        Assert.Contains("65536", e.Message, StringComparison.Ordinal);
        Assert.True(journal.Health.TakesCommands);
        await journal.AppendAsync(JournalContract.Batch(head, 1), default);
        Assert.Single(lab.State.Stream("gateway-test")!);
    }

    [Fact]
    public async Task A_transaction_in_several_appends_is_finished_after_a_crash_between_them()
    {
        await using var lab = await StoreLab.StartAsync();
        var copy = Path.Combine(lab.Folder, "after-the-crash");
        var big = JournalContract.Batch(JournalHead.Empty, 2500, size: 1000);
        await using (var journal = lab.Journal())
        {
            await journal.OpenAsync(default);
            var times = 0;
            lab.Leader.Faults = method => method == "Append" && Interlocked.Increment(ref times) > 2 ? Fault.BreakBefore : Fault.None;
            // Part of it is in the store, the rest is in the synced spool: it will be whole, so it is stored.
            await journal.AppendAsync(big, default);
            Assert.InRange(lab.State.Stream("gateway-test")!.Length, 1, 2499);
            Directory.CreateDirectory(copy);
            foreach (var file in Directory.GetFiles(lab.Folder)) System.Diagnostics.Process.Start("/bin/cp", [file, copy]).WaitForExit();
        }

        lab.Leader.Faults = _ => Fault.None;
        await using var again = new EventStoreJournal(lab.Options() with { StatePath = Path.Combine(copy, "journal.db") });
        Assert.Equal(2500, (await again.OpenAsync(default)).Position);
        await Eventually(() => lab.State.Stream("gateway-test")!.Length == 2500);
        Assert.Equal(big.Envelopes, await JournalContract.AllAsync(again));
    }

    [Fact]
    public async Task A_second_writer_is_found_by_its_first_event()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var first = lab.Journal();
        await using var second = new EventStoreJournal(lab.Options() with { StatePath = Path.Combine(lab.Folder, "other", "journal.db") });
        var head = await first.OpenAsync(default);
        await second.OpenAsync(default);
        var ended = new TaskCompletionSource<Exception>();
        first.Ended += e => ended.TrySetResult(e);
        await second.AppendAsync(JournalContract.Batch(head, 1), default);
        // Also while it has nothing to write.
        Assert.IsType<JournalConflictException>(await ended.Task.WaitAsync(TimeSpan.FromSeconds(60)));
        var e = await Assert.ThrowsAsync<JournalConflictException>(async () => await first.AppendAsync(JournalContract.Batch(head, 1, size: 11), default));
        Assert.Contains("Somebody else", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Two_processes_cannot_share_the_local_files()
    {
        await using var lab = await StoreLab.StartAsync();
        await using var first = lab.Journal();
        await first.OpenAsync(default);
        await using var second = lab.Journal();
        Assert.Contains("in use", (await Assert.ThrowsAsync<JournalUnavailableException>(async () => await second.OpenAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Facts_that_somebody_elses_events_stand_in_the_way_of_stop_the_start()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var journal = lab.Journal())
        {
            await using var sequencer = new JournalSequencer(journal, await journal.OpenAsync(default), JournalContract.Encode);
            await lab.Leader.StopAsync();
            await sequencer.Append([new GatewayStarted("v", "mine")], _context, Durability.Soon).Stored;
        }

        await lab.Leader.StartAsync();
        await using (var other = new EventStoreJournal(lab.Options() with { StatePath = null })) await other.AppendAsync(JournalContract.Batch(await other.OpenAsync(default), 1), default);
        await using var again = lab.Journal();
        var e = await Assert.ThrowsAsync<JournalConflictException>(async () => await again.OpenAsync(default));
        Assert.Contains("spool", e.Message, StringComparison.Ordinal);
        Assert.Single(lab.State.Stream("gateway-test")!);
    }

    [Fact]
    public async Task A_store_that_lost_its_end_stops_the_gateway_and_the_next_start()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var journal = lab.Journal())
        {
            var head = await journal.OpenAsync(default);
            await journal.AppendAsync(JournalContract.Batch(head, 20), default);
            lab.State.Truncate("gateway-test", 12);
            var ended = new TaskCompletionSource<Exception>();
            journal.Ended += e => ended.TrySetResult(e);
            Assert.Equal(13, Assert.IsType<JournalDamagedException>(await ended.Task.WaitAsync(TimeSpan.FromSeconds(60))).Position);
        }

        await using var again = lab.Journal();
        Assert.Equal(13, (await Assert.ThrowsAsync<JournalDamagedException>(async () => await again.OpenAsync(default))).Position);
    }

    [Fact]
    public async Task A_changed_event_in_the_store_is_named_by_verify()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var journal = lab.Journal()) await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 20), default);
        lab.State.Change("gateway-test", 6, e => e with { Data = "\"forged\""u8.ToArray() });
        await using var reader = new EventStoreJournal(lab.Options() with { StatePath = null });
        Assert.Equal(7, (await JournalVerifier.VerifyAsync(reader, null, default)).FirstBad);
        lab.State.Change("gateway-test", 3, e => e with { Metadata = "{}"u8.ToArray() });
        var found = await JournalVerifier.VerifyAsync(reader, null, default);
        Assert.Equal(4, found.FirstBad);
        Assert.Contains("not an event of a journal", found.Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_that_forgets_its_beginning_is_refused_with_the_likely_cause()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var journal = lab.Journal()) await journal.AppendAsync(JournalContract.Batch(await journal.OpenAsync(default), 20), default);
        lab.State.Forget("gateway-test", 5);
        await using var again = lab.Journal();
        var e = await Assert.ThrowsAsync<JournalDamagedException>(async () => await again.OpenAsync(default));
        Assert.Equal(1, e.Position);
        Assert.Contains("$maxCount", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_stream_of_something_else_is_refused()
    {
        await using var lab = await StoreLab.StartAsync();
        lab.State.Append("gateway-test", -2, [new KeptEvent("", 0, 0, Guid.NewGuid().ToString(), "order-placed", "application/json", [], "{}"u8.ToArray(), default)]);
        await using var journal = lab.Journal();
        Assert.Contains("not an event of a journal", (await Assert.ThrowsAsync<JournalDamagedException>(async () => await journal.OpenAsync(default))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_anchor_of_a_journal_in_a_file_keeps_a_forgotten_copy_from_being_taken_for_an_empty_stream()
    {
        await using var lab = await StoreLab.StartAsync();
        await using (var sqlite = new SqliteJournal(lab.StatePath)) await sqlite.AppendAsync(JournalContract.Batch(await sqlite.OpenAsync(default), 9), default);
        await using var journal = lab.Journal();
        var e = await Assert.ThrowsAsync<JournalDamagedException>(async () => await journal.OpenAsync(default));
        Assert.Equal(1, e.Position);
        Assert.Contains("position 9 was committed", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_deleted_stream_is_refused()
    {
        await using var lab = await StoreLab.StartAsync();
        lab.State.Tombstone("gateway-test");
        await using var journal = lab.Journal();
        Assert.Contains("deleted", (await Assert.ThrowsAsync<JournalUnavailableException>(async () => await journal.OpenAsync(default))).Message, StringComparison.Ordinal);
    }

    internal static async Task Eventually(Func<bool> done)
    {
        var watch = System.Diagnostics.Stopwatch.StartNew();
        while (!done())
        {
            Assert.True(watch.Elapsed < TimeSpan.FromSeconds(60), "It did not happen.");
            await Task.Delay(20);
        }
    }
}
