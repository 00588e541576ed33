using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Unit.Control;

/// <summary>Undo, restore and plans upon the past, through the one door.</summary>
public sealed class PastCommandTests
{
    [Fact]
    public async Task Undo_brings_back_what_the_revision_changed_and_nothing_else()
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}},{"kind":"policy","name":"b","spec":{"action":"bypass"}}]}""");
        await Ok(world, """{"id":"2","put":[{"kind":"policy","name":"a","spec":{"action":"discard","priority":2}},{"kind":"policy","name":"c","spec":{"action":"bypass"}}],"delete":[{"kind":"policy","name":"b"}]}""");
        await Ok(world, """{"id":"3","put":[{"kind":"policy","name":"d","spec":{"action":"bypass"}}]}""");
        var undone = await Ok(world, """{"id":"4","command":"undo","revision":2,"issuer":"night shift"}""");
        Assert.Equal(4, undone.Revision);
        Assert.Equal("a=Bypass/1 b=Bypass/0 d=Bypass/0", Text(world.Handler.Running));
        var events = await world.EventsAsync();
        var committed = Assert.IsType<TransactionCommitted>(events.Last(e => e.Event is TransactionCommitted).Event);
        Assert.Equal(("undo of revision 2", 3), (committed.Reason, committed.Changes));
        Assert.Equal(("4", "night shift"), (events[^1].Envelope.CommandId, events[^1].Envelope.Issuer));
        // And the undo is itself undone.
        await Ok(world, """{"id":"5","command":"undo","revision":4,"reason":"it was right"}""");
        Assert.Equal("a=Discard/2 c=Bypass/0 d=Bypass/0", Text(world.Handler.Running));
        // The same again is a duplicate, not another undo.
        var again = await world.SendAsync("""{"id":"4","command":"undo","revision":2,"issuer":"night shift"}""");
        Assert.Equal((OutcomeStatus.Duplicate, 4L), (again.Status, again.Revision));
    }

    [Fact]
    public async Task What_was_changed_again_since_is_a_conflict_unless_it_is_forced()
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}}]}""");
        await Ok(world, """{"id":"2","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":2}}]}""");
        await Ok(world, """{"id":"3","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":3}}]}""");
        var refused = await world.SendAsync("""{"id":"4","command":"undo","revision":2}""");
        var error = Assert.Single(refused.Errors);
        Assert.Equal((OutcomeStatus.Rejected, ErrorCode.Conflict, "policy/a"), (refused.Status, error.Code, error.Item));
        Assert.Equal("a=Bypass/3", Text(world.Handler.Running));
        await Ok(world, """{"id":"5","command":"undo","revision":2,"force":true}""");
        Assert.Equal("a=Bypass/1", Text(world.Handler.Running));
    }

    [Fact]
    public async Task Restore_goes_back_to_a_moment_and_a_plan_of_it_changes_nothing()
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}}]}""");
        await Ok(world, """{"id":"2","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":2}},{"kind":"policy","name":"b","spec":{"action":"bypass"}}]}""");
        await Ok(world, """{"id":"3","put":[{"kind":"policy","name":"c","spec":{"action":"bypass"}}]}""");
        var planned = await world.SendAsync("""{"id":"4","command":"restore","at":"1","mode":"plan"}""");
        Assert.Equal(OutcomeStatus.Planned, planned.Status);
        Assert.Equal(["delete policy/c", "delete policy/b", "update policy/a"], planned.Steps);
        Assert.Equal("a=Bypass/2 b=Bypass/0 c=Bypass/0", Text(world.Handler.Running));
        await Ok(world, """{"id":"5","command":"restore","at":"@2","expected_revision":3}""");
        Assert.Equal(("a=Bypass/1", 4L), (Text(world.Handler.Running), world.Handler.Running.Revision));
        Assert.Equal(ErrorCode.WrongRevision, (await world.SendAsync("""{"id":"6","command":"restore","at":"3","expected_revision":3}""")).Errors[0].Code);
    }

    [Theory]
    [InlineData("""{"id":"9","command":"undo","revision":7}""", ErrorCode.NotFound, "$.revision")]
    [InlineData("""{"id":"9","command":"undo"}""", ErrorCode.MissingField, "$.revision")]
    [InlineData("""{"id":"9","command":"undo","revision":0}""", ErrorCode.OutOfRange, "$.revision")]
    [InlineData("""{"id":"9","command":"undo","revision":1,"at":"1"}""", ErrorCode.NotApplicable, "$.at")]
    [InlineData("""{"id":"9","command":"restore"}""", ErrorCode.MissingField, "$.at")]
    [InlineData("""{"id":"9","command":"restore","at":"yesterday"}""", ErrorCode.InvalidValue, "$.at")]
    [InlineData("""{"id":"9","command":"restore","at":"@999"}""", ErrorCode.NotFound, "$.at")]
    [InlineData("""{"id":"9","command":"restore","at":"1","force":true}""", ErrorCode.NotApplicable, "$.force")]
    [InlineData("""{"id":"9","command":"restore","at":"1","put":[]}""", ErrorCode.UnknownField, "$.put")]
    [InlineData("""{"id":"9","at":"1","put":[]}""", ErrorCode.NotApplicable, "$.at")]
    [InlineData("""{"id":"9","at":"@99","mode":"plan","put":[]}""", ErrorCode.NotFound, "$.at")]
    public async Task What_cannot_be_gone_back_to_is_refused_with_a_reason(string command, string code, string path)
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}}]}""");
        var refused = await world.SendAsync(command);
        Assert.Equal(OutcomeStatus.Rejected, refused.Status);
        Assert.Contains(refused.Errors, e => e.Code == code && e.Path == path);
        Assert.Equal(1, world.Handler.Running.Revision);
    }

    [Fact]
    public async Task An_undo_to_a_shredded_secret_leaves_the_item_pending()
    {
        await using var world = await ControlWorld.StartAsync(realSecrets: true);
        await Ok(world, """{"id":"1","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["a"],"secret":"first value"}}]}""");
        await Ok(world, """{"id":"2","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["a"],"secret":"second value"}}]}""");
        var planned = await world.SendAsync("""{"id":"3","command":"undo","revision":2,"mode":"plan"}""");
        Assert.Equal(new ItemOutcome("secret/s", ItemState.Pending, "secret needed"), Assert.Single(planned.Items));
        Assert.Single(world.Vault.Slots);
        var undone = await Ok(world, """{"id":"4","command":"undo","revision":2}""");
        Assert.Equal(new ItemOutcome("secret/s", ItemState.Pending, "secret needed"), Assert.Single(undone.Items));
        Assert.Empty(world.Vault.Slots);
        // Its value makes it whole.
        var given = await Ok(world, """{"id":"5","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["a"],"secret":"first value"}}]}""");
        Assert.Equal(new ItemOutcome("secret/s", ItemState.Applied), Assert.Single(given.Items));
        Assert.DoesNotContain("first value", await world.StoredTextAsync(), StringComparison.Ordinal);
        // What kept its slot needs nothing.
        await Ok(world, """{"id":"6","put":[{"kind":"secret","name":"s","spec":{"type":"ike","ids":["b"]}}]}""");
        Assert.Equal(ItemState.Applied, Assert.Single((await Ok(world, """{"id":"7","command":"undo","revision":5}""")).Items).State);
    }

    [Fact]
    public async Task A_plan_can_be_made_upon_the_past()
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}}]}""");
        await Ok(world, """{"id":"2","delete":[{"kind":"policy","name":"a"}]}""");
        var now = await world.SendAsync("""{"id":"3","mode":"plan","delete":[{"kind":"policy","name":"a"}]}""");
        Assert.Equal(ErrorCode.NotFound, Assert.Single(now.Errors).Code);
        var then = await world.SendAsync("""{"id":"4","mode":"plan","at":"1","delete":[{"kind":"policy","name":"a"}],"put":[{"kind":"policy","name":"b","spec":{"action":"bypass"}}]}""");
        Assert.Equal((OutcomeStatus.Planned, 2L), (then.Status, then.Revision));
        Assert.Equal(["delete policy/a", "create policy/b"], then.Steps);
        Assert.Equal(2, world.Handler.Running.Revision);
    }

    [Fact]
    public async Task What_belongs_to_others_is_not_undone_unknowingly()
    {
        await using var world = await ControlWorld.StartAsync();
        await Ok(world, """{"id":"1","put":[{"kind":"policy","name":"a","spec":{"action":"bypass","priority":1}}]}""");
        var other = new Gateway.Policy.Journal.Principal("bus", "user:other");
        var refused = await world.SendAsync("""{"id":"1","command":"undo","revision":1}""", other);
        Assert.Equal(ErrorCode.NotOwner, Assert.Single(refused.Errors).Code);
        Assert.Equal(OutcomeStatus.Accepted, (await world.SendAsync("""{"id":"2","command":"undo","revision":1,"take_ownership":true}""", other)).Status);
    }

    private static async Task<Outcome> Ok(ControlWorld world, string json)
    {
        var outcome = await world.SendAsync(json);
        Assert.True(outcome.Status == OutcomeStatus.Accepted, outcome.Errors.ToString());
        return outcome;
    }

    private static string Text(RunningConfiguration c) => string.Join(' ', c.Ordered().Select(i => $"{i.Key.Name}={((PolicySpec)i.Spec).Action}/{((PolicySpec)i.Spec).Priority}"));
}
