using Gateway.Host.Appliance;
using Gateway.Host.Control.Senders;
using Gateway.Policy.Commands;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Xunit;

namespace Gateway.Unit.Control.Senders;

public sealed class AuthorizationTests
{
    private static readonly AuthorizationRule _routes = new() { Who = ["bus:user:routes", "http:cn:routes-*"], Items = ["route"], Sa = [SaVerb.Initiate], Limits = new LimitsSection { Items = 2, InFlight = 1 } };

    [Fact]
    public void Without_a_section_everybody_may_do_everything()
    {
        Assert.Equal(Rights.All, RightsOf(Authorization.Open, "bus", "user:any"));
        Assert.Equal(Rights.All, RightsOf(Authorization.Open, "http", "-"));
    }

    [Fact]
    public void The_first_rule_that_names_a_principal_holds_and_whom_none_names_may_do_nothing()
    {
        var authorization = new Authorization(new AuthorizationSection { Rules = [_routes, new AuthorizationRule { Who = ["bus:*"], Modes = [TransactionMode.Plan], Items = ["*"] }] }, new LimitsSection());
        var routes = RightsOf(authorization, "bus", "user:routes");
        Assert.True(routes is { Apply: true, Plan: true, TakeOwnership: false, Read: true, Replay: false, Operate: false });
        Assert.True(routes.MayChange(new ItemKey("route", "any")));
        Assert.False(routes.MayChange(new ItemKey("secret", "any")));
        Assert.Equal([SaVerb.Initiate], routes.Sa);
        Assert.Equal(routes, RightsOf(authorization, "http", "cn:routes-1"));
        Assert.True(RightsOf(authorization, "bus", "user:other") is { Apply: false, Plan: true });
        Assert.Equal(Rights.None, RightsOf(authorization, "http", "cn:other"));
        Assert.Equal(Rights.None, RightsOf(authorization, "http", "-"));
        Assert.Equal(2, authorization.Of(new Principal("bus", "user:routes")).Limits.MaxItems);
    }

    [Fact]
    public void Root_on_the_socket_keeps_its_rights_unless_a_rule_names_it()
    {
        Assert.Equal(Rights.All, RightsOf(new Authorization(new AuthorizationSection(), new LimitsSection()), "http", "uid:0"));
        Assert.False(RightsOf(new Authorization(new AuthorizationSection { Rules = [new AuthorizationRule { Who = ["http:uid:0"] }] }, new LimitsSection()), "http", "uid:0").MayChange(new ItemKey("route", "r")));
        Assert.Equal(Rights.None, RightsOf(new Authorization(new AuthorizationSection(), new LimitsSection()), "bus", "uid:0"));
    }

    [Fact]
    public async Task A_command_is_judged_by_who_proved_to_have_sent_it_whatever_its_issuer_says()
    {
        await using var world = await ControlWorld.StartAsync(authorization: new Authorization(new AuthorizationSection { Rules = [_routes] }, new LimitsSection()));
        var stranger = new Principal("bus", "user:stranger");
        var outcome = await world.SendAsync("""{"id":"1","issuer":"bus:user:routes","put":[{"kind":"interface","name":"lo0","spec":{"type":"loopback"}}]}""", stranger);
        Assert.Equal(["forbidden", "forbidden"], outcome.Errors.Select(e => e.Code));
        Assert.IsType<CommandRejected>(Assert.Single(await world.EventsAsync()).Event);
        Assert.Equal("forbidden", Assert.Single((await world.SendAsync("""{"id":"2","command":"terminate","connection":"none"}""", new Principal("bus", "user:routes"))).Errors).Code);
        Assert.Equal("unknown-reference", Assert.Single((await world.SendAsync("""{"id":"3","command":"initiate","connection":"none"}""", new Principal("bus", "user:routes"))).Errors).Code);
    }

    [Fact]
    public async Task Beyond_its_limits_a_sender_is_told_so_and_leaves_no_trace_and_others_are_served()
    {
        var gate = new TaskCompletionSource();
        var journal = new FailingJournal { Gate = gate.Task };
        await using var world = await ControlWorld.StartAsync(journal, authorization: new Authorization(new AuthorizationSection { Rules = [_routes, new AuthorizationRule { Who = ["*"], Items = ["*"] }] }, new LimitsSection()));
        var routes = new Principal("bus", "user:routes");
        const string Command = """{"id":"1","put":[{"kind":"route","name":"r","spec":{"to":"10.0.0.0/8","interface":"lo0"}}]}""";
        var other = world.SendAsync("""{"id":"1","put":[{"kind":"interface","name":"lo0","spec":{"type":"loopback"}}]}""", new Principal("bus", "user:other"));
        var first = world.SendAsync(Command, routes);
        var second = await world.SendAsync(Command.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), routes);
        Assert.Equal(("2", "over-limit"), (second.Id, Assert.Single(second.Errors).Code));
        gate.SetResult();
        Assert.Equal(OutcomeStatus.Accepted, (await first).Status);
        Assert.Equal(OutcomeStatus.Accepted, (await other).Status);
        Assert.Equal(1, world.Handler.Counters.OverLimit);
        // It may be sent again as it is.
        Assert.Equal(OutcomeStatus.Accepted, (await world.SendAsync(Command.Replace("\"1\"", "\"2\"", StringComparison.Ordinal), routes)).Status);
        var many = await world.SendAsync("""{"id":"3","delete":[{"kind":"route","name":"a"},{"kind":"route","name":"b"},{"kind":"route","name":"c"}]}""", routes);
        Assert.Equal("too-many", Assert.Single(many.Errors).Code);
    }

    [Fact]
    public async Task The_owner_of_an_item_is_known_again_after_a_restart()
    {
        var (journal, vault) = (new Gateway.Host.Journal.MemoryJournal(), new MemoryVault());
        await using (var world = await ControlWorld.StartAsync(journal, vault)) await world.SendAsync("""{"id":"1","put":[{"kind":"interface","name":"lo0","spec":{"type":"loopback"}}]}""");
        await using var again = await ControlWorld.StartAsync(journal, vault);
        var error = Assert.Single((await again.SendAsync("""{"id":"2","delete":[{"kind":"interface","name":"lo0"}]}""", new Principal("http", "uid:0"))).Errors);
        Assert.Equal("not-owner", error.Code);
        Assert.Contains(ControlWorld.Onap.ToString(), error.Message);
    }

    private static Rights RightsOf(Authorization authorization, string door, string name) => authorization.Of(new Principal(door, name)).Speaker.Rights;
}
