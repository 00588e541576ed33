using System.Net;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy.Events;
using Gateway.Policy.Sa;
using Xunit;
using static Gateway.Unit.Explain.ExplainWorld;

namespace Gateway.Unit.Explain;

public sealed class ExplainerTests
{
    private static readonly string[] _router =
    [
        Item("interface", "wan", """{"type":"af-packet","device":"eth0","addresses":["198.51.100.1/24"],"acl_in":["edge"]}"""),
        Item("interface", "lan", """{"type":"af-packet","device":"eth1","addresses":["10.2.0.1/24"]}"""),
        Item("acl", "edge", """{"rules":[{"name":"web","action":"permit","protocol":"tcp","to":["10.2.0.0/24"],"to_ports":["443"]},{"name":"telnet","action":"reject","protocol":"tcp","to_ports":["23"]}]}"""),
        Item("route", "default", """{"to":"0.0.0.0/0","via":"198.51.100.254"}"""),
    ];

    [Fact]
    public async Task A_packet_that_passes_names_rule_and_network_with_revision_and_principal()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync("open the shop", _router);
        var view = await world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:443");
        Assert.Equal("passes", view.Verdict);
        Assert.Equal(["lan"], view.Interfaces);
        var rule = Assert.Single(view.Steps, s => s.Node == "ip4-acl-input");
        Assert.Equal("acl/edge", rule.Item);
        Assert.Equal("web", rule.Line);
        Assert.Equal(1, rule.Revision);
        Assert.Equal("bus:user:onap", rule.Principal);
        Assert.Equal("planner", rule.Issuer);
        Assert.Equal("open the shop", rule.Why);
        var route = Assert.Single(view.Steps, s => s.Node == "ip4-lookup");
        Assert.Equal("interface/lan", route.Item);
        Assert.Equal(["ethernet-input", "ip4-input", "ip4-acl-input", "ip4-lookup", "ip4-rewrite"], view.Steps.Select(s => s.Node).Take(5));
    }

    [Fact]
    public async Task What_no_rule_permits_is_dropped_at_the_end_of_the_list()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router);
        var view = await world.AskAsync("in wan udp 203.0.113.9:40000 10.2.0.10:443");
        Assert.Equal("dropped", view.Verdict);
        Assert.Equal("ip4-acl-input/denied", view.Reason);
        Assert.Equal("interface/wan", view.Steps[^1].Item);
        Assert.Equal("ip4-acl-input/denied", view.Steps[^1].Drop);
    }

    [Fact]
    public async Task A_rejecting_rule_refuses_and_the_sender_is_told()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router);
        var view = await world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:23");
        Assert.Equal("refused", view.Verdict);
        Assert.Equal("ip4-acl-input/rejected", view.Reason);
        Assert.Contains("a reset", view.Sentence, StringComparison.Ordinal);
        var rule = view.Steps.Last(s => s.Drop is not null);
        Assert.Equal(("acl/edge", "telnet"), (rule.Item, rule.Line));
    }

    [Fact]
    public async Task Without_a_route_the_sender_is_told()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router[1], Item("interface", "wan", """{"type":"af-packet","device":"eth0","addresses":["198.51.100.1/24"]}"""));
        var view = await world.AskAsync("in lan udp 10.2.0.10:5000 192.0.2.1:53");
        Assert.Equal("refused", view.Verdict);
        Assert.Equal("ip4-lookup/no-route", view.Reason);
    }

    [Fact]
    public async Task An_earlier_revision_answers_as_it_was()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router);
        await world.PutAsync("close the shop", [Item("acl", "edge", """{"rules":[{"name":"nothing","action":"deny"}]}""")]);
        Assert.Equal("dropped", (await world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:443")).Verdict);
        var then = await world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:443", at: "1");
        Assert.Equal("passes", then.Verdict);
        Assert.Equal(1, then.Revision);
        var now = await world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:443");
        var rule = now.Steps.Last(s => s.Drop is not null);
        Assert.Equal((2L, "nothing", "close the shop"), (rule.Revision!.Value, rule.Line, rule.Why));
        await Assert.ThrowsAsync<AskedWrongException>(() => world.AskAsync("in wan tcp 203.0.113.9:40000 10.2.0.10:443", at: "9"));
    }

    [Fact]
    public async Task A_masqueraded_flow_names_its_rule_and_the_answer_is_translated_back()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync([.. _router, Item("nat", "hide", """{"type":"source","from":["10.2.0.0/24"],"out_interface":"wan"}""")]);
        var view = await world.AskAsync("in lan tcp 10.2.0.10:40000 192.0.2.1:443", reply: true);
        Assert.Equal("passes", view.Verdict);
        Assert.Equal(["wan"], view.Interfaces);
        var begins = Assert.Single(view.Steps, s => s.Node == "ip4-flow-output");
        Assert.Equal("nat/hide", begins.Item);
        Assert.Matches(@"^source 10\.2\.0\.10:40000 becomes 198\.51\.100\.1:\d+$", begins.What);
        var route = Assert.Single(view.Steps, s => s.Node == "ip4-lookup");
        Assert.Equal("route/default", route.Item);
        Assert.Contains("via 198.51.100.254 on wan", route.What, StringComparison.Ordinal);
        Assert.NotNull(view.Reply);
        Assert.Equal("passes", view.Reply.Verdict);
        Assert.Equal(["lan"], view.Reply.Interfaces);
        var known = Assert.Single(view.Reply.Steps, s => s.Node == "ip4-flow-input");
        Assert.Equal("nat/hide", known.Item);
        Assert.Contains("becomes 10.2.0.10:40000", known.What, StringComparison.Ordinal);
        Assert.DoesNotContain(view.Reply.Steps, s => s.Node == "ip4-acl-input");
    }

    [Fact]
    public async Task A_forwarded_port_names_its_rule()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync([_router[0], _router[1], _router[3], Item("nat", "shop", """{"type":"static","outside":"198.51.100.1","protocol":"tcp","outside_port":443,"inside":"10.2.0.10","inside_port":8443}"""),
            Item("acl", "edge", """{"rules":[{"name":"web","action":"permit","protocol":"tcp","to_ports":["443"]}]}""")]);
        var view = await world.AskAsync("in wan tcp 203.0.113.9:40000 198.51.100.1:443", reply: true);
        Assert.Equal(["lan"], view.Interfaces);
        var target = Assert.Single(view.Steps, s => s.Node == "ip4-nat-target");
        Assert.Equal("nat/shop", target.Item);
        Assert.Equal("destination 198.51.100.1:443 becomes 10.2.0.10:8443", target.What);
        Assert.Equal(["wan"], view.Reply!.Interfaces);
        Assert.Contains("becomes 198.51.100.1:443", view.Reply.Sentence, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_is_for_the_gateway_itself_is_delivered_or_answered()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router[1..]);
        Assert.Equal("delivered", (await world.AskAsync("in lan tcp 10.2.0.10:40000 10.2.0.1:22")).Verdict);
        var echo = await world.AskAsync("in lan icmp 10.2.0.10 10.2.0.1");
        Assert.Equal("delivered", echo.Verdict);
        Assert.Contains(echo.Steps, s => s.What.Contains("what the gateway answers", StringComparison.Ordinal));
        Assert.Equal("delivered: to the IKE engine", (await world.AskAsync("in lan udp 10.2.0.10:500 10.2.0.1:500")).Sentence);
    }

    [Fact]
    public async Task Ipv6_goes_the_same_way()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(
            Item("interface", "wan", """{"type":"af-packet","device":"eth0","addresses":["2001:db8:1::1/64"],"acl_out":["out"]}"""),
            Item("interface", "lan", """{"type":"af-packet","device":"eth1","addresses":["2001:db8:2::1/64"]}"""),
            Item("acl", "out", """{"rules":[{"name":"dns","action":"permit","protocol":"udp","to_ports":["53"]}]}"""),
            Item("route", "default6", """{"to":"::/0","via":"2001:db8:1::fe"}"""));
        var view = await world.AskAsync("in lan udp [2001:db8:2::9]:5353 [2001:db8:9::1]:53");
        Assert.Equal(["wan"], view.Interfaces);
        Assert.Equal("dns", Assert.Single(view.Steps, s => s.Node == "ip6-acl-output").Line);
        Assert.Equal("route/default6", Assert.Single(view.Steps, s => s.Node == "ip6-lookup").Item);
        Assert.Equal("ip6-acl-output/denied", (await world.AskAsync("in lan tcp [2001:db8:2::9]:5353 [2001:db8:9::1]:53")).Reason);
    }

    [Fact]
    public async Task A_vlan_and_a_bridge_are_named()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(
            Item("interface", "trunk", """{"type":"af-packet","device":"eth0"}"""),
            Item("interface", "guests", """{"type":"vlan","parent":"trunk","vlan":20,"addresses":["10.20.0.1/24"]}"""),
            Item("interface", "p1", """{"type":"af-packet","device":"eth1"}"""),
            Item("interface", "p2", """{"type":"af-packet","device":"eth2"}"""),
            Item("interface", "irb", """{"type":"loopback","addresses":["10.30.0.1/24"]}"""),
            Item("bridge", "floor", """{"members":[{"interface":"p1"},{"interface":"p2"}],"bvi":"irb"}"""));
        var view = await world.AskAsync("in guests udp 10.20.0.5:1000 10.30.0.7:2000");
        Assert.Equal("passes", view.Verdict);
        Assert.Equal(["p1", "p2"], view.Interfaces.Order());
        Assert.Contains(view.Steps, s => s is { Node: "vlan-input", Item: "interface/guests" });
        Assert.Contains(view.Steps, s => s is { Node: "bridge-input", Item: "bridge/floor" });
        Assert.Equal(["trunk"], (await world.AskAsync("in p1 udp 10.30.0.7:2000 10.20.0.5:1000")).Interfaces);
    }

    [Fact]
    public async Task A_policy_without_an_sa_lets_nothing_out()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync([.. _router, .. _branch]);
        var view = await world.AskAsync("in lan tcp 10.2.0.10:40000 10.9.0.1:443");
        Assert.Equal(("dropped", "spd4-output/no-sa"), (view.Verdict, view.Reason));
        var policy = view.Steps.Last(s => s.Drop is not null);
        Assert.Equal(("connection/branch", "net"), (policy.Item, policy.Line));
        Assert.Equal("spd4-input/clear-but-protected", (await world.AskAsync("in wan tcp 10.9.0.1:443 10.2.0.10:443")).Reason);
        Assert.DoesNotContain("QUJDREVGR0hJSktM", JsonSerializer.Serialize(view), StringComparison.Ordinal);
        Assert.Equal("no-sa", (await Assert.ThrowsAsync<AskedWrongException>(() => world.AskAsync("from branch/net tcp 10.9.0.1:1 10.2.0.10:2"))).Code);
    }

    [Fact]
    public async Task A_living_sa_carries_the_packet_and_its_answer_comes_back_out_of_it()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync("link the branch", [_router[1], _router[3], Item("interface", "wan", """{"type":"af-packet","device":"eth0","addresses":["198.51.100.1/24"]}"""), .. _branch]);
        var before = (await world.Control.EventsAsync())[^1].Position;
        await world.FactAsync(SaOf(31));
        var view = await world.AskAsync("in lan tcp 10.2.0.10:40000 10.9.0.1:443", reply: true);
        Assert.Equal("passes", view.Verdict);
        Assert.Equal(["wan"], view.Interfaces);
        Assert.Contains("protected by branch/net #31", view.Sentence, StringComparison.Ordinal);
        var encrypt = Assert.Single(view.Steps, s => s.Node == "esp4-encrypt");
        Assert.Equal(("connection/branch", "net", "link the branch"), (encrypt.Item, encrypt.Line, encrypt.Why));
        Assert.Contains("SPI c0000002, 198.51.100.1 to 203.0.113.2", encrypt.What, StringComparison.Ordinal);
        Assert.Contains(view.Steps, s => s.What.Contains("protect: branch/net, by CHILD SA #31", StringComparison.Ordinal));
        Assert.Equal(["lan"], view.Reply!.Interfaces);
        Assert.StartsWith("from branch/net tcp 10.9.0.1:443", view.Reply.Flow, StringComparison.Ordinal);
        Assert.Equal("passes", (await world.AskAsync("from branch/net udp 10.9.0.7:1000 10.2.0.10:2000")).Verdict);
        var outside = await Assert.ThrowsAsync<AskedWrongException>(() => world.AskAsync("from branch/net udp 10.8.0.7:1000 10.2.0.10:2000"));
        Assert.Contains("outside its selectors", outside.Message, StringComparison.Ordinal);
        Assert.Equal("no-sa", (await world.AskAsync("in lan tcp 10.2.0.10:40000 10.9.0.1:443", at: $"@{before}")).Reason?.Split('/')[^1]);
    }

    [Fact]
    public async Task A_policy_of_forwarding_is_named_in_the_place_of_the_route()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(
            Item("interface", "wan", """{"type":"af-packet","device":"eth0","addresses":["198.51.100.1/24"]}"""),
            Item("interface", "lan", """{"type":"af-packet","device":"eth1","addresses":["10.2.0.1/24"],"abf":["other"]}"""),
            Item("acl", "web", """{"rules":[{"name":"https","action":"permit","protocol":"tcp","to_ports":["443"]}]}"""),
            Item("abf-policy", "other", """{"acl":"web","next_hops":[{"via":"198.51.100.253"}]}"""),
            Item("route", "default", """{"to":"0.0.0.0/0","via":"198.51.100.254"}"""));
        var steered = Assert.Single((await world.AskAsync("in lan tcp 10.2.0.10:40000 192.0.2.1:443")).Steps, s => s.Node == "ip4-lookup");
        Assert.Equal("abf-policy/other", steered.Item);
        Assert.Contains("rule https: next hop 198.51.100.253 on wan", steered.What, StringComparison.Ordinal);
        Assert.Equal("route/default", Assert.Single((await world.AskAsync("in lan tcp 10.2.0.10:40000 192.0.2.1:80")).Steps, s => s.Node == "ip4-lookup").Item);
    }

    [Fact]
    public async Task A_route_out_of_a_list_names_the_list_that_holds_its_prefix()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync([.. _router,
            Item("route-list", "others", """{"to":["192.0.2.0/25","203.0.113.0/24"],"via":"198.51.100.253"}"""),
            Item("route-list", "some", """{"to":["192.0.2.0/24","192.0.3.0/24"],"via":"198.51.100.252"}""")]);
        var route = Assert.Single((await world.AskAsync("in lan tcp 10.2.0.10:40000 192.0.2.200:443")).Steps, s => s.Node == "ip4-lookup");
        Assert.Equal("route-list/some", route.Item);
        Assert.Contains("192.0.2.0/24 via 198.51.100.252 on wan", route.What, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_rule_of_a_mac_acl_is_named()
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(
            Item("interface", "lan", """{"type":"af-packet","device":"eth1","addresses":["10.2.0.1/24"],"mac_acl_in":["stations"]}"""),
            Item("interface", "dmz", """{"type":"af-packet","device":"eth2","addresses":["10.3.0.1/24"]}"""),
            Item("mac-acl", "stations", """{"rules":[{"name":"printer","action":"deny","from":"02:00:00:00:00:07"},{"name":"desk","action":"permit","from":"02:00:00:5e:00:01"}]}"""));
        var view = await world.AskAsync("in lan udp 10.2.0.10:1000 10.3.0.10:53");
        Assert.Equal("passes", view.Verdict);
        Assert.Equal(("mac-acl/stations", "desk"), Assert.Single(view.Steps, s => s.Node == "guard-input") is var step ? (step.Item, step.Line) : default);
        var denied = await world.AskAsync("in lan udp 10.2.0.10:1000 10.3.0.10:53 mac 02:00:00:00:00:07 ff:ff:ff:ff:ff:ff");
        Assert.Equal(("dropped", "guard-input/denied"), (denied.Verdict, denied.Reason));
        Assert.Equal("printer", denied.Steps[^1].Line);
    }

    [Theory]
    [InlineData("in nowhere tcp 10.0.0.1:1 10.0.0.2:2", "no-beginning")]
    [InlineData("in lo0 tcp 10.0.0.1:1 10.0.0.2:2", "no-beginning")]
    [InlineData("in lan tcp what 10.0.0.2:2", "invalid-flow")]
    [InlineData("from branch/nobody tcp 10.0.0.1:1 10.0.0.2:2", "no-sa")]
    public async Task What_cannot_begin_is_refused_with_a_sentence(string flow, string code)
    {
        await using var world = await ExplainWorld.StartAsync();
        await world.PutAsync(_router[1], Item("interface", "lo0", """{"type":"loopback","addresses":["192.0.2.1/32"]}"""));
        var refused = await Assert.ThrowsAsync<AskedWrongException>(() => world.AskAsync(flow));
        Assert.Equal(code, refused.Code);
        Assert.EndsWith(".", refused.Message, StringComparison.Ordinal);
    }

    private static readonly string[] _branch =
    [
        Item("secret", "s", """{"type":"ike","ids":["a.lab","b.lab"],"secret":"0sQUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo="}"""),
        Item("connection", "branch", """{"local_addrs":["198.51.100.1"],"remote_addrs":["203.0.113.2"],"proposals":["aes128gcm16-prfsha256-x25519"],"local":[{"auth":"psk","id":"a.lab"}],"remote":[{"auth":"psk","id":"b.lab"}],"children":{"net":{"local_ts":["10.2.0.0/24"],"remote_ts":["10.9.0.0/24"],"esp_proposals":["aes128gcm16-x25519"]}}}"""),
    ];

    private static ChildSaInstalled SaOf(ulong id) => new(
        new ChildSaParameters
        {
            Id = new ChildSaId(id),
            IkeSa = new IkeSaId(12),
            Connection = new ConnectionName("branch"),
            Child = new ChildName("net"),
            InboundSpi = new Spi(0xc0000001),
            OutboundSpi = new Spi(0xc0000002),
            LocalAddress = IPAddress.Parse("198.51.100.1"),
            RemoteAddress = IPAddress.Parse("203.0.113.2"),
            Transforms = new EspTransforms(20, 128),
            InboundKey = new KeyHandle(1),
            OutboundKey = new KeyHandle(2),
            LocalSelectors = [TrafficSelector.OfPrefix(IPAddress.Parse("10.2.0.0"), 24)],
            RemoteSelectors = [TrafficSelector.OfPrefix(IPAddress.Parse("10.9.0.0"), 24)],
        },
        "aes128gcm16-x25519");
}
