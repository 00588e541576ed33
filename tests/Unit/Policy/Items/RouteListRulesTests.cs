using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold of lists of routes among themselves and beside single ones.</summary>
public sealed class RouteListRulesTests
{
    private const string Blackhole = "\"blackhole\":true";

    private static readonly string[] _base =
    [
        Item("vrf", "blue", "{}"), Item("route", "one", $$"""{"to":"10.1.0.0/24",{{Blackhole}}}"""), Item("route-list", "some", $$"""{"to":["10.2.0.0/24","10.3.0.0/24"],{{Blackhole}}}"""),
    ];

    [Fact]
    public void A_prefix_is_in_one_list_or_one_route_of_a_preference_and_vrf()
    {
        var world = With(_base);
        Expect(world, Item("route-list", "more", $$"""{"to":["10.9.0.0/24","10.1.0.0/24"],{{Blackhole}}}"""), ".to", ErrorCode.Conflict);
        Expect(world, Item("route-list", "more", $$"""{"to":["10.9.0.0/24","10.3.0.0/24"],{{Blackhole}}}"""), ".to", ErrorCode.Conflict);
        Expect(world, Item("route", "two", $$"""{"to":"10.2.0.0/24",{{Blackhole}}}"""), ".to", ErrorCode.Conflict);
        // Another length, preference or VRF is another route.
        foreach (var other in (string[])["\"to\":[\"10.1.0.0/25\",\"10.2.0.0/23\"]", "\"to\":[\"10.1.0.0/24\",\"10.2.0.0/24\"],\"preference\":5", "\"to\":[\"10.1.0.0/24\",\"10.2.0.0/24\"],\"vrf\":\"blue\""])
            Assert.Empty(world.Errors($$"""{"id":"1","put":[{{Item("route-list", "more", $$"""{ {{other}},{{Blackhole}} }""")}}]}"""));
        Assert.Empty(world.Errors($$"""{"id":"1","put":[{{Item("route", "two", $$"""{"to":"10.2.0.0/24","vrf":"blue",{{Blackhole}}}""")}}]}"""));
    }

    [Fact]
    public void A_prefix_may_move_from_one_to_another_within_a_transaction()
    {
        var world = With(_base);
        Assert.Empty(world.Errors($$"""
            {"id":"1","put":[{{Item("route-list", "some", $$"""{"to":["10.3.0.0/24"],{{Blackhole}}}""")}},{{Item("route-list", "more", $$"""{"to":["10.2.0.0/24","10.1.0.0/24"],{{Blackhole}}}""")}}],
             "delete":[{"kind":"route","name":"one"}]}
            """));
    }

    [Fact]
    public void Of_two_lists_put_together_one_is_told()
    {
        var error = Assert.Single(With(_base).Errors($$"""
            {"id":"1","put":[{{Item("route-list", "a", $$"""{"to":["10.8.0.0/24"],{{Blackhole}}}""")}},{{Item("route-list", "b", $$"""{"to":["10.8.0.0/24"],{{Blackhole}}}""")}}]}
            """));
        Assert.Equal(("route-list/b", "$.put[1].spec.to", ErrorCode.Conflict), (error.Item, error.Path, error.Code));
    }

    [Fact]
    public void A_list_has_bounds()
    {
        var prefixes = string.Join(',', Enumerable.Range(0, 20_001).Select(n => $"\"20.{n / 256}.{n % 256}.0/24\""));
        Expect(With(_base), Item("route-list", "long", $$"""{"to":[{{prefixes}}],{{Blackhole}}}"""), ".to", ErrorCode.TooMany);
        Assert.Empty(With(_base).Errors($$"""{"id":"1","put":[{{Item("route-list", "long", $$"""{"to":[{{prefixes[..prefixes.LastIndexOf(',')]}}],{{Blackhole}}}""")}}]}"""));
    }

    [Fact]
    public void What_a_list_leads_through_cannot_go()
    {
        var world = With([.. _base, Item("interface", "wan", """{"type":"tap","addresses":["203.0.113.1/24"]}"""), Item("route-list", "out", """{"to":["10.8.0.0/24"],"interface":"wan"}""")]);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"interface","name":"wan"}]}""")).Code);
        Expect(world, Item("route-list", "more", """{"to":["10.9.0.0/24"],"via":"203.0.113.1"}"""), ".via", ErrorCode.Conflict);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
