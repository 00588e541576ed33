using Gateway.Policy.Commands;
using Xunit;
using static Gateway.Unit.Policy.PolicyWorld;

namespace Gateway.Unit.Policy.Items;

/// <summary>What must hold of unnumbered interfaces, proxies and the times of neighbors.</summary>
public sealed class LinkNeighborRulesTests
{
    private static readonly string[] _base =
    [
        Item("vrf", "blue", "{}"), Item("interface", "lo", """{"type":"loopback","addresses":["192.0.2.1/32"]}"""), Item("interface", "lo2", """{"type":"loopback","vrf":"blue"}"""),
        Item("interface", "u", """{"type":"tap","unnumbered":"lo","proxy_arp":["10.0.0.0/8","192.0.2.5-192.0.2.9"],"proxy_nd":["2001:db8::/64"],"proxy_same_link":true,"neighbors":{"reachable_time":"30s","limit":100}}"""),
    ];

    [Theory]
    [InlineData("""{"type":"tap","unnumbered":"none"}""", ".unnumbered", ErrorCode.UnknownReference)]
    [InlineData("""{"type":"tap","unnumbered":"x"}""", ".unnumbered", ErrorCode.Conflict)]
    [InlineData("""{"type":"tap","unnumbered":"u"}""", ".unnumbered", ErrorCode.Conflict)]
    [InlineData("""{"type":"tap","unnumbered":"lo2"}""", ".unnumbered", ErrorCode.Conflict)]
    [InlineData("""{"type":"tap","unnumbered":"lo","addresses":["10.9.0.1/24"]}""", ".addresses", ErrorCode.Conflict)]
    [InlineData("""{"type":"loopback","unnumbered":"lo"}""", ".unnumbered", ErrorCode.NotApplicable)]
    [InlineData("""{"type":"tap","proxy_arp":["2001:db8::/64"]}""", ".proxy_arp[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"type":"tap","proxy_arp":["10.0.0.0/8[tcp/80]"]}""", ".proxy_arp[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"type":"tap","proxy_nd":["10.0.0.0/8"]}""", ".proxy_nd[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"type":"tap","proxy_nd":["ff02::/16"]}""", ".proxy_nd[0]", ErrorCode.InvalidValue)]
    [InlineData("""{"type":"tap","proxy_same_link":true}""", ".proxy_same_link", ErrorCode.NotApplicable)]
    [InlineData("""{"type":"ipsec","if_id":7,"proxy_arp":["10.0.0.0/8"]}""", ".proxy_arp", ErrorCode.NotApplicable)]
    [InlineData("""{"type":"tap","neighbors":{"reachable_time":"0s"}}""", ".neighbors.reachable_time", ErrorCode.OutOfRange)]
    [InlineData("""{"type":"tap","neighbors":{"retrans_time":"61s"}}""", ".neighbors.retrans_time", ErrorCode.OutOfRange)]
    [InlineData("""{"type":"tap","neighbors":{"probes":0}}""", ".neighbors.probes", ErrorCode.OutOfRange)]
    [InlineData("""{"type":"tap","neighbors":{"limit":15}}""", ".neighbors.limit", ErrorCode.OutOfRange)]
    public void An_interface_that_makes_no_sense_is_refused(string spec, string path, string code) => Expect(With(_base), Item("interface", "x", spec), path, code);

    [Fact]
    public void A_lender_cannot_go_borrow_or_leave_the_vrf()
    {
        var world = With([.. _base, Item("interface", "eth", """{"type":"tap","addresses":["10.1.0.1/24"]}"""), Item("interface", "u2", """{"type":"tap","unnumbered":"eth"}""")]);
        Assert.Equal(ErrorCode.Referenced, Assert.Single(world.Errors("""{"id":"1","delete":[{"kind":"interface","name":"eth"}]}""")).Code);
        Expect(world, Item("interface", "eth", """{"type":"tap","unnumbered":"lo"}"""), ".unnumbered", ErrorCode.Conflict);
        Expect(world, Item("interface", "eth", """{"type":"tap","vrf":"blue"}"""), ".vrf", ErrorCode.Conflict);
        Expect(world, Item("bridge", "br", """{"members":[{"interface":"u2"}]}"""), ".members[0].interface", ErrorCode.Conflict);
    }

    private static void Expect(PolicyWorld world, string item, string path, string code)
    {
        var error = Assert.Single(world.Errors(Put(item)));
        Assert.EndsWith(".spec" + path, error.Path, StringComparison.Ordinal);
        Assert.Equal(code, error.Code);
    }
}
