using Gateway.Policy.Commands;
using Gateway.Policy.Deciders;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Gateway.Policy.Journal;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Deciders;

/// <summary>Several managers of one gateway: none changes unknowingly what another has put, and each keeps to what it may.</summary>
public sealed class OwnershipTests
{
    private static readonly Principal _one = new("bus", "user:one");
    private static readonly Principal _two = new("bus", "user:two");
    private static readonly string _lo0 = Item("interface", "lo0", """{"type":"loopback","addresses":["192.0.2.1/32"]}""");
    private static readonly string _lo0Other = Item("interface", "lo0", """{"type":"loopback","addresses":["192.0.2.2/32"]}""");
    private static readonly string _lo1 = Item("interface", "lo1", """{"type":"loopback","addresses":["192.0.2.3/32"]}""");
    private static readonly string _onLo0 = Item("route", "r", """{"to":"10.0.0.0/8","interface":"lo0"}""");
    private static readonly string _secret = Item("secret", "s", """{"type":"ike","secret":"one"}""");
    private static readonly ItemKey _key = new("interface", "lo0");

    [Fact]
    public void The_first_to_put_an_item_owns_it_and_another_is_refused_with_the_owners_name()
    {
        var world = With(_lo0);
        world.Speaker = new Speaker(_two, Rights.All);
        foreach (var command in new[] { Put(_lo0Other), """{"id":"2","delete":[{"kind":"interface","name":"lo0"}]}""" })
        {
            var error = Assert.Single(world.Errors(command));
            Assert.Equal(("not-owner", "interface/lo0"), (error.Code, error.Item));
            Assert.Contains("bus:user:one", error.Message);
        }

        world.Speaker = new Speaker(_one, Rights.All);
        world.Accept(Put(_lo0Other));
        Assert.Equal(_one, world.State[_key].Owner);
    }

    [Fact]
    public void Also_what_is_the_same_already_is_refused_so_that_nobody_can_try_out_anothers_secret()
    {
        var world = With(_secret, _lo0);
        world.Speaker = new Speaker(_two, Rights.All);
        foreach (var item in new[] { _lo0, _secret, _secret.Replace("\"one\"", "\"two\"", StringComparison.Ordinal) }) Assert.Equal("not-owner", Assert.Single(world.Errors(Put(item))).Code);
    }

    [Fact]
    public void Who_says_so_takes_an_item_over_and_the_commit_tells_how_many()
    {
        var world = With(_lo0, _lo1);
        world.Speaker = new Speaker(_two, Rights.All);
        var taken = world.Accept(Taking(_lo0Other));
        Assert.Equal(new TransactionCommitted(2, 1, null, 1), taken.Events[^1]);
        Assert.Equal((_two, _one), (world.State[_key].Owner, world.State[new("interface", "lo1")].Owner));
        // To take over what stays as it is is a change as well: its event is what says whose it is.
        Assert.Equal(new TransactionCommitted(3, 1, null, 1), world.Accept(Taking(_lo1)).Events[^1]);
        Assert.Equal(_two, world.State[new("interface", "lo1")].Owner);
        Assert.Equal(new TransactionCommitted(4, 0, null), world.Accept(Taking(_lo1)).Events[^1]);
        world.Speaker = new Speaker(_one, Rights.All);
        Assert.Equal("not-owner", Assert.Single(world.Errors(Put(_lo0))).Code);
    }

    [Fact]
    public void What_the_box_came_with_and_what_nobody_proved_to_have_put_belongs_to_nobody()
    {
        foreach (var nobody in new[] { new Principal("config", "appliance.json"), new Principal("bus", "-") })
        {
            var world = new PolicyWorld { Speaker = new Speaker(nobody, Rights.All) };
            world.Accept(Put(_lo0));
            Assert.Null(world.State[_key].Owner);
            world.Speaker = new Speaker(_two, Rights.All);
            Assert.Equal(0, ((TransactionCommitted)world.Accept(Put(_lo0)).Events[^1]).Changes);
            Assert.Null(world.State[_key].Owner);
            Assert.Equal(new TransactionCommitted(3, 1, null), world.Accept(Put(_lo0Other)).Events[^1]);
            Assert.Equal(_two, world.State[_key].Owner);
            world.Speaker = new Speaker(nobody, Rights.All);
            Assert.Equal("not-owner", Assert.Single(world.Errors(Put(_lo0))).Code);
        }
    }

    [Fact]
    public void An_item_that_was_deleted_belongs_to_whoever_puts_it_next()
    {
        var world = With(_lo0);
        world.Accept("""{"id":"2","delete":[{"kind":"interface","name":"lo0"}]}""");
        world.Speaker = new Speaker(_two, Rights.All);
        world.Accept(Put(_lo0));
        Assert.Equal(_two, world.State[_key].Owner);
    }

    [Fact]
    public void Replace_is_about_the_senders_own_share_and_tells_what_it_left_alone()
    {
        var world = With(_lo0);
        world.Speaker = new Speaker(_two, Rights.All);
        world.Accept(Put(_lo1));
        var replaced = world.Accept("""{"id":"3","replace":true,"put":[]}""");
        Assert.Equal([_key], replaced.Kept);
        Assert.Equal([_key], world.State.Keys);
        // With authority over everything, everything.
        var all = world.Accept("""{"id":"4","replace":true,"take_ownership":true}""");
        Assert.Equal((0, 0), (world.State.Count, all.Kept.Count));
        Assert.Equal(new TransactionCommitted(4, 1, null, 1), all.Events[^1]);
    }

    [Fact]
    public void Replace_does_not_take_away_what_anothers_items_refer_to()
    {
        var world = With(_lo0);
        world.Speaker = new Speaker(_two, Rights.All);
        world.Accept(Put(_onLo0));
        world.Speaker = new Speaker(_one, Rights.All);
        var error = Assert.Single(world.Errors("""{"id":"3","replace":true}"""));
        Assert.Equal(("referenced", "interface/lo0", "$.replace"), (error.Code, error.Item, error.Path));
    }

    [Fact]
    public void Whom_the_rules_do_not_let_is_refused_item_by_item_and_learns_nothing_else()
    {
        var world = With(_lo0, _secret);
        world.Speaker = new Speaker(_two, Rights.All with { Items = [new ItemPattern("route", "site-*")] });
        // The spec is wrong and the item another's, but neither is looked at.
        var error = Assert.Single(world.Errors(Put(Item("interface", "lo0", """{"type":"loopback","device":"eth0"}"""))));
        Assert.Equal(("forbidden", "$.put[0]"), (error.Code, error.Path));
        Assert.Equal(["forbidden", "forbidden"], world.Errors("""{"id":"2","delete":[{"kind":"secret","name":"s"},{"kind":"secret","name":"none"}]}""").Select(e => e.Code));
        world.Accept(Put(Item("route", "site-1", """{"to":"10.0.0.0/8","interface":"lo0"}""")));
        Assert.Equal("forbidden", Assert.Single(world.Errors(Put(Item("route", "other", """{"to":"10.0.0.0/9","interface":"lo0"}""")))).Code);
    }

    [Theory]
    [InlineData("apply", "$.mode")]
    [InlineData("plan", "$.mode")]
    [InlineData("take", "$.take_ownership")]
    public void Each_right_stands_by_itself(string missing, string path)
    {
        var world = With(_lo0);
        var rights = missing switch { "apply" => Rights.All with { Apply = false }, "plan" => Rights.All with { Plan = false }, _ => Rights.All with { TakeOwnership = false } };
        world.Speaker = new Speaker(_one, rights);
        var (apply, plan, take) = (Put(_lo1), Put(_lo1).Replace("{\"id\"", "{\"mode\":\"plan\",\"id\"", StringComparison.Ordinal), Taking(_lo1));
        var wrong = missing switch { "apply" => apply, "plan" => plan, _ => take };
        Assert.Equal(("forbidden", path), Assert.Single(world.Errors(wrong)) is var e ? (e.Code, e.Path) : default);
        Assert.Empty(world.Errors(missing == "plan" ? apply : plan));
    }

    [Fact]
    public void Who_may_take_over_some_items_only_cannot_replace_everything()
    {
        var world = With(_lo0);
        world.Speaker = new Speaker(_two, Rights.All with { Items = [new ItemPattern("route", "*")] });
        Assert.Equal("forbidden", Assert.Single(world.Errors("""{"id":"3","replace":true,"take_ownership":true}""")).Code);
        Assert.Equal([_key], world.Accept("""{"id":"4","replace":true}""").Kept);
    }

    [Theory]
    [InlineData("*", "", true)]
    [InlineData("a*c", "abc", true)]
    [InlineData("a*c", "ac", true)]
    [InlineData("a*c", "acb", false)]
    [InlineData("*b*", "abc", true)]
    [InlineData("a*b*c", "aXbXbYc", true)]
    [InlineData("ab", "a", false)]
    [InlineData("", "a", false)]
    [InlineData("**", "abc", true)]
    public void A_star_stands_for_any_text(string pattern, string text, bool matches) => Assert.Equal(matches, Wildcard.Matches(pattern, text));

    [Theory]
    [InlineData("*", "*")]
    [InlineData("route", "route/*")]
    [InlineData("connection/branch-*", "connection/branch-*")]
    [InlineData("rout", null)]
    [InlineData("route/", null)]
    [InlineData("", null)]
    public void A_pattern_names_kinds_that_there_are(string text, string? read) => Assert.Equal(read, ItemPattern.TryParse(text, out var pattern) ? pattern.ToString() : null);

    private static string Taking(params string[] items) => Put(items).Replace("{\"id\"", "{\"take_ownership\":true,\"id\"", StringComparison.Ordinal);
}
