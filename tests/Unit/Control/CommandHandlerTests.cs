using Gateway.Host.Control;
using Gateway.Policy;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Gateway.Policy.Planning;
using Gateway.Projections;
using Xunit;

namespace Gateway.Unit.Control;

public sealed class CommandHandlerTests
{
    private const string Loopback = """{"id":"1","reason":"first light","issuer":"onap","put":[{"kind":"interface","name":"lo","spec":{"type":"loopback","addresses":["10.0.0.1/32"]}}]}""";
    private const string WithSecret = """{"id":"s1","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["a"],"secret":"cAnArY-one"}}]}""";

    [Fact]
    public async Task A_command_is_accepted_journalled_and_applied()
    {
        await using var world = await ControlWorld.StartAsync();
        var outcome = await world.SendAsync(Loopback);
        Assert.Equal(
            new Outcome { Id = "1", Status = OutcomeStatus.Accepted, Revision = 1, Position = 2, Items = [new ItemOutcome("interface/lo", ItemState.Applied)] },
            outcome);
        var events = await world.EventsAsync();
        Assert.Equal(["config.interface-put.v1", "config.transaction-committed.v1"], events.Select(e => e.Envelope.Name));
        Assert.All(events, e => Assert.Equal(("1", ControlWorld.Onap, "onap"), (e.Envelope.CommandId, e.Envelope.Principal, e.Envelope.Issuer)));
        Assert.Equal(["create interface/lo"], world.Calls);
        Assert.Equal(1, world.Handler.Running.Revision);
    }

    [Fact]
    public async Task The_same_command_again_gets_the_first_outcome_and_happens_once()
    {
        await using var world = await ControlWorld.StartAsync();
        var first = await world.SendAsync(Loopback);
        var again = await world.SendAsync(Loopback);
        Assert.Equal(first with { Status = OutcomeStatus.Duplicate, First = OutcomeStatus.Accepted }, again);
        // Written anew by another library, it is the same command.
        var rewritten = await world.SendAsync("""{ "put":[{"spec":{"addresses":["10.0.0.1/32"],"type":"loopback"},"name":"lo","kind":"interface"}], "issuer":"onap", "reason":"first light", "id":"1" }""");
        Assert.Equal(OutcomeStatus.Duplicate, rewritten.Status);
        Assert.Equal(2, (await world.EventsAsync()).Count);
    }

    [Fact]
    public async Task A_command_that_is_sent_again_while_it_is_in_flight_happens_once()
    {
        await using var world = await ControlWorld.StartAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 50).Select(_ => world.SendAsync(Loopback)));
        Assert.Single(outcomes, o => o.Status == OutcomeStatus.Accepted);
        Assert.Equal(49, outcomes.Count(o => o is { Status: OutcomeStatus.Duplicate, First: OutcomeStatus.Accepted, Revision: 1 }));
        Assert.Equal(2, (await world.EventsAsync()).Count);
    }

    [Fact]
    public async Task A_command_is_known_again_after_a_restart()
    {
        var journal = new Gateway.Host.Journal.MemoryJournal();
        var vault = new MemoryVault();
        Outcome first, rejected;
        await using (var before = await ControlWorld.StartAsync(journal, vault))
        {
            first = await before.SendAsync(Loopback);
            rejected = await before.SendAsync("""{"id":"2","delete":[{"kind":"route","name":"none"}]}""");
        }

        await using var after = await ControlWorld.StartAsync(journal, vault);
        Assert.Equal(first with { Status = OutcomeStatus.Duplicate, First = OutcomeStatus.Accepted }, await after.SendAsync(Loopback));
        Assert.Equal(rejected with { Status = OutcomeStatus.Duplicate, First = OutcomeStatus.Rejected }, await after.SendAsync("""{"id":"2","delete":[{"kind":"route","name":"none"}]}"""));
        Assert.Equal("id-reused", Assert.Single((await after.SendAsync("""{"id":"1"}""")).Errors).Code);
        Assert.Equal(1, after.Handler.Running.Revision);
    }

    [Fact]
    public async Task An_id_with_another_body_is_refused_but_each_principal_has_its_own_ids()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.SendAsync(Loopback);
        var error = Assert.Single((await world.SendAsync(Loopback.Replace("10.0.0.1", "10.0.0.2", StringComparison.Ordinal))).Errors);
        Assert.Equal(("id-reused", "$.id"), (error.Code, error.Path));
        var other = await world.SendAsync(Loopback, new Principal("http", "uid:0"));
        // It is decided as a command of its own.
        Assert.Equal("not-owner", Assert.Single(other.Errors).Code);
    }

    [Fact]
    public async Task A_rejection_is_journalled_without_values()
    {
        await using var world = await ControlWorld.StartAsync();
        var outcome = await world.SendAsync("""{"id":"7","put":[{"kind":"route","name":"r","spec":{"to":"cAnArY","cAnArY":1,"via":"10.0.0.9"}},{"kind":"cAnArY !","name":"x","spec":{}}]}""");
        Assert.Equal(["invalid-value", "unknown-field", "unknown-kind"], outcome.Errors.Select(e => e.Code));
        var rejected = Assert.IsType<CommandRejected>(Assert.Single(await world.EventsAsync()).Event);
        Assert.Equal(["route/r"], rejected.Items);
        Assert.Equal(["$.put[0].spec.to", "$.put[0].spec", "$.put[1].kind"], rejected.Errors.Select(e => e.Path));
        Assert.DoesNotContain("cAnArY", System.Text.Encoding.UTF8.GetString((await world.EventsAsync())[0].Envelope.Data.Span), StringComparison.Ordinal);
        Assert.Equal(0, world.Handler.Running.Revision);
    }

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("{}")]
    [InlineData("""{"id":7}""")]
    public async Task What_is_no_command_is_only_counted(string message)
    {
        await using var world = await ControlWorld.StartAsync();
        var outcome = await world.SendAsync(message);
        Assert.Equal(("", OutcomeStatus.Rejected), (outcome.Id, outcome.Status));
        Assert.NotEmpty(outcome.Errors);
        Assert.Equal(1, world.Handler.Counters.Undecodable);
        Assert.Empty(await world.EventsAsync());
        Assert.Equal(OutcomeStatus.Accepted, (await world.SendAsync(Loopback)).Status);
    }

    [Fact]
    public async Task A_sender_of_rubbish_cannot_fill_the_journal()
    {
        await using var world = await ControlWorld.StartAsync();
        for (var i = 0; i < 200; i++) Assert.Equal(OutcomeStatus.Rejected, (await world.SendAsync($$$"""{"id":"bad{{{i}}}","put":[{"kind":"x","name":"x","spec":{}}]}""")).Status);
        Assert.Equal(RejectionBudget.Burst, (await world.EventsAsync()).Count);
        Assert.Equal(150, world.Handler.Counters.RejectedUnjournalled);
        // Another principal has its own budget, and time refills.
        await world.SendAsync("""{"id":"a","delete":[{"kind":"route","name":"x"}]}""", new Principal("http", "uid:7"));
        world.Clock.Advance(TimeSpan.FromSeconds(1));
        await world.SendAsync("""{"id":"b","delete":[{"kind":"route","name":"x"}]}""");
        var events = await world.EventsAsync();
        Assert.Equal(RejectionBudget.Burst + 2, events.Count);
        Assert.Equal(150, Assert.IsType<CommandRejected>(events[^1].Event).Suppressed);
    }

    [Fact]
    public async Task A_plan_shows_the_steps_and_changes_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.SendAsync(Loopback);
        var outcome = await world.SendAsync("""
            {"id":"p","mode":"plan","put":[{"kind":"route","name":"r","spec":{"to":"10.9.0.0/16","interface":"wan"}},{"kind":"interface","name":"wan","spec":{"type":"tap"}},
            {"kind":"secret","name":"s","spec":{"type":"ike","secret":"x"}}],"delete":[{"kind":"interface","name":"lo"}]}
            """);
        Assert.Equal((OutcomeStatus.Planned, 2), (outcome.Status, outcome.Revision));
        Assert.Equal(["delete interface/lo", "create interface/wan", "create route/r", "create secret/s"], outcome.Steps);
        Assert.Equal(2, (await world.EventsAsync()).Count);
        Assert.Empty(world.Vault.Slots);
        Assert.Equal(1, world.Handler.Running.Revision);
        Assert.Equal("unknown-kind", Assert.Single((await world.SendAsync("""{"id":"p","mode":"plan","put":[{"kind":"x","name":"x","spec":{}}]}""")).Errors).Code);
    }

    [Fact]
    public async Task An_item_that_has_to_wait_is_told_and_followed_by_a_fact()
    {
        await using var world = await ControlWorld.StartAsync();
        world.Interfaces.Answers["lo"] = () => new StepResult.Pending("device lo");
        var outcome = await world.SendAsync(Loopback);
        Assert.Equal([new ItemOutcome("interface/lo", ItemState.Pending, "device lo")], outcome.Items);
        Assert.Equal(outcome.Items, (await world.SendAsync(Loopback)).Items);
        Assert.Equal([new ItemOutcome("interface/lo", ItemState.Unchanged, "device lo")], (await world.SendAsync(Loopback.Replace("\"1\"", "\"2\"", StringComparison.Ordinal))).Items);
        world.Interfaces.Answers.Clear();
        world.Reconciler.Poke("device lo came up");
        await ReconcilerTests.UntilAsync(() => world.EventsAsync().Result.Any(e => e.Event is ItemApplied));
        Assert.Equal(
            ["ItemApplied", "ItemPending", "ItemPut", "TransactionCommitted", "TransactionCommitted"],
            (await world.EventsAsync()).Select(e => e.Event.GetType().Name).Order());
    }

    [Fact]
    public async Task A_secret_goes_to_the_vault_and_nowhere_else()
    {
        await using var world = await ControlWorld.StartAsync();
        var outcome = await world.SendAsync(WithSecret);
        Assert.Equal(OutcomeStatus.Accepted, outcome.Status);
        Assert.Equal("cAnArY-one"u8.ToArray(), Assert.Single(world.Vault.Slots).Value);
        var duplicate = await world.SendAsync(WithSecret);
        var wrong = await world.SendAsync(WithSecret.Replace("\"a\"", "\"cAnArY-one\",7", StringComparison.Ordinal).Replace("s1", "s2", StringComparison.Ordinal));
        Assert.Equal((OutcomeStatus.Duplicate, OutcomeStatus.Rejected), (duplicate.Status, wrong.Status));
        Assert.DoesNotContain("cAnArY", $"{outcome}{duplicate}{wrong}{await world.StoredTextAsync()}{world.Handler.Running[new("secret", "s")]}", StringComparison.Ordinal);
        Assert.Single(world.Vault.Slots);
    }

    [Fact]
    public async Task The_digest_of_a_command_is_not_a_plain_hash_of_its_secret()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.SendAsync(WithSecret);
        var recorded = await world.Journal.FindCommandAsync(new CommandKey(ControlWorld.Onap, "s1"), CancellationToken.None);
        var canonical = CanonicalJson.Write(System.Text.Json.JsonElement.Parse(WithSecret));
        Assert.NotEqual(new Octets(System.Security.Cryptography.SHA256.HashData(canonical)), recorded!.BodyHash);
        // It covers the secret all the same.
        Assert.Equal("id-reused", Assert.Single((await world.SendAsync(WithSecret.Replace("-one", "-two", StringComparison.Ordinal))).Errors).Code);
    }

    [Fact]
    public async Task Slots_are_left_behind_by_no_rejected_duplicate_replaced_or_deleted_secret()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.SendAsync("""{"id":"0","put":[{"kind":"secret","name":"s","spec":{"type":"ike","secret":"x"}},{"kind":"route","name":"r","spec":{}}]}""");
        Assert.Empty(world.Vault.Slots);
        await world.SendAsync(WithSecret);
        await world.SendAsync(WithSecret);
        var first = Assert.Single(world.Vault.Slots).Key;
        // The same value, then none: the slot stays. Another value: a new slot.
        await world.SendAsync(WithSecret.Replace("s1", "s2", StringComparison.Ordinal));
        await world.SendAsync("""{"id":"s3","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["b"]}}]}""");
        Assert.Equal(first, Assert.Single(world.Vault.Slots).Key);
        await world.SendAsync(WithSecret.Replace("s1", "s4", StringComparison.Ordinal).Replace("-one", "-two", StringComparison.Ordinal));
        Assert.NotEqual(first, Assert.Single(world.Vault.Slots).Key);
        await world.SendAsync("""{"id":"s5","delete":[{"kind":"secret","name":"s"}]}""");
        Assert.Empty(world.Vault.Slots);
    }

    [Fact]
    public async Task A_full_vault_refuses_the_command_and_leaves_the_gateway_as_it_was()
    {
        await using var world = await ControlWorld.StartAsync();
        world.Vault.IsFull = true;
        Assert.Equal("unavailable", Assert.Single((await world.SendAsync(WithSecret)).Errors).Code);
        Assert.Empty(await world.EventsAsync());
        world.Vault.IsFull = false;
        Assert.Equal((OutcomeStatus.Accepted, 1), ((await world.SendAsync(WithSecret)) is var o ? (o.Status, o.Revision) : default));
    }

    [Fact]
    public async Task An_SA_command_is_journalled_and_handed_over()
    {
        await using var world = await ControlWorld.StartAsync();
        await world.SendAsync("""{"id":"1","put":[{"kind":"connection","name":"branch","spec":{"remote_addrs":["203.0.113.2"],"local":[{}],"remote":[{}],"children":{"net":{}}}}]}""");
        var outcome = await world.SendAsync("""{"id":"2","command":"initiate","connection":"branch","child":"net","reason":"maintenance is over"}""");
        Assert.Equal((OutcomeStatus.Accepted, 3), (outcome.Status, outcome.Position));
        Assert.Equal(new SaRequest(SaVerb.Initiate, new("branch"), new("net"), "2", 3), Assert.Single(world.SaRequests));
        Assert.Equal(new SaCommandAccepted("initiate", "branch", "net", "maintenance is over"), (await world.EventsAsync())[2].Event);
        Assert.Equal(OutcomeStatus.Duplicate, (await world.SendAsync("""{"id":"2","command":"initiate","connection":"branch","child":"net","reason":"maintenance is over"}""")).Status);
        Assert.Single(world.SaRequests);
        Assert.Equal("$.connection", Assert.Single((await world.SendAsync("""{"id":"3","command":"rekey","connection":"none"}""")).Errors).Path);
        Assert.Equal("$.child", Assert.Single((await world.SendAsync("""{"id":"4","command":"terminate","connection":"branch","child":"none"}""")).Errors).Path);
    }

    [Fact]
    public async Task A_command_to_end_flows_is_journalled_with_who_and_why_and_carried_out_once()
    {
        await using var world = await ControlWorld.StartAsync();
        const string command = """{"id":"1","command":"clear-sessions","address":"10.1.0.2","vrf":"default","reason":"renumbered"}""";
        var outcome = await world.SendAsync(command);
        Assert.Equal((OutcomeStatus.Accepted, 1), (outcome.Status, outcome.Position));
        Assert.Equal((System.Net.IPAddress.Parse("10.1.0.2"), null, "default"), Assert.Single(world.Cleared));
        var stored = Assert.Single(await world.EventsAsync());
        Assert.Equal((new SessionsCleared(System.Net.IPAddress.Parse("10.1.0.2"), null, "default", "renumbered"), ControlWorld.Onap), (stored.Event, stored.Envelope.Principal));
        Assert.Equal(OutcomeStatus.Duplicate, (await world.SendAsync(command)).Status);
        Assert.Single(world.Cleared);
        Assert.Equal(("$.rule", "unknown-reference"), ((await world.SendAsync("""{"id":"2","command":"clear-sessions","rule":"none"}""")).Errors[0] is var e ? (e.Path, e.Code) : default));
        Assert.Equal("$.vrf", (await world.SendAsync("""{"id":"3","command":"clear-sessions","vrf":"none"}""")).Errors[0].Path);
        Assert.Equal(("$.all", "missing-field"), ((await world.SendAsync("""{"id":"4","command":"clear-sessions"}""")).Errors[0] is var m ? (m.Path, m.Code) : default));
        Assert.Equal("$.all", (await world.SendAsync("""{"id":"5","command":"clear-sessions","all":true,"vrf":"default"}""")).Errors[0].Path);
        Assert.Equal("$.address", (await world.SendAsync("""{"id":"6","command":"clear-sessions","address":"10.1.0"}""")).Errors[0].Path);
        Assert.Single(world.Cleared);
    }

    [Fact]
    public async Task A_storm_of_commands_is_decided_in_the_order_of_arrival()
    {
        await using var world = await ControlWorld.StartAsync();
        var sent = new List<Task<Outcome>>();
        for (var i = 0; i < 1000; i++)
            sent.Add(world.SendAsync($$$"""{"id":"c{{{i}}}","expected_revision":{{{i}}},"put":[{"kind":"policy","name":"p","spec":{"action":"bypass","priority":{{{i + 1}}}}}]}"""));
        var outcomes = await Task.WhenAll(sent);
        Assert.All(outcomes, o => Assert.True(o.Status == OutcomeStatus.Accepted, o.Errors.ToString()));
        Assert.Equal(Enumerable.Range(1, 1000).Select(r => (long?)r), outcomes.Select(o => o.Revision));
        Assert.Equal(Enumerable.Range(0, 1000).SelectMany(i => new[] { $"c{i}", $"c{i}" }), (await world.EventsAsync()).Select(e => e.Envelope.CommandId));
        var running = (await RunningConfigurationProjection.AtAsync(world.Journal.EventsAsync(1, CancellationToken.None), null, CancellationToken.None))!;
        Assert.Equal((1000, world.Handler.Running.Revision), (running.Configuration.Revision, running.Configuration.Revision));
    }

    [Fact]
    public async Task Many_senders_at_once_each_get_their_own_outcome_once()
    {
        await using var world = await ControlWorld.StartAsync();
        var outcomes = await Task.WhenAll(Enumerable.Range(0, 20).Select(sender => Task.Run(async () =>
        {
            var mine = new List<Outcome>();
            for (var i = 0; i < 50; i++)
                mine.Add(await world.SendAsync($$$"""{"id":"{{{i}}}","put":[{"kind":"policy","name":"p{{{sender}}}","spec":{"action":"bypass","priority":{{{i + 1}}}}}]}""", new Principal("bus", $"user:{sender}")));
            return mine;
        })));
        Assert.Equal(Enumerable.Range(1, 1000).Select(r => (long?)r), outcomes.SelectMany(o => o).Select(o => o.Revision).Order());
        Assert.All(outcomes, mine => Assert.Equal(mine.Select(o => o.Revision).Order(), mine.Select(o => o.Revision)));
        Assert.Equal(20, world.Handler.Running.Count);
    }
}
