using Gateway.Policy.Deciders;
using Gateway.Policy.Events;
using Gateway.Policy.Items;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Deciders;

public sealed class TransactionDeciderTests
{
    private static readonly string _wan = Item("interface", "wan", """{"type":"af-packet","addresses":["198.51.100.1/24"]}""");
    private static readonly string _lan = Item("interface", "lan", """{"type":"af-packet","addresses":["10.1.0.1/24"]}""");
    private static readonly string _onLan = Item("route", "r", """{"to":"10.9.0.0/16","interface":"lan"}""");
    private static readonly string _secret = Item("secret", "s", """{"type":"ike","secret":"one"}""");

    [Fact]
    public void A_transaction_becomes_its_changes_and_a_commit()
    {
        var accepted = With(_wan).Accept($$"""{"id":"2","reason":"growth","put":[{{_onLan}},{{_lan}}]}""");
        Assert.Equal(["ItemPut", "ItemPut", "TransactionCommitted"], accepted.Events.Select(e => e.GetType().Name));
        // Kinds in their order, whatever the sender's was.
        Assert.Equal(["interface/lan", "route/r", "configuration"], accepted.Events.Select(e => e.Subject));
        Assert.Equal(new TransactionCommitted(2, 2, "growth"), accepted.Events[^1]);
        Assert.Equal((2, 3), (accepted.Next.Revision, accepted.Next.Count));
    }

    [Fact]
    public void A_put_of_what_is_there_already_is_unchanged_and_makes_no_event()
    {
        var accepted = With(_wan, _lan).Accept(Put(_lan, _onLan));
        Assert.Equal([new ItemKey("interface", "lan")], accepted.Unchanged);
        Assert.Equal(["route/r", "configuration"], accepted.Events.Select(e => e.Subject));
        var empty = With(_wan).Accept(Put(_wan));
        Assert.Equal([new TransactionCommitted(2, 0, null)], empty.Events);
    }

    [Fact]
    public void Replace_deletes_what_is_not_put()
    {
        var accepted = With(_wan, _lan, _onLan).Accept($$"""{"id":"2","replace":true,"put":[{{_wan}}]}""");
        Assert.Equal([new ItemDeleted(new("interface", "lan")), new ItemDeleted(new("route", "r"))], accepted.Events.Take(2));
        Assert.Equal([new ItemKey("interface", "wan")], accepted.Next.Keys);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(0, false)]
    [InlineData(2, false)]
    public void The_expected_revision_must_be_the_running_one(long expected, bool fits)
    {
        var errors = With(_wan).Errors($$"""{"id":"2","expected_revision":{{expected}},"put":[{{_lan}}]}""");
        Assert.Equal(fits ? [] : ["wrong-revision"], errors.Select(e => e.Code));
    }

    [Fact]
    public void An_item_that_others_refer_to_goes_only_with_them()
    {
        const string Alone = """{"id":"2","delete":[{"kind":"interface","name":"lan"}]}""";
        var error = Assert.Single(With(_lan, _onLan).Errors(Alone));
        Assert.Equal(("referenced", "$.delete[0]", "interface/lan"), (error.Code, error.Path, error.Item));
        Assert.Contains("route/r", error.Message, StringComparison.Ordinal);
        With(_lan, _onLan).Accept("""{"id":"2","delete":[{"kind":"interface","name":"lan"},{"kind":"route","name":"r"}]}""");
        With(_lan, _wan, _onLan).Accept("""{"id":"2","delete":[{"kind":"interface","name":"lan"}],"put":[{"kind":"route","name":"r","spec":{"to":"10.9.0.0/16","interface":"wan"}}]}""");
    }

    [Fact]
    public void A_delete_of_nothing_is_refused()
    {
        var error = Assert.Single(With(_wan).Errors("""{"id":"2","delete":[{"kind":"route","name":"none"}]}"""));
        Assert.Equal(("not-found", "$.delete[0]"), (error.Code, error.Path));
    }

    [Theory]
    [InlineData("""{"id":"2","delete":[{"kind":"gizmo","name":"x"}]}""", "unknown-kind", "$.delete[0].kind")]
    [InlineData("""{"id":"2","delete":[{"kind":"interface","name":"wan"},{"kind":"interface","name":"wan"}]}""", "duplicate-item", "$.delete[1].name")]
    [InlineData("""{"id":"2","put":[{"kind":"policy","name":"p","spec":{"action":"bypass"}},{"kind":"policy","name":"p","spec":{"action":"bypass"}}]}""", "duplicate-item", "$.put[1].name")]
    [InlineData("""{"id":"2","put":[{"kind":"interface","name":"wan","spec":{"type":"tap"}}],"delete":[{"kind":"interface","name":"wan"}]}""", "duplicate-item", "$.delete[0].name")]
    public void An_item_stands_once_in_a_transaction(string json, string code, string path)
    {
        var error = Assert.Single(With(_wan).Errors(json));
        Assert.Equal((code, path), (error.Code, error.Path));
    }

    [Fact]
    public void Two_items_cannot_hold_the_same_value_but_one_may_take_it_over()
    {
        var a = Item("route", "a", """{"to":"10.0.0.0/8","blackhole":true}""");
        var b = Item("route", "b", """{"to":"10.0.0.0/8","blackhole":true}""");
        Assert.Equal("conflict", Assert.Single(With(a).Errors(Put(b))).Code);
        Assert.Equal("conflict", Assert.Single(With().Errors(Put(a, b))).Code);
        Assert.Equal("conflict", Assert.Single(With(a).Errors(Put(a, b))).Code);
        With(a).Accept($$"""{"id":"2","put":[{{b}}],"delete":[{"kind":"route","name":"a"}]}""");
        var swapped = With(a, Item("route", "b", """{"to":"11.0.0.0/8","blackhole":true}""")).Accept(Put(
            Item("route", "a", """{"to":"11.0.0.0/8","blackhole":true}"""), b));
        Assert.Equal(2, swapped.Changed.Count);
        // The index followed: each value is held by its new holder.
        Assert.Equal("route/b", swapped.Next.HolderOf(new("route to", "10.0.0.0/8"))?.ToString());
    }

    [Fact]
    public void Subnets_of_different_interfaces_are_apart()
    {
        var overlapping = Item("interface", "x", """{"type":"tap","addresses":["10.2.0.1/24","10.1.0.129/25"]}""");
        var error = Assert.Single(With(_lan).Errors(Put(overlapping)));
        Assert.Equal(("conflict", "$.put[0].spec.addresses[1]"), (error.Code, error.Path));
        // The other way round the item in the transaction is blamed all the same.
        error = Assert.Single(With(overlapping).Errors(Put(_lan)));
        Assert.Equal(("conflict", "$.put[0].spec.addresses[0]"), (error.Code, error.Path));
    }

    [Fact]
    public void A_secret_is_kept_by_handle_and_changes_only_with_its_value()
    {
        var world = new PolicyWorld();
        var slot = Slot(world.Accept(Put(_secret)));
        Assert.False(slot.IsNone);
        world.Vault[slot] = "one"u8.ToArray();
        Assert.Empty(world.Accept(Put(_secret)).Changed);
        Assert.Empty(world.Accept(Put(Item("secret", "s", """{"type":"ike"}"""))).Changed);
        // The same octets in another form are the same secret.
        Assert.Empty(world.Accept(Put(Item("secret", "s", """{"type":"ike","secret":"0x6f6e65"}"""))).Changed);
        var withIds = world.Accept(Put(Item("secret", "s", """{"type":"ike","ids":["a"]}""")));
        Assert.Equal((slot, 0), (Slot(withIds), withIds.Dropped.Count));
        var other = world.Accept(Put(Item("secret", "s", """{"type":"ike","ids":["a"],"secret":"two"}""")));
        Assert.NotEqual(slot, Slot(other));
        Assert.Equal([slot], other.Dropped);
        Assert.Equal([Slot(other)], world.Accept("""{"id":"2","delete":[{"kind":"secret","name":"s"}]}""").Dropped);

        static Gateway.Policy.Sa.KeyHandle Slot(TransactionDecision.Accepted accepted) => ((SecretSpec)((ItemPut)accepted.Events[0]).Spec).Handle;
    }

    [Fact]
    public void No_event_holds_a_secret()
    {
        var accepted = new PolicyWorld().Accept(Put(Item("secret", "s", """{"type":"ike","ids":["a"],"secret":"cAnArY"}""")));
        var stored = string.Concat(accepted.Events.Select(e => System.Text.Encoding.UTF8.GetString(EventCatalog.Encode(e).Data.Span)));
        Assert.DoesNotContain("cAnArY", stored + accepted, StringComparison.Ordinal);
        Assert.DoesNotContain("handle", ItemJson.Shown(accepted.Next[new("secret", "s")]).ToJsonString(), StringComparison.Ordinal);
    }
}
