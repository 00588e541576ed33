using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold of ACLs, groups and the interfaces that name them.</summary>
public sealed class AclRulesTests
{
    private static readonly string[] _base =
    [
        Item("group", "servers", """{"addresses":["10.1.0.0/24","2001:db8::/64"]}"""), Item("group", "services", """{"ports":["443","8000-8999"]}"""),
        Item("acl", "web", """{"rules":[{"name":"a","action":"permit","protocol":"tcp","to":["servers"],"to_ports":["services"]}]}"""),
    ];

    [Fact]
    public void An_interface_names_acls_and_they_name_groups()
    {
        var world = With([.. _base, Item("interface", "lan", """{"type":"tap","acl_in":["web"],"acl_out":["web"],"acl_default":"permit"}""")]);
        Expect(world, Item("interface", "lan", """{"type":"tap","acl_in":["web","none"]}"""), ".acl_in[1]", ErrorCode.UnknownReference);
        Expect(world, Item("interface", "lan", """{"type":"tap","acl_in":["web","web"]}"""), ".acl_in[1]", ErrorCode.Conflict);
        Expect(world, Item("acl", "web", """{"rules":[{"action":"permit","from":["nobody"]}]}"""), ".rules[0].from[0]", ErrorCode.UnknownReference);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"acl","name":"web"}]}""")).Code);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"group","name":"servers"}]}""")).Code);
    }

    [Theory]
    [InlineData("""{"action":"permit","from":["10.1.0.1/24"]}""", ".from[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","from":["10.1.0"]}""", ".from[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","from":["10.1.0.0/33"]}""", ".from[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","from":["10.1.0.0/24"],"to":["2001:db8::/64"]}""", ".to", ErrorCode.Conflict)]
    [InlineData("""{"action":"permit","family":"ipv6","from":["10.1.0.0/24"]}""", ".from[0]", ErrorCode.Conflict)]
    [InlineData("""{"action":"permit","family":"ipv6","protocol":"icmp"}""", ".protocol", ErrorCode.Conflict)]
    [InlineData("""{"action":"permit","to_ports":["80"]}""", ".to_ports", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"permit","protocol":"esp","to_ports":["80"]}""", ".to_ports", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"permit","protocol":"tcp","to_ports":["90-80"]}""", ".to_ports[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","protocol":"tcp","to_ports":["65536"]}""", ".to_ports[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","protocol":"tpc"}""", ".protocol", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","protocol":"256"}""", ".protocol", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","protocol":"udp","tcp_flags":"syn"}""", ".tcp_flags", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"permit","protocol":"tcp","tcp_flags":"syn,!syn"}""", ".tcp_flags", ErrorCode.InvalidValue)]
    [InlineData("""{"action":"permit","protocol":"tcp","icmp_type":8}""", ".icmp_type", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"permit","protocol":"icmp","icmp_code":8}""", ".icmp_code", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"permit","protocol":"icmp","icmp_type":256}""", ".icmp_type", ErrorCode.OutOfRange)]
    [InlineData("""{"action":"permit","protocol":"tcp","to_ports":["80"],"fragments":"later"}""", ".fragments", ErrorCode.NotApplicable)]
    [InlineData("""{"action":"allow"}""", ".action", ErrorCode.InvalidValue)]
    [InlineData("""{"protocol":"tcp"}""", ".action", ErrorCode.MissingField)]
    [InlineData("""{"action":"permit","name":""}""", ".name", ErrorCode.InvalidName)]
    public void A_rule_that_makes_no_sense_is_refused(string rule, string path, string code) => Expect(With([]), Item("acl", "x", $$"""{"rules":[{{rule}}]}"""), ".rules[0]" + path, code);

    [Fact]
    public void Rules_of_one_acl_have_names_of_their_own() =>
        Expect(With([]), Item("acl", "x", """{"rules":[{"name":"a","action":"permit"},{"name":"a","action":"deny"}]}"""), ".rules[1].name", ErrorCode.Conflict);

    [Theory]
    [InlineData("{}", ".addresses", ErrorCode.MissingField)]
    [InlineData("""{"addresses":["10.0.0.1"],"ports":["80"]}""", ".ports", ErrorCode.NotApplicable)]
    [InlineData("""{"addresses":["10.0.0.1/8"]}""", ".addresses[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"ports":["80-70"]}""", ".ports[0]", ErrorCode.InvalidValue)]
    public void A_group_has_addresses_or_ports(string spec, string path, string code) => Expect(With([]), Item("group", "x", spec), path, code);

    [Fact]
    public void A_groups_name_is_no_address_and_no_port()
    {
        foreach (var name in new[] { "10.0.0.1", "80", "a/b", "fe80::1" }) Expect(With([]), Item("group", name, """{"ports":["80"]}"""), "", ErrorCode.InvalidName);
    }

    [Fact]
    public void Groups_do_not_hold_themselves()
    {
        Expect(With([]), Item("group", "a", """{"addresses":["a"]}"""), "", ErrorCode.Conflict);
        var world = With([Item("group", "a", """{"addresses":["10.0.0.1"]}"""), Item("group", "b", """{"addresses":["a"]}"""), Item("group", "c", """{"addresses":["b"]}""")]);
        Expect(world, Item("group", "a", """{"addresses":["c"]}"""), "", ErrorCode.Conflict);
    }

    [Fact]
    public void A_rule_that_can_match_nothing_is_refused()
    {
        var world = With([.. _base, Item("group", "v6", """{"addresses":["2001:db8::/64"]}""")]);
        Expect(world, Item("acl", "x", """{"rules":[{"action":"permit","from":["v6"],"to":["10.0.0.0/8"]}]}"""), ".rules[0]", ErrorCode.Conflict);
        Expect(world, Item("acl", "x", """{"rules":[{"action":"permit","from":["services"]}]}"""), ".rules[0]", ErrorCode.Conflict);
    }

    [Fact]
    public void An_acl_of_a_million_rules_is_refused()
    {
        Expect(With([]), Item("acl", "x", $$"""{"rules":[{{string.Join(',', Enumerable.Repeat("""{"action":"deny"}""", 16_385))}}]}"""), ".rules", ErrorCode.TooMany);
        // Groups make a million of one rule.
        var hosts = string.Join(',', Enumerable.Range(0, 1000).Select(i => $"\"10.0.{i / 250}.{i % 250}\""));
        var world = With([Item("group", "hosts", $$"""{"addresses":[{{hosts}}]}""")]);
        Expect(world, Item("acl", "x", """{"rules":[{"action":"permit","from":["hosts"],"to":["hosts"]}]}"""), ".rules[0]", ErrorCode.TooMany);
        world = With([Item("group", "few", """{"addresses":["10.0.0.1"]}"""), Item("acl", "x", """{"rules":[{"action":"permit","from":["few"],"to":["few"]}]}""")]);
        Expect(world, Item("group", "few", $$"""{"addresses":[{{hosts}}]}"""), "", ErrorCode.TooMany);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
