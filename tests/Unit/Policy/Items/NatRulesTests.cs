using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold between rules of NAT, whichever of them comes last.</summary>
public sealed class NatRulesTests
{
    private const string Blocks = """{"type":"source","from":["10.1.0.0/24"],"addresses":["198.51.100.48/29"],"block_size":512}""";

    [Fact]
    public void A_pool_with_blocks_shares_its_addresses_with_no_other_rule()
    {
        var world = With(Item("nat", "out", Blocks));
        Expect(world, Item("nat", "other", """{"type":"source","addresses":["198.51.100.40-198.51.100.48"]}"""), ".addresses[0]", ErrorCode.Conflict);
        Expect(world, Item("nat", "other", """{"type":"source","from":["10.1.0.0/24"],"addresses":["198.51.100.99/32","198.51.100.55/32"],"block_size":64}"""), ".addresses[1]", ErrorCode.Conflict);
        Expect(world, Item("nat", "other", """{"type":"static","outside":"198.51.100.50","inside":"10.1.0.2"}"""), ".outside", ErrorCode.Conflict);
        world.Accept(Put(Item("nat", "other", """{"type":"source","addresses":["198.51.100.56/32"]}"""), Item("nat", "web", """{"type":"static","outside":"198.51.100.57","inside":"10.1.0.2"}""")));
        Expect(world, Item("nat", "out", """{"type":"source","from":["10.1.0.0/24"],"addresses":["198.51.100.48-198.51.100.57"],"block_size":512}"""), ".addresses[0]", ErrorCode.Conflict);
    }

    [Fact]
    public void A_rule_with_blocks_is_put_again_without_being_in_its_own_way()
    {
        var world = With(Item("nat", "out", Blocks));
        world.Accept(Put(Item("nat", "out", Blocks.Replace("512", "256", StringComparison.Ordinal))));
        world.Accept(Put(Item("nat", "out", Blocks.Replace("512", "256,\"blocks_per_host\":4", StringComparison.Ordinal))));
    }

    [Fact]
    public void Outside_addresses_are_of_the_vrf_that_the_flows_leave_into()
    {
        var world = With(
            Item("vrf", "blue", "{}"), Item("interface", "wan", """{"type":"tap","addresses":["198.51.100.1/24"]}"""), Item("interface", "lan", """{"type":"loopback","vrf":"blue","addresses":["198.51.100.9/24"]}"""));
        Expect(world, Item("nat", "out", """{"type":"source","vrf":"red"}"""), ".vrf", ErrorCode.UnknownReference);
        Expect(world, Item("nat", "out", """{"type":"source","vrf":"blue","outside_vrf":"blue","out_interface":"wan"}"""), ".outside_vrf", ErrorCode.Conflict);
        Expect(world, Item("nat", "out", """{"type":"source","vrf":"blue","out_interface":"wan","addresses":["198.51.100.1/32"]}"""), ".addresses[0]", ErrorCode.Conflict);
        world.Accept(Put(Item("nat", "out", """{"type":"source","vrf":"blue","out_interface":"wan","addresses":["198.51.100.9/32"]}""")));
        world.Accept(Put(
            Item("nat", "web", """{"type":"static","vrf":"blue","outside_vrf":"default","outside":"198.51.100.60","inside":"10.1.0.2"}"""),
            Item("nat", "web2", """{"type":"static","vrf":"blue","outside":"198.51.100.60","inside":"10.1.0.2"}""")));
        Expect(world, Item("nat", "web3", """{"type":"static","outside":"198.51.100.60","inside":"10.1.0.3"}"""), ".outside", ErrorCode.Conflict);
        Assert.Equal(ErrorCode.Referenced, world.Errors("""{"id":"1","delete":[{"kind":"vrf","name":"blue"}]}""")[0].Code);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code) => Assert.Contains(world.Errors(Put(item)), e => e.Code == code && e.Path.EndsWith(path, StringComparison.Ordinal));
}
