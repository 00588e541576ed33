using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Xunit;

namespace Gateway.Unit.Control;

/// <summary>The journal's disk fails while commands are in flight: what was not stored did not happen, and what is acknowledged is stored.</summary>
public sealed class JournalFaultTests
{
    [Fact]
    public async Task A_command_that_was_not_stored_is_refused_and_may_be_sent_again()
    {
        var journal = new FailingJournal { Fails = () => true };
        await using var world = await ControlWorld.StartAsync(journal);
        const string Command = """{"id":"1","expected_revision":0,"put":[{"kind":"secret","name":"s","spec":{"type":"ike","secret":"x"}}]}""";
        Assert.Equal("journal-unavailable", Assert.Single((await world.SendAsync(Command)).Errors).Code);
        Assert.Empty(world.Vault.Slots);
        Assert.Equal((0, 0), (world.Handler.Running.Revision, world.Reconciler.Applied.Count));
        journal.Fails = () => false;
        Assert.Equal((OutcomeStatus.Accepted, 1), (await world.SendAsync(Command)) is var o ? (o.Status, o.Revision) : default);
        Assert.Single(world.Vault.Slots);
    }

    [Fact]
    public async Task Decisions_upon_a_command_that_was_not_stored_are_void_too()
    {
        var gate = new TaskCompletionSource();
        var journal = new FailingJournal { Gate = gate.Task, Fails = () => true };
        await using var world = await ControlWorld.StartAsync(journal);
        var first = world.SendAsync("""{"id":"1","put":[{"kind":"interface","name":"wan","spec":{"type":"tap"}}]}""");
        var upon = world.SendAsync("""{"id":"2","expected_revision":1,"put":[{"kind":"route","name":"r","spec":{"to":"10.0.0.0/8","interface":"wan"}}]}""");
        gate.SetResult();
        Assert.Equal("journal-unavailable", Assert.Single((await first).Errors).Code);
        // Whether it was decided before or after the first one failed, it is not accepted.
        Assert.Contains(Assert.Single((await upon).Errors.Select(e => e.Code).Distinct().Take(1)), new[] { "journal-unavailable", "wrong-revision" });
        Assert.DoesNotContain(await world.EventsAsync(), e => e.Event is ItemPut);
    }

    [Fact]
    public async Task A_fact_is_kept_until_the_disk_takes_it()
    {
        var journal = new FailingJournal();
        await using var world = await ControlWorld.StartAsync(journal);
        world.Interfaces.Answers["wan"] = () => new Gateway.Policy.Planning.StepResult.Pending("device wan");
        await world.SendAsync("""{"id":"1","put":[{"kind":"interface","name":"wan","spec":{"type":"tap"}}]}""");
        await ReconcilerTests.UntilAsync(() => world.EventsAsync().Result.Count == 3);
        var failures = 0;
        journal.Fails = () => Interlocked.Increment(ref failures) > 0;
        world.Interfaces.Answers.Clear();
        world.Reconciler.Poke("device wan came up");
        await ReconcilerTests.UntilAsync(() =>
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            return Volatile.Read(ref failures) > 2;
        });
        journal.Fails = () => false;
        await ReconcilerTests.UntilAsync(() =>
        {
            world.Clock.Advance(TimeSpan.FromSeconds(1));
            return world.EventsAsync().Result is [.., { Event: ItemApplied }];
        });
        Assert.Equal(4, (await world.EventsAsync()).Count);
    }

    [Fact]
    public async Task A_disk_that_fails_at_random_loses_and_doubles_nothing()
    {
        var seed = Environment.TickCount & 0xffff;
        var random = new Random(seed);
        var journal = new FailingJournal();
        await using var world = await ControlWorld.StartAsync(journal);
        journal.Fails = () => random.Next(3) == 0;
        var senders = Enumerable.Range(0, 8).Select(sender => Task.Run(async () =>
        {
            var retries = 0;
            for (var i = 0; i < 40; i++)
            {
                while (true)
                {
                    var outcome = await world.SendAsync(
                        $$$"""{"id":"{{{i}}}","put":[{"kind":"policy","name":"p{{{sender}}}-{{{i}}}","spec":{"action":"bypass"}},{"kind":"secret","name":"s{{{sender}}}","spec":{"type":"ike","secret":"{{{sender}}}-{{{i}}}"}}]}""",
                        new Gateway.Policy.Journal.Principal("bus", $"user:{sender}"));
                    if (outcome.Status is OutcomeStatus.Accepted) break;
                    Assert.True(outcome.Errors.Count == 1 && outcome.Errors[0].Code == "journal-unavailable", $"seed {seed}: {outcome}");
                    retries++;
                }
            }

            return retries;
        })).ToList();
        var retried = (await Task.WhenAll(senders)).Sum();
        journal.Fails = () => false;
        Assert.True(retried > 0, $"seed {seed}");
        var puts = (await world.EventsAsync()).Where(e => e.Event is ItemPut { Spec: Gateway.Policy.Items.PolicySpec }).Select(e => e.Envelope.Subject).ToList();
        Assert.True(puts.Count == 320 && puts.Distinct().Count() == 320, $"seed {seed}: {puts.Count}");
        Assert.Equal(320, world.Handler.Running.Revision);
        Assert.Equal(8, world.Vault.Slots.Count);
    }
}
