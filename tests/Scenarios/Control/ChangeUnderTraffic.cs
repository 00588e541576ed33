using Gateway.Policy.Commands;
using Xunit;

namespace Gateway.Scenarios.Control;

/// <summary>By itself: it counts what the process holds.</summary>
[CollectionDefinition(nameof(Alone), DisableParallelization = true)]
public sealed class Alone;

/// <summary>Everything is changed under traffic: flows that a change does not concern lose nothing, and what is removed leaves nothing behind.</summary>
[Collection(nameof(Alone))]
public sealed class ChangeUnderTraffic(ITestOutputHelper output)
{
    private const string LanMac = "02:00:00:00:01:01", Host = "02:00:00:00:01:02", RedMac = "02:00:00:00:04:01", RedHost = "02:00:00:00:04:02", StationA = "02:00:00:00:06:01", StationB = "02:00:00:00:06:02";

    /// <summary>What carries the flows.</summary>
    private static readonly string[] _base =
    [
        """{"kind":"vrf","name":"red","spec":{}}""",
        """{"kind":"acl","name":"guard","spec":{"rules":[{"action":"deny","to":["203.0.113.99"]},{"action":"permit","protocol":"udp"}]}}""",
        """{"kind":"interface","name":"lan","spec":{"type":"tap","mac":"02:00:00:00:01:01","mtu":1500,"addresses":["10.1.0.1/24","10.1.1.1/24","2001:db8:1::1/64"],"acl_in":["guard"]}}""",
        """{"kind":"interface","name":"wan","spec":{"type":"tap","mac":"02:00:00:00:02:01","mtu":1500,"addresses":["198.51.100.1/24","2001:db8:2::1/64"]}}""",
        """{"kind":"interface","name":"dmz","spec":{"type":"tap","mac":"02:00:00:00:03:01","mtu":1500,"addresses":["203.0.113.1/24"]}}""",
        """{"kind":"interface","name":"red-in","spec":{"type":"tap","mac":"02:00:00:00:04:01","mtu":1500,"vrf":"red","addresses":["10.1.0.1/24"]}}""",
        """{"kind":"interface","name":"red-out","spec":{"type":"tap","mac":"02:00:00:00:05:01","mtu":1500,"vrf":"red","addresses":["198.51.100.1/24"]}}""",
        """{"kind":"interface","name":"port-a","spec":{"type":"tap","mac":"02:00:00:00:06:0a","mtu":1500}}""",
        """{"kind":"interface","name":"port-b","spec":{"type":"tap","mac":"02:00:00:00:06:0b","mtu":1500}}""",
        """{"kind":"bridge","name":"keep","spec":{"members":[{"interface":"port-a"},{"interface":"port-b"}],"static":[{"mac":"02:00:00:00:06:01","interface":"port-a"},{"mac":"02:00:00:00:06:02","interface":"port-b"}]}}""",
        """{"kind":"neighbor","name":"router","spec":{"interface":"wan","address":"198.51.100.2","mac":"02:00:00:00:02:02"}}""",
        """{"kind":"neighbor","name":"router6","spec":{"interface":"wan","address":"2001:db8:2::2","mac":"02:00:00:00:02:02"}}""",
        """{"kind":"neighbor","name":"server","spec":{"interface":"dmz","address":"203.0.113.2","mac":"02:00:00:00:03:02"}}""",
        """{"kind":"neighbor","name":"red-router","spec":{"interface":"red-out","address":"198.51.100.2","mac":"02:00:00:00:05:02"}}""",
        """{"kind":"route","name":"default","spec":{"to":"0.0.0.0/0","via":"198.51.100.2"}}""",
        """{"kind":"route","name":"default6","spec":{"to":"::/0","via":"2001:db8:2::2"}}""",
        """{"kind":"route","name":"red","spec":{"to":"0.0.0.0/0","vrf":"red","via":"198.51.100.2"}}""",
        """{"kind":"route-list","name":"served","spec":{"to":["198.18.100.0/24","198.18.101.0/24"],"via":"203.0.113.2"}}""",
        """{"kind":"nat","name":"hide","spec":{"type":"source","from":["10.1.1.0/24"],"out_interface":"wan"}}""",
    ];

    /// <summary>A change: what is put, what it becomes, and what is then removed or put back as it was.</summary>
    private sealed record Step(string What, string[] Put, string[] Change, string[] Back)
    {
        /// <summary>An item of it waits for something that does not come.</summary>
        public bool MayWait { get; init; }
    }

    private static readonly Step[] _steps =
    [
        Of("an interface of its own port", """{"kind":"interface","name":"new","spec":{"type":"tap","mac":"02:00:00:00:0a:01","mtu":1500,"addresses":["192.0.2.1/24"]}}""", """{"kind":"interface","name":"new","spec":{"type":"tap","mac":"02:00:00:00:0a:02","mtu":9000,"addresses":["192.0.2.1/25","2001:db8:a::1/64"]}}"""),
        Of("a loopback", """{"kind":"interface","name":"lo","spec":{"type":"loopback","addresses":["192.0.2.7/32"]}}""", """{"kind":"interface","name":"lo","spec":{"type":"loopback","addresses":["192.0.2.8/32","2001:db8:b::8/128"]}}"""),
        Of("a VLAN on a port in use", """{"kind":"interface","name":"v7","spec":{"type":"vlan","parent":"lan","vlan":7,"addresses":["10.7.0.1/24"]}}""", """{"kind":"interface","name":"v7","spec":{"type":"vlan","parent":"lan","vlan":8,"addresses":["10.8.0.1/24"]}}"""),
        Of("a VXLAN", """{"kind":"interface","name":"vx","spec":{"type":"vxlan","vni":7,"local":"198.51.100.1","remotes":["198.51.100.2"]}}""", """{"kind":"interface","name":"vx","spec":{"type":"vxlan","vni":8,"local":"198.51.100.1","remotes":["198.51.100.2","198.51.100.3"]}}"""),
        Of("a GRE tunnel", """{"kind":"interface","name":"gre1","spec":{"type":"gre","local":"198.51.100.1","remote":"198.51.100.2","addresses":["10.200.0.1/30"]}}""", """{"kind":"interface","name":"gre1","spec":{"type":"gre","local":"198.51.100.1","remote":"198.51.100.3","addresses":["10.200.0.5/30"]}}"""),
        Back("addresses of the ports that the flows use",
            [
                """{"kind":"interface","name":"lan","spec":{"type":"tap","mac":"02:00:00:00:01:01","mtu":1500,"addresses":["10.1.0.1/24","10.1.1.1/24","10.1.2.1/24","2001:db8:1::1/64","2001:db8:3::1/64"],"acl_in":["guard"]}}""",
                """{"kind":"interface","name":"wan","spec":{"type":"tap","mac":"02:00:00:00:02:01","mtu":1500,"addresses":["198.51.100.1/24","198.51.101.1/24","2001:db8:2::1/64"]}}""",
            ],
            _base[2], _base[3]),
        Of("routes", """{"kind":"route","name":"r","spec":{"to":"100.64.0.0/10","via":"203.0.113.2"}}""", """{"kind":"route","name":"r","spec":{"to":"100.64.0.0/10","next_hops":[{"via":"203.0.113.2"},{"via":"198.51.100.2","weight":3}]}}"""),
        Of("a route whose next hop is nowhere", """{"kind":"route","name":"r","spec":{"to":"100.64.0.0/10","via":"192.0.2.2"}}""", """{"kind":"route","name":"r","spec":{"to":"100.64.0.0/10","prohibit":true}}""", mayWait: true),
        Of("a list of routes", List("more", 0, 5000, "203.0.113.2"), List("more", 2500, 5000, "198.51.100.2")),
        Back("a list that flows go by", ["""{"kind":"route-list","name":"served","spec":{"to":["198.18.100.0/24","198.18.101.0/24","198.18.102.0/24"],"via":"203.0.113.2"}}"""], _base[17]),
        Of("neighbors", """{"kind":"neighbor","name":"n","spec":{"interface":"dmz","address":"203.0.113.7","mac":"02:00:00:00:03:07"}}""", """{"kind":"neighbor","name":"n","spec":{"interface":"dmz","address":"203.0.113.7","mac":"02:00:00:00:03:08"}}"""),
        Of("an ACL that nobody asks", """{"kind":"acl","name":"idle","spec":{"rules":[{"action":"deny"}]}}""", """{"kind":"acl","name":"idle","spec":{"rules":[{"action":"permit"},{"action":"deny"}]}}"""),
        Back("the ACL that the flows pass", ["""{"kind":"acl","name":"guard","spec":{"rules":[{"action":"permit","from":["10.1.0.0/16"]},{"action":"permit-reflect","protocol":"udp"},{"action":"deny"}]}}"""], _base[1]),
        new("a group and an ACL that names it", ["""{"kind":"group","name":"g","spec":{"addresses":["10.1.0.0/16"]}}""", """{"kind":"acl","name":"guard","spec":{"rules":[{"action":"permit","from":["g"]},{"action":"permit"}]}}"""],
            ["""{"kind":"group","name":"g","spec":{"addresses":["10.2.0.0/16","2001:db8::/32"]}}"""], [_base[1], Delete("group", "g")]),
        Of("NAT of others", """{"kind":"nat","name":"dnat","spec":{"type":"static","outside":"198.51.100.1","protocol":"tcp","outside_port":8080,"inside":"10.1.0.2","inside_port":80}}""", """{"kind":"nat","name":"dnat","spec":{"type":"service","outside":"198.51.100.1","protocol":"tcp","outside_port":8080,"backends":[{"address":"10.1.0.2","port":80},{"address":"10.1.0.3","port":80}]}}"""),
        Of("security policies of others", """{"kind":"policy","name":"p","spec":{"action":"discard","remote_ts":["100.64.0.0/10"]}}""", """{"kind":"policy","name":"p","spec":{"action":"bypass","remote_ts":["100.64.0.0/10"],"priority":7}}"""),
        Of("a connection without a peer", Connection("10.2.0.0/24"), Connection("10.3.0.0/24")),
        Of("a VRF", """{"kind":"vrf","name":"blue","spec":{}}""", """{"kind":"vrf","name":"blue","spec":{"description":"of others"}}"""),
        new("a VRF with an interface and routes into another", ["""{"kind":"vrf","name":"blue","spec":{}}""", """{"kind":"interface","name":"blue-lo","spec":{"type":"tap","mac":"02:00:00:00:0b:01","mtu":1500,"vrf":"blue","addresses":["10.1.0.1/24"]}}""", """{"kind":"route","name":"leak","spec":{"to":"0.0.0.0/0","vrf":"blue","via":"198.51.100.2","next_hop_vrf":"default"}}"""],
            ["""{"kind":"route","name":"leak","spec":{"to":"0.0.0.0/0","vrf":"blue","via":"198.51.100.2","next_hop_vrf":"red"}}"""], [Delete("route", "leak"), Delete("interface", "blue-lo"), Delete("vrf", "blue")]),
        new("a bridge with a routed member", ["""{"kind":"interface","name":"pb","spec":{"type":"tap","mac":"02:00:00:00:0c:01","mtu":1500}}""", """{"kind":"interface","name":"bvi","spec":{"type":"loopback","addresses":["10.9.0.1/24"]}}""", """{"kind":"bridge","name":"other","spec":{"members":[{"interface":"pb"}],"bvi":"bvi"}}"""],
            ["""{"kind":"bridge","name":"other","spec":{"members":[{"interface":"pb","split_horizon_group":1}],"bvi":"bvi","mac_age":"60s"}}"""], [Delete("bridge", "other"), Delete("interface", "bvi"), Delete("interface", "pb")]),
        Back("a member of the bridge that flows pass",
            ["""{"kind":"interface","name":"pc","spec":{"type":"tap","mac":"02:00:00:00:0d:01","mtu":1500}}""", """{"kind":"bridge","name":"keep","spec":{"members":[{"interface":"port-a"},{"interface":"port-b"},{"interface":"pc"}],"static":[{"mac":"02:00:00:00:06:01","interface":"port-a"},{"mac":"02:00:00:00:06:02","interface":"port-b"}]}}"""],
            _base[9], Delete("interface", "pc")),
        new("a cross-connect", ["""{"kind":"interface","name":"xa","spec":{"type":"tap","mac":"02:00:00:00:0e:01","mtu":1500}}""", """{"kind":"interface","name":"xb","spec":{"type":"tap","mac":"02:00:00:00:0e:02","mtu":1500}}""", """{"kind":"cross-connect","name":"x","spec":{"a":"xa","b":"xb"}}"""],
            ["""{"kind":"cross-connect","name":"x","spec":{"a":"xb","b":"xa"}}"""], [Delete("cross-connect", "x"), Delete("interface", "xa"), Delete("interface", "xb")]),
        new("a mirror of a port in use", ["""{"kind":"interface","name":"mon","spec":{"type":"tap","mac":"02:00:00:00:0f:01","mtu":1500}}""", """{"kind":"span","name":"s","spec":{"source":"lan","destination":"mon"}}"""],
            ["""{"kind":"span","name":"s","spec":{"source":"wan","destination":"mon"}}"""], [Delete("span", "s"), Delete("interface", "mon")]),
        new("forwarding by policy of others", ["""{"kind":"acl","name":"voice","spec":{"rules":[{"action":"permit","protocol":"tcp"}]}}""", """{"kind":"abf-policy","name":"voice","spec":{"acl":"voice","next_hops":[{"via":"203.0.113.2"}]}}""", """{"kind":"interface","name":"lan","spec":{"type":"tap","mac":"02:00:00:00:01:01","mtu":1500,"addresses":["10.1.0.1/24","10.1.1.1/24","2001:db8:1::1/64"],"acl_in":["guard"],"abf":["voice"]}}"""],
            ["""{"kind":"abf-policy","name":"voice","spec":{"acl":"voice","next_hops":[{"via":"198.51.100.2"},{"via":"203.0.113.2"}]}}"""], [_base[2], Delete("abf-policy", "voice"), Delete("acl", "voice")]),
    ];

    [Fact]
    public async Task Flows_lose_nothing_by_changes_that_do_not_concern_them_and_what_is_removed_leaves_nothing()
    {
        await using var gateway = await MemoryGateway.StartAsync("\"workers\":1,\"buffers\":16384", ring: 1024);
        await ApplyAsync(gateway, _base);
        using var traffic = new SteadyTraffic(gateway, Flows());
        traffic.Flow(20);
        Assert.Null(traffic.Trouble);
        Holdings? before = null;
        for (var round = 0; round < 3; round++)
        {
            foreach (var step in _steps)
            {
                foreach (var (when, changes) in ((string, string[])[])[("put", step.Put), ("changed", step.Change), ("removed", step.Back)])
                {
                    await ApplyAsync(gateway, changes, mayWait: step.MayWait);
                    traffic.Flow(5);
                    Assert.True(traffic.Trouble is null, $"{step.What}, {when}: {traffic.Trouble}");
                }
            }

            traffic.Pause();
            var now = await Holdings.OfAsync(gateway);
            traffic.Resume();
            output.WriteLine($"round {round}, {traffic.Rounds} packets of each flow: {now}");
            // The first round makes what is then kept: threads of the pool, tables that grew.
            if (round > 0) Assert.Equal(before, now);
            before = now;
        }

        // And all of it at once.
        await ApplyAsync(gateway, [.. _steps.Where(s => !s.MayWait).SelectMany(s => s.Put).GroupBy(KeyOf).Select(g => g.Last())]);
        traffic.Flow(5);
        await ApplyAsync(gateway, _base, replace: true);
        traffic.Flow(5);
        Assert.Null(traffic.Trouble);
        traffic.Pause();
        Assert.Equal(before, await Holdings.OfAsync(gateway));
    }

    [Fact]
    public async Task An_established_flow_is_judged_again_when_its_acl_changes()
    {
        await using var gateway = await MemoryGateway.StartAsync("\"workers\":1,\"buffers\":4096", ring: 1024);
        await ApplyAsync(gateway, _base);
        SteadyFlow[] flows = [.. Flows().Where(f => f.Name.StartsWith("translated", StringComparison.Ordinal))];
        using (var traffic = new SteadyTraffic(gateway, flows))
        {
            traffic.Flow(5);
            Assert.Null(traffic.Trouble);
        }

        var (lan, wan) = (gateway.Wire("lan"), gateway.Wire("wan"));
        foreach (var (rule, passes) in ((string, bool)[])[("deny", false), ("permit", true), ("reject", false), ("permit-reflect", true)])
        {
            await ApplyAsync(gateway, [$$$"""{"kind":"acl","name":"guard","spec":{"rules":[{"action":"{{{rule}}}","from":["10.1.1.0/24"]},{"action":"permit"}]}}"""]);
            // A packet that passes in any case comes last: when it is out, the first had its fate.
            Assert.True(lan.Offer(flows[0].Frame));
            Assert.True(lan.Offer(SteadyTraffic.Udp(LanMac, Host, "10.1.0.2", "198.18.0.1", 999)));
            var came = 0;
            await UntilAsync(() =>
            {
                while (wan.CollectBytes() is { } frame)
                {
                    if (frame.Length < 60) continue;
                    if (frame.AsSpan(34, 2).SequenceEqual((byte[])[999 >> 8, 999 & 255])) return true;
                    came++;
                }

                return false;
            });
            Assert.True(came == (passes ? 1 : 0), rule);
        }
    }

    private static List<SteadyFlow> Flows()
    {
        var flows = new List<SteadyFlow>();
        for (var i = 0; i < 8; i++)
        {
            flows.Add(new($"routed {i}", "lan", "wan", SteadyTraffic.Udp(LanMac, Host, "10.1.0.2", $"198.18.{i}.1", (ushort)(1000 + i))));
            flows.Add(new($"translated {i}", "lan", "wan", SteadyTraffic.Udp(LanMac, Host, "10.1.1.2", $"198.18.{i}.2", (ushort)(2000 + i))));
            flows.Add(new($"IPv6 {i}", "lan", "wan", SteadyTraffic.Udp(LanMac, Host, "2001:db8:1::2", $"2001:db8:99::{i + 1}", (ushort)(3000 + i))));
            flows.Add(new($"in the list {i}", "lan", "dmz", SteadyTraffic.Udp(LanMac, Host, "10.1.0.2", $"198.18.{100 + (i % 2)}.{i + 1}", (ushort)(4000 + i))));
            flows.Add(new($"in the VRF {i}", "red-in", "red-out", SteadyTraffic.Udp(RedMac, RedHost, "10.1.0.2", $"198.18.{i}.1", (ushort)(5000 + i))));
            flows.Add(new($"bridged {i}", "port-a", "port-b", SteadyTraffic.Udp(StationB, StationA, "10.77.0.1", "10.77.0.2", (ushort)(6000 + i))));
        }

        return flows;
    }

    private static async Task ApplyAsync(MemoryGateway gateway, string[] changes, bool mayWait = false, bool replace = false)
    {
        var (deletes, puts) = (changes.Where(c => !c.Contains("\"spec\"", StringComparison.Ordinal)), changes.Where(c => c.Contains("\"spec\"", StringComparison.Ordinal)));
        var outcome = await gateway.SendAsync($"\"replace\":{(replace ? "true" : "false")},\"put\":[{string.Join(',', puts)}],\"delete\":[{string.Join(',', deletes)}]");
        Assert.True(outcome.Status == OutcomeStatus.Accepted, string.Join(" ", outcome.Errors.Select(e => $"{e.Item} {e.Path} {e.Message}")));
        // What takes longer than an outcome waits for is waited for here.
        if (!mayWait) await UntilAsync(() => gateway.Runtime.Gateway().Pending == 0);
    }

    private static async Task UntilAsync(Func<bool> done)
    {
        for (var since = Environment.TickCount64; !done(); await Task.Delay(1)) Assert.True(Environment.TickCount64 - since < 30_000, "It took too long.");
    }

    private static Step Of(string what, string put, string change, bool mayWait = false) => new(what, [put], [change], [put[..put.IndexOf(",\"spec\"", StringComparison.Ordinal)] + "}"]) { MayWait = mayWait };

    private static Step Back(string what, string[] change, params string[] back) => new(what, change, back.Where(b => b.Contains("\"spec\"", StringComparison.Ordinal)).ToArray(), back.Where(b => !b.Contains("\"spec\"", StringComparison.Ordinal)).ToArray());

    private static string Delete(string kind, string name) => $$"""{"kind":"{{kind}}","name":"{{name}}"}""";

    private static string KeyOf(string item) => item.Split(",\"spec\"")[0].TrimEnd('}');

    private static string List(string name, int first, int count, string via) =>
        $$$"""{"kind":"route-list","name":"{{{name}}}","spec":{"to":[{{{string.Join(',', Enumerable.Range(first, count).Select(n => $"\"20.{n / 256}.{n % 256}.0/24\""))}}}],"via":"{{{via}}}"}}""";

    private static string Connection(string remote) =>
        $$$$$"""{"kind":"connection","name":"branch","spec":{"local_addrs":["198.51.100.1"],"remote_addrs":["198.51.100.9"],"local":[{"auth":"psk","id":"a"}],"remote":[{"auth":"psk","id":"b"}],"children":{"net":{"local_ts":["10.1.0.0/24"],"remote_ts":["{{{{{remote}}}}}"]}}}}""";
}
