using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold between interfaces, bridges and cross-connects, whichever of them comes last.</summary>
public sealed class SwitchRulesTests
{
    private static readonly string[] _ports = [Item("interface", "p1", """{"type":"tap"}"""), Item("interface", "p2", """{"type":"tap"}"""), Item("interface", "p3", """{"type":"tap"}"""), Item("interface", "lo0", """{"type":"loopback","addresses":["10.1.0.1/24"]}""")];

    private static readonly string _bridge = Item("bridge", "br", """{"members":[{"interface":"p1"},{"interface":"p2"}],"bvi":"lo0","static":[{"mac":"02:00:00:00:00:05","interface":"p2"}]}""");

    [Fact]
    public void A_bridge_with_its_routed_member_and_neighbors_behind_it_is_accepted()
    {
        var world = With([.. _ports, _bridge, Item("neighbor", "host", """{"interface":"lo0","address":"10.1.0.9","mac":"02:00:00:00:00:09"}""")]);
        Expect(world, Item("neighbor", "other", """{"interface":"p3","address":"10.1.0.1","mac":"02:00:00:00:00:09"}"""), ".address", ErrorCode.Conflict);
    }

    [Fact]
    public void An_interface_belongs_to_one_bridge_or_cross_connect()
    {
        var world = With([.. _ports, _bridge]);
        Expect(world, Item("bridge", "other", """{"members":[{"interface":"p3"},{"interface":"p2"}]}"""), ".members[1].interface", ErrorCode.Conflict);
        Expect(world, Item("bridge", "other", """{"bvi":"lo0"}"""), ".bvi", ErrorCode.Conflict);
        Expect(world, Item("cross-connect", "line", """{"a":"p1","b":"p3"}"""), ".a", ErrorCode.Conflict);
    }

    [Fact]
    public void A_member_gets_no_addresses_and_stays_what_it_is()
    {
        var world = With([.. _ports, _bridge]);
        Expect(world, Item("interface", "p1", """{"type":"tap","addresses":["10.9.0.1/24"]}"""), ".addresses", ErrorCode.Conflict);
        Expect(world, Item("interface", "p1", """{"type":"loopback"}"""), ".type", ErrorCode.Conflict);
        Expect(world, Item("interface", "lo0", """{"type":"tap"}"""), ".type", ErrorCode.Conflict);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"interface","name":"p1"}]}""")).Code);
    }

    [Fact]
    public void Vlans_of_an_interface_do_not_overlap_and_are_carried_by_ports_alone()
    {
        var world = With([.. _ports, Item("interface", "v", """{"type":"vlan","parent":"p1","vlan":5}"""), Item("interface", "q", """{"type":"vlan","parent":"p1","vlan":5,"inner_vlan":6}""")]);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"p1","vlan":5}"""), ".vlan", ErrorCode.Conflict);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"p1","vlan":5,"vlan_protocol":"dot1q"}"""), ".vlan", ErrorCode.Conflict);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"p1","vlan":5,"inner_vlan":6}"""), ".inner_vlan", ErrorCode.Conflict);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"w","vlan":5}"""), ".parent", ErrorCode.Conflict);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"v","vlan":5}"""), ".parent", ErrorCode.Conflict);
        Expect(world, Item("interface", "w", """{"type":"vlan","parent":"lo0","vlan":5}"""), ".parent", ErrorCode.Conflict);
        Expect(world, Item("interface", "p2", """{"type":"vlan","parent":"q","vlan":5}"""), ".parent", ErrorCode.Conflict);
        world.Accept(Put(Item("interface", "w", """{"type":"vlan","parent":"p1","vlan":5,"vlan_protocol":"dot1ad"}"""), Item("interface", "x", """{"type":"vlan","parent":"p2","vlan":5}""")));
        world.Accept(Put(Item("interface", "p3", """{"type":"tap","mtu":1400}""")));
        Expect(world, Item("interface", "y", """{"type":"vlan","parent":"p3","vlan":5,"mtu":1401}"""), ".mtu", ErrorCode.Conflict);
    }

    [Fact]
    public void A_bridge_does_not_carry_itself_and_a_network_stands_once_at_an_end()
    {
        var world = With([.. _ports, Item("interface", "vx", """{"type":"vxlan","vni":42,"local":"10.1.0.1","remotes":["10.1.0.2","10.1.0.3"]}""")]);
        Expect(world, Item("bridge", "br", """{"members":[{"interface":"p1"},{"interface":"vx"}],"bvi":"lo0"}"""), ".members[1].interface", ErrorCode.Conflict);
        Expect(world, Item("interface", "again", """{"type":"vxlan","vni":42,"local":"10.1.0.1","remotes":["10.1.0.4"],"port":4789}"""), ".vni", ErrorCode.Conflict);
        Expect(world, Item("interface", "self", """{"type":"vxlan","vni":43,"local":"10.7.0.1","remotes":["10.1.0.4"],"addresses":["10.7.0.1/24"]}"""), ".local", ErrorCode.Conflict);
        world.Accept(Put(Item("interface", "other", """{"type":"vxlan","vni":42,"local":"10.1.0.1","remotes":["10.1.0.4"],"port":8472}"""), Item("bridge", "br", """{"members":[{"interface":"p1"},{"interface":"vx"}]}""")));
    }

    [Fact]
    public void Tunnels_do_not_carry_themselves_and_their_packets_are_not_switched()
    {
        var world = With(
        [
            .. _ports, Item("interface", "t1", """{"type":"gre","local":"10.1.0.1","remote":"10.1.0.2","addresses":["10.5.0.1/30"]}"""),
            Item("interface", "t2", """{"type":"ipip","local":"10.5.0.1","remote":"10.5.0.2","addresses":["10.6.0.1/30"]}"""),
            Item("interface", "tap", """{"type":"gretap","local":"10.1.0.1","remote":"10.1.0.2"}"""),
        ]);
        Expect(world, Item("interface", "t1", """{"type":"gre","local":"10.6.0.1","remote":"10.1.0.2","addresses":["10.5.0.1/30"]}"""), ".local", ErrorCode.Conflict);
        Expect(world, Item("interface", "t3", """{"type":"gre","local":"10.7.0.1","remote":"10.1.0.2","addresses":["10.7.0.1/30"]}"""), ".local", ErrorCode.Conflict);
        Expect(world, Item("interface", "t3", """{"type":"gre","local":"10.1.0.1","remote":"10.1.0.2"}"""), ".remote", ErrorCode.Conflict);
        Expect(world, Item("interface", "t3", """{"type":"gre","local":"10.1.0.1","remote":"10.6.0.1"}"""), ".remote", ErrorCode.Conflict);
        Expect(world, Item("bridge", "br", """{"members":[{"interface":"t1"}]}"""), ".members[0].interface", ErrorCode.Conflict);
        Expect(world, Item("bridge", "br", """{"members":[{"interface":"tap"}],"bvi":"lo0"}"""), ".members[0].interface", ErrorCode.Conflict);
        Expect(world, Item("interface", "v", """{"type":"vlan","parent":"t1","vlan":5}"""), ".parent", ErrorCode.Conflict);
        world.Accept(Put(
            Item("interface", "t3", """{"type":"gre","local":"10.1.0.1","remote":"10.1.0.2","key":0}"""), Item("interface", "v", """{"type":"vlan","parent":"tap","vlan":5}"""),
            Item("bridge", "br", """{"members":[{"interface":"tap"},{"interface":"p1"}]}""")));
        Expect(world, Item("interface", "t4", """{"type":"gre","local":"10.1.0.1","remote":"10.1.0.2","key":0}"""), ".key", ErrorCode.Conflict);
    }

    [Fact]
    public void Mirrors_have_frames_to_copy_and_do_not_follow_each_other()
    {
        var world = With([.. _ports, Item("interface", "tun", """{"type":"ipsec","if_id":1}"""), Item("span", "s", """{"source":"p1","destination":"p2"}""")]);
        Expect(world, Item("span", "t", """{"source":"p1","destination":"p3"}"""), ".source", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"p2","destination":"p3"}"""), ".source", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"p3","destination":"p1"}"""), ".destination", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"p3","destination":"p3"}"""), ".destination", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"lo0","destination":"p2"}"""), ".source", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"p3","destination":"tun"}"""), ".destination", ErrorCode.Conflict);
        Expect(world, Item("span", "t", """{"source":"nowhere","destination":"p2"}"""), ".source", ErrorCode.UnknownReference);
        world.Accept(Put(Item("span", "t", """{"source":"p3","destination":"p2","direction":"out"}""")));
    }

    [Fact]
    public void Two_vlans_that_carry_each_other_are_refused()
    {
        var errors = With(_ports).Errors(Put(Item("interface", "a", """{"type":"vlan","parent":"b","vlan":5}"""), Item("interface", "b", """{"type":"vlan","parent":"a","vlan":5}""")));
        Assert.Equal(["put[0].spec.parent", "put[1].spec.parent"], errors.Select(e => e.Path.TrimStart('$', '.')).Order());
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
