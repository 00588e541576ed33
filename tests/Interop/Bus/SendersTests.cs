using System.Text;
using System.Text.Json;
using Gateway.Host.Appliance;
using Gateway.Policy.Commands;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using Xunit;

namespace Gateway.Interop.Bus;

/// <summary>Several senders on one real broker: each does what it may, owns what it made, and is who the broker says.</summary>
public sealed class SendersTests(SharedBroker shared) : IClassFixture<SharedBroker>
{
    private static readonly AuthorizationSection _authorization = new()
    {
        Rules =
        [
            new AuthorizationRule { Who = ["bus:user:one"], Items = ["interface", "route/one-*"], Sa = [SaVerb.Initiate] },
            new AuthorizationRule { Who = ["bus:user:two"], Items = ["*"], TakeOwnership = true, Limits = new LimitsSection { Rate = 1, Burst = 3, Bytes = 2048 } },
            new AuthorizationRule { Who = ["bus:user:planner"], Items = ["*"], Modes = [TransactionMode.Plan] },
        ],
    };

    [Fact]
    public async Task Each_sender_does_what_it_may_and_no_more()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, authorization: _authorization);
        await gateway.ConnectedAsync();
        await using var one = await ConnectAsync("one");
        await using var planner = await ConnectAsync("planner");
        Assert.Equal("accepted", await StatusAsync(one, gateway, Lo("a", 1)));
        Assert.Equal("forbidden", await StatusAsync(one, gateway, """{"id":"b","put":[{"kind":"secret","name":"s","spec":{"type":"ike","secret":"x"}}]}"""));
        Assert.Equal("forbidden", await StatusAsync(one, gateway, """{"id":"c","command":"terminate","connection":"x"}"""));
        Assert.Equal("unknown-reference", await StatusAsync(one, gateway, """{"id":"d","command":"initiate","connection":"x"}"""));
        Assert.Equal("forbidden", await StatusAsync(planner, gateway, Lo("a", 2)));
        Assert.Equal("planned", await StatusAsync(planner, gateway, """{"id":"b","mode":"plan","put":[{"kind":"interface","name":"lo7","spec":{"type":"loopback"}}]}"""));
        // Who does not show who it is, is nobody, whatever it says of itself.
        Assert.Equal("forbidden", Code(await one.AskAsync(gateway.Id, Lo("e", 3).Replace("{\"id\"", "{\"issuer\":\"bus:user:one\",\"id\"", StringComparison.Ordinal))));
        Assert.Equal(1, gateway.Handler.Running.Revision);
    }

    [Fact]
    public async Task The_broker_does_not_let_a_sender_be_somebody_else()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, authorization: _authorization);
        await gateway.ConnectedAsync();
        await using var one = await ConnectAsync("one");
        await Assert.ThrowsAnyAsync<Exception>(() => one.SendAsync(gateway.Id, Encoding.UTF8.GetBytes(Lo("a", 1)), p => p.UserId = "two"));
        Assert.Equal(0, gateway.Handler.Running.Revision);
        Assert.Equal(0, gateway.Bus.Counters.Taken);
    }

    [Fact]
    public async Task What_one_put_another_changes_only_by_taking_it_over()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, authorization: _authorization);
        await gateway.ConnectedAsync();
        await using var one = await ConnectAsync("one");
        await using var two = await ConnectAsync("two");
        Assert.Equal("accepted", await StatusAsync(one, gateway, Lo("a", 1)));
        var refused = await AskAsync(two, gateway, Lo("a", 2));
        Assert.Equal("not-owner", Code(refused));
        Assert.Contains("bus:user:one", refused.GetProperty("errors")[0].GetProperty("message").GetString());
        Assert.Equal("accepted", await StatusAsync(two, gateway, Lo("b", 2).Replace("{\"id\"", "{\"take_ownership\":true,\"id\"", StringComparison.Ordinal)));
        Assert.Equal("not-owner", await StatusAsync(one, gateway, Lo("c", 3)));
        Assert.Equal("forbidden", await StatusAsync(one, gateway, Lo("d", 3).Replace("{\"id\"", "{\"take_ownership\":true,\"id\"", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Two_managers_that_race_for_the_same_revision_never_both_win()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri);
        await gateway.ConnectedAsync();
        await using var one = await ConnectAsync("one");
        await using var two = await ConnectAsync("two");
        for (var revision = 0; revision < 40; revision++)
        {
            var both = await Task.WhenAll(AskAsync(one, gateway, Lo($"{revision}", revision, "one", revision)), AskAsync(two, gateway, Lo($"{revision}", revision, "two", revision)));
            Assert.Equal(["accepted", "rejected"], both.Select(b => b.GetProperty("status").GetString()).Order());
            Assert.Equal("wrong-revision", Code(both.Single(b => b.GetProperty("status").GetString() == "rejected")));
        }

        Assert.Equal(40, gateway.Handler.Running.Revision);
    }

    [Fact]
    public async Task Who_sends_too_fast_or_too_much_is_told_so_and_others_are_served()
    {
        await using var gateway = await BusWorld.StartAsync(shared.Broker.Uri, authorization: _authorization);
        await gateway.ConnectedAsync();
        await using var one = await ConnectAsync("one");
        await using var two = await ConnectAsync("two");
        var flood = await Task.WhenAll(Enumerable.Range(0, 200).Select(i => AskAsync(two, gateway, $$"""{"id":"{{i}}","delete":[{"kind":"route","name":"none"}]}""")));
        Assert.True(flood.Count(o => Code(o) == "over-limit") > 150);
        Assert.Equal("accepted", await StatusAsync(one, gateway, Lo("a", 1)));
        // The size counts also for one that may send.
        var big = await AskAsync(two, gateway, $$$"""{"id":"big","reason":"{{{new string('x', 1000)}}}","put":[{"kind":"route","name":"{{{new string('y', 2000)}}}","spec":{}}]}""");
        Assert.Equal("too-large", Code(big));
        // What was over the limit left no trace: the same id is decided later.
        var again = flood.Select((o, i) => (o, i)).First(x => Code(x.o) == "over-limit").i;
        Assert.True(await BusWorld.Eventually(() => Code(AskAsync(two, gateway, $$"""{"id":"{{again}}","delete":[{"kind":"route","name":"none"}]}""").Result) == "not-found"));
    }

    private async Task<Orchestrator> ConnectAsync(string user)
    {
        try
        {
            await shared.Broker.CtlAsync("add_user", user, "secret");
            await shared.Broker.CtlAsync("set_permissions", user, ".*", ".*", ".*");
        }
        catch (InvalidOperationException e) when (e.Message.Contains("already exists", StringComparison.Ordinal))
        {
            // An earlier test added it.
        }

        return await Orchestrator.ConnectAsync(new UriBuilder(shared.Broker.Uri) { UserName = user, Password = "secret" }.Uri, user);
    }

    private static Task<JsonElement> AskAsync(Orchestrator sender, BusWorld gateway, string json) => sender.AskAsync(gateway.Id, json, p => p.UserId = sender.User);

    private static async Task<string?> StatusAsync(Orchestrator sender, BusWorld gateway, string json)
    {
        var outcome = await AskAsync(sender, gateway, json);
        return outcome.GetProperty("status").GetString() is var status and not "rejected" ? status : Code(outcome);
    }

    private static string? Code(JsonElement outcome) => outcome.TryGetProperty("errors", out var errors) ? errors[0].GetProperty("code").GetString() : null;

    private static string Lo(string id, int n, string name = "lo0", int? expected = null) =>
        $$$"""{"id":"{{{id}}}",{{{(expected is null ? "" : $"\"expected_revision\":{expected},")}}}"put":[{"kind":"interface","name":"{{{name}}}","spec":{"type":"loopback","addresses":["10.{{{(name == "two" ? 2 : 1)}}}.0.{{{n + 1}}}/32"]}}]}""";
}
