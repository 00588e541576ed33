using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>Addresses and routes are unique within a VRF, and nothing leads from one into another unless it says so.</summary>
public sealed class VrfRulesTests
{
    private static readonly string[] _blue =
    [
        Item("vrf", "blue", "{}"), Item("vrf", "red", "{}"),
        Item("interface", "b0", """{"type":"tap","addresses":["10.1.0.1/24"],"vrf":"blue"}"""), Item("interface", "r0", """{"type":"tap","addresses":["10.1.0.1/24"],"vrf":"red"}"""),
        Item("interface", "d0", """{"type":"tap","addresses":["10.1.0.1/24","10.2.0.1/24"]}"""),
    ];

    [Fact]
    public void The_same_addresses_and_routes_may_stand_in_each_vrf()
    {
        var world = With(_blue);
        world.Accept(Put(
            Item("route", "b", """{"to":"10.9.0.0/16","vrf":"blue","via":"10.1.0.2"}"""), Item("route", "r", """{"to":"10.9.0.0/16","vrf":"red","via":"10.1.0.2"}"""),
            Item("route", "d", """{"to":"10.9.0.0/16","via":"10.1.0.2"}""")));
        Expect(world, Item("route", "x", """{"to":"10.9.0.0/16","vrf":"blue","via":"10.1.0.3"}"""), ".to", ErrorCode.Conflict);
        Expect(world, Item("route", "x", """{"to":"10.9.0.0/16","vrf":"default","via":"10.1.0.3"}"""), ".to", ErrorCode.Conflict);
    }

    [Fact]
    public void Within_a_vrf_addresses_and_subnets_are_unique()
    {
        var world = With(_blue);
        Expect(world, Item("interface", "b1", """{"type":"loopback","addresses":["10.1.0.1/32"],"vrf":"blue"}"""), ".addresses[0]", ErrorCode.Conflict);
        Expect(world, Item("interface", "b1", """{"type":"tap","addresses":["10.1.0.9/25"],"vrf":"blue"}"""), ".addresses[0]", ErrorCode.Conflict);
        Expect(world, Item("interface", "d1", """{"type":"tap","addresses":["10.2.0.9/25"],"vrf":"default"}"""), ".addresses[0]", ErrorCode.Conflict);
        world.Accept(Put(Item("interface", "b1", """{"type":"tap","addresses":["10.2.0.1/24"],"vrf":"blue"}""")));
    }

    [Fact]
    public void A_route_leads_into_another_vrf_only_when_it_says_so()
    {
        var world = With(_blue);
        Expect(world, Item("route", "x", """{"to":"10.9.0.0/16","interface":"b0"}"""), ".interface", ErrorCode.Conflict);
        Expect(world, Item("route", "x", """{"to":"10.9.0.0/16","vrf":"blue","next_hops":[{"interface":"b0"},{"interface":"d0"}]}"""), ".next_hops[1].interface", ErrorCode.Conflict);
        Expect(world, Item("route", "x", """{"to":"10.9.0.0/16","vrf":"blue","via":"10.2.0.1","next_hop_vrf":"default"}"""), ".via", ErrorCode.Conflict);
        world.Accept(Put(
            Item("route", "in", """{"to":"10.9.0.0/16","interface":"b0","next_hop_vrf":"blue"}"""), Item("route", "out", """{"to":"0.0.0.0/0","vrf":"blue","via":"10.2.0.2","next_hop_vrf":"default"}"""),
            Item("route", "own", """{"to":"10.8.0.0/16","vrf":"blue","via":"10.2.0.1"}""")));
    }

    [Fact]
    public void A_vrf_that_is_used_stays_and_the_default_one_is_no_item()
    {
        var world = With(_blue);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"vrf","name":"blue"}]}""")).Code);
        Assert.Equal(ErrorCode.Conflict, Assert.Single(world.Errors(Put(Item("vrf", "default", "{}")))).Code);
        Assert.Equal(ErrorCode.TooMany, Assert.Single(world.Errors(Put([.. Enumerable.Range(0, 254).Select(i => Item("vrf", $"v{i}", "{}"))]))).Code);
    }

    [Fact]
    public void The_ends_of_tunnels_lie_in_the_default_vrf_and_their_insides_anywhere()
    {
        var world = With(_blue);
        world.Accept(Put(Item("interface", "t", """{"type":"gre","local":"10.2.0.1","remote":"10.2.0.2","addresses":["10.2.0.1/30"],"vrf":"blue"}""")));
        Expect(world, Item("neighbor", "n", """{"interface":"t","address":"10.2.0.2","mac":"02:00:00:00:00:09"}"""), ".interface", ErrorCode.NotApplicable);
        world.Accept(Put(Item("interface", "b2", """{"type":"tap","addresses":["10.3.0.1/24"],"vrf":"blue"}""")));
        Expect(world, Item("interface", "u", """{"type":"gre","local":"10.3.0.1","remote":"10.2.0.2"}"""), ".local", ErrorCode.Conflict);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
