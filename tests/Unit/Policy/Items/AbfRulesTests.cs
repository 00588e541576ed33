using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold of policies of forwarding and the interfaces that name them.</summary>
public sealed class AbfRulesTests
{
    private static readonly string[] _base =
    [
        Item("vrf", "blue", "{}"), Item("acl", "voice", """{"rules":[{"action":"permit"}]}"""),
        Item("interface", "wan", """{"type":"tap","addresses":["203.0.113.1/24"]}"""), Item("interface", "wan2", """{"type":"tap","vrf":"blue"}"""),
    ];

    [Fact]
    public void An_interface_names_policies_and_they_name_acls()
    {
        var world = With([.. _base, Item("abf-policy", "p", """{"acl":"voice","next_hops":[{"via":"203.0.113.2"},{"interface":"wan"}]}"""), Item("interface", "lan", """{"type":"tap","abf":["p"]}""")]);
        Expect(world, Item("interface", "lan", """{"type":"tap","abf":["p","none"]}"""), ".abf[1]", ErrorCode.UnknownReference);
        Expect(world, Item("interface", "lan", """{"type":"tap","abf":["p","p"]}"""), ".abf[1]", ErrorCode.Conflict);
        Expect(world, Item("abf-policy", "q", """{"acl":"none","fallback":"drop"}"""), ".acl", ErrorCode.UnknownReference);
        foreach (var (kind, name) in (ReadOnlySpan<(string, string)>)[("abf-policy", "p"), ("acl", "voice"), ("interface", "wan")])
            Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors($$"""{"id":"1","delete":[{"kind":"{{kind}}","name":"{{name}}"}]}""")).Code);
    }

    [Theory]
    [InlineData("""{"acl":"voice"}""", ".next_hops", ErrorCode.MissingField)]
    [InlineData("""{"next_hops":[{"via":"203.0.113.2"}]}""", ".acl", ErrorCode.MissingField)]
    [InlineData("""{"acl":"voice","next_hops":[{}]}""", ".next_hops[0].via", ErrorCode.MissingField)]
    [InlineData("""{"acl":"voice","next_hops":[{"via":"203.0.113.2"},{"via":"203.0.113.2","weight":2}]}""", ".next_hops[1]", ErrorCode.Conflict)]
    [InlineData("""{"acl":"voice","next_hops":[{"via":"203.0.113.2","weight":0}]}""", ".next_hops[0].weight", ErrorCode.OutOfRange)]
    [InlineData("""{"acl":"voice","next_hops":[{"via":"224.0.0.1"}]}""", ".next_hops[0].via", ErrorCode.InvalidValue)]
    [InlineData("""{"acl":"voice","next_hops":[{"via":"fe80::1"}]}""", ".next_hops[0].interface", ErrorCode.MissingField)]
    [InlineData("""{"acl":"voice","next_hops":[{"via":"203.0.113.1"}]}""", ".next_hops[0].via", ErrorCode.Conflict)]
    [InlineData("""{"acl":"voice","next_hops":[{"interface":"wan2"}]}""", ".next_hops[0].interface", ErrorCode.Conflict)]
    [InlineData("""{"acl":"voice","next_hops":[{"interface":"wan3"}]}""", ".next_hops[0].interface", ErrorCode.UnknownReference)]
    [InlineData("""{"acl":"voice","next_hops":[{"interface":"wan"}],"next_hop_vrf":"blue"}""", ".next_hops[0].interface", ErrorCode.Conflict)]
    [InlineData("""{"acl":"voice","fallback":"drop","next_hop_vrf":"blue"}""", ".next_hop_vrf", ErrorCode.NotApplicable)]
    [InlineData("""{"acl":"voice","fallback":"deny"}""", ".fallback", ErrorCode.InvalidValue)]
    public void A_policy_that_makes_no_sense_is_refused(string spec, string path, string code) => Expect(With(_base), Item("abf-policy", "p", spec), path, code);

    [Fact]
    public void Policies_without_bounds_are_refused()
    {
        var hops = string.Join(',', Enumerable.Range(1, 65).Select(n => $$"""{"via":"203.0.113.{{n + 1}}"}"""));
        Expect(With(_base), Item("abf-policy", "p", $$"""{"acl":"voice","next_hops":[{{hops}}]}"""), ".next_hops", ErrorCode.TooMany);
        var names = Enumerable.Range(0, 65).Select(n => $"p{n}").ToList();
        var world = With([.. _base, .. names.Select(n => Item("abf-policy", n, """{"acl":"voice","fallback":"drop"}"""))]);
        Expect(world, Item("interface", "lan", $$"""{"type":"tap","abf":[{{string.Join(',', names.Select(n => $"\"{n}\""))}}]}"""), ".abf", ErrorCode.TooMany);
    }

    [Fact]
    public void The_acls_of_all_policies_of_an_interface_are_bounded_together()
    {
        var addresses = string.Join(',', Enumerable.Range(0, 300).Select(n => $"\"10.{n / 256}.{n % 256}.0/24\""));
        var world = With(
            [.. _base, Item("group", "many", $$"""{"addresses":[{{addresses}}]}"""), Item("acl", "big", """{"rules":[{"action":"permit","from":["many"],"to":["many"]}]}"""),
             .. Enumerable.Range(0, 3).Select(n => Item("abf-policy", $"p{n}", """{"acl":"big","fallback":"drop"}""")), Item("interface", "lan", """{"type":"tap","abf":["p0","p1"]}""")]);
        Expect(world, Item("interface", "lan", """{"type":"tap","abf":["p0","p1","p2"]}"""), ".abf", ErrorCode.TooMany);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
