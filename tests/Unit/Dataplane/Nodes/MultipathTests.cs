using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>Routes with several next hops, and several routes to one prefix. A lab with ports `a`, `b`, `c` (10.0.N.1/24, fd0N::1/64; the next hop .2 of each) and a host behind `in`.</summary>
public sealed class MultipathTests
{
    private static readonly byte[] _in = [2, 0, 0, 0, 0, 9], _host = SwitchLab.Mac(9);

    private static SwitchLab Lab(bool withNeighbors = true)
    {
        var lab = new SwitchLab();
        lab.Control.SetAddresses(lab.Port("in", 9), [new(IPAddress.Parse("10.9.0.1"), 24), new(IPAddress.Parse("fd09::1"), 64)]);
        lab.Control.AddNeighbor(lab.Index("in"), IPAddress.Parse("10.9.0.2"), new PhysicalAddress(_host));
        foreach (var (name, n) in (ReadOnlySpan<(string, byte)>)[("a", 1), ("b", 2), ("c", 3)])
        {
            var index = lab.Port(name, n);
            lab.Control.SetAddresses(index, [new(IPAddress.Parse($"10.0.{n}.1"), 24), new(IPAddress.Parse($"fd0{n}::1"), 64)]);
            if (!withNeighbors) continue;
            lab.Control.AddNeighbor(index, IPAddress.Parse($"10.0.{n}.2"), new PhysicalAddress([2, 0, 0, 0, 3, n]));
            lab.Control.AddNeighbor(index, IPAddress.Parse($"fd0{n}::2"), new PhysicalAddress([2, 0, 0, 0, 3, n]));
        }

        lab.Step();
        lab.Left();
        return lab;
    }

    private static RouteHop Via(int n, int weight = 1, bool v6 = false) => new(IPAddress.Parse(v6 ? $"fd0{n}::2" : $"10.0.{n}.2"), null, weight);

    private static void Route(SwitchLab lab, params RouteHop[] hops) =>
        Assert.True(lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse(hops[0].Via!.ToString().Contains(':', StringComparison.Ordinal) ? "fdff::/16" : "10.77.0.0/16"), NextHops = hops }));

    private static byte[] Packet(int flow, bool v6 = false)
    {
        var (from, to) = v6 ? ("fd09::2", $"fdff::{flow % 7 + 1:x}") : ("10.9.0.2", $"10.77.0.{flow % 7 + 1}");
        var udp = Build.Udp(from, to, 1000 + flow, 53, Build.Bytes(10));
        return Build.Ethernet(_in, _host, (ushort)(v6 ? 0x86DD : 0x0800), v6 ? Build.Ip6(from, to, 17, udp) : Build.Ip4(from, to, 17, udp));
    }

    /// <summary>By which port each flow leaves.</summary>
    private static string[] Ways(SwitchLab lab, int flows = 400, bool v6 = false) => [.. Enumerable.Range(0, flows).Select(f =>
    {
        lab.Send("in", Packet(f, v6));
        return string.Join(',', lab.Left());
    })];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Flows_are_shared_out_by_weight_and_keep_their_way(bool v6)
    {
        using var lab = Lab();
        Route(lab, Via(1, 1, v6), Via(2, 3, v6));
        var first = Ways(lab, v6: v6);
        Assert.Equal(first, Ways(lab, v6: v6));
        // 400 flows at one half, three quarters: 100 and 300, and five standard deviations of a fair choice around that.
        Assert.InRange(first.Count(w => w == "a"), 55, 145);
        Assert.All(first, w => Assert.Contains(w, (string[])["a", "b"]));
        var row = lab.Control.Routes().Single(r => r.NextHops.Count > 0);
        Assert.Equal([("a", 64, false), ("b", 192, false)], row.NextHops.Select(h => (h.Interface!, h.Share, h.IsAway)));
        Assert.Empty(lab.Drops());
    }

    [Fact]
    public void A_next_hop_that_goes_takes_only_its_own_flows_along_and_gets_them_back()
    {
        using var lab = Lab();
        Route(lab, Via(1), Via(2), Via(3));
        var before = Ways(lab);
        Assert.Equal(["a", "b", "c"], before.Distinct().Order());
        lab.Remove("b");
        var without = Ways(lab);
        foreach (var (was, now) in before.Zip(without))
            if (was != "b") Assert.Equal(was, now);
        Assert.DoesNotContain("b", without);

        var index = lab.Port("b", 2);
        lab.Control.SetAddresses(index, [new(IPAddress.Parse("10.0.2.1"), 24)]);
        lab.Control.AddNeighbor(index, IPAddress.Parse("10.0.2.2"), new PhysicalAddress([2, 0, 0, 0, 3, 2]));
        lab.Step();
        lab.Left();
        var after = Ways(lab);
        foreach (var (was, now) in without.Zip(after)) Assert.True(now == was || now == "b", "only what goes to the one that is back moves");
        Assert.InRange(after.Count(w => w == "b"), 85, 185);
    }

    [Fact]
    public void A_next_hop_that_does_not_answer_leaves_the_list_until_it_speaks()
    {
        using var lab = Lab(withNeighbors: false);
        lab.Control.AddNeighbor(lab.Index("a"), IPAddress.Parse("10.0.1.2"), new PhysicalAddress([2, 0, 0, 0, 3, 1]));
        Route(lab, Via(1), Via(2));
        Assert.Contains("b", Ways(lab, 50).SelectMany(w => w.Split(',')));
        lab.Control.TakeNotice(new Notice { Kind = NoticeKind.NeighborFailed, Interface = lab.Index("b"), AddressLow = 0x0A00_0202 });
        Assert.All(Ways(lab, 100), w => Assert.Equal("a", w));
        Assert.True(lab.Control.Routes().Single(r => r.NextHops.Count > 0).NextHops[1].IsAway);

        lab.Send("b", Build.Ethernet([2, 0, 0, 0, 0, 2], [2, 0, 0, 0, 3, 2], 0x0806, Build.Arp(2, [2, 0, 0, 0, 3, 2], "10.0.2.2", [2, 0, 0, 0, 0, 2], "10.0.2.1")));
        lab.Left();
        Assert.Contains("b", Ways(lab, 100));
    }

    [Fact]
    public void Fragments_of_a_datagram_take_one_way()
    {
        using var lab = Lab();
        Route(lab, Via(1), Via(2), Via(3));
        for (ushort id = 1; id < 40; id++)
        {
            var udp = Build.Udp("10.9.0.2", "10.77.0.1", 1000 + id, 53, Build.Bytes(1000));
            lab.Send("in", Build.Ethernet(_in, _host, 0x0800, Build.Ip4("10.9.0.2", "10.77.0.1", 17, udp[..800], id: id, mf: true)));
            lab.Send("in", Build.Ethernet(_in, _host, 0x0800, Build.Ip4("10.9.0.2", "10.77.0.1", 17, udp[800..], id: id, offset: 800)));
            Assert.Single(lab.Left().Distinct());
        }
    }

    [Fact]
    public void The_route_with_the_lowest_preference_is_taken_and_the_next_when_it_leads_nowhere()
    {
        using var lab = Lab();
        var to = IPNetwork.Parse("10.77.0.0/16");
        Assert.True(lab.Control.AddRoute(new RouteSettings { To = to, Via = IPAddress.Parse("10.0.2.2"), Preference = 20 }));
        Assert.True(lab.Control.AddRoute(new RouteSettings { To = to, Via = IPAddress.Parse("10.0.1.2"), Preference = 10 }));
        Assert.True(lab.Control.AddRoute(new RouteSettings { To = to, Kind = RouteKind.Unreachable, Preference = 200 }));
        Assert.Equal(["a"], Ways(lab, 9).Distinct());
        lab.Remove("a");
        Assert.Equal(["b"], Ways(lab, 9).Distinct());
        Assert.True(lab.Control.RemoveRoute(0, to, 20));
        lab.Send("in", Packet(1));
        var error = new Seen(Assert.Single(lab.Sent("in")));
        Assert.Equal((3, 1), (error.IcmpType, error.IcmpCode));
        Assert.Equal(["ip4-lookup/unreachable=1"], lab.Drops());
        Assert.False(lab.Control.RemoveRoute(0, to));
    }

    [Fact]
    public void Lists_are_given_back_with_the_routes_that_lead_through_them()
    {
        using var lab = Lab();
        var before = lab.Control.Tables.Adjacencies.Count;
        for (var n = 0; n < 50; n++)
            Assert.True(lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse($"10.{n + 100}.0.0/16"), NextHops = [Via(1), Via(2)] }));
        // They share one.
        Assert.Equal(before + 1, lab.Control.Tables.Adjacencies.Count);
        for (var n = 0; n < 50; n++) Assert.True(lab.Control.RemoveRoute(0, IPNetwork.Parse($"10.{n + 100}.0.0/16")));
        lab.Step();
        lab.Control.Tick();
        Assert.Equal(before, lab.Control.Tables.Adjacencies.Count);
    }

    /// <summary>The shares against their definition, through random weights and changes.</summary>
    [Fact]
    public void Shares_are_right_to_one_bucket_and_what_need_not_move_stays()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        for (var round = 0; round < 200; round++)
        {
            var all = Enumerable.Range(0, random.Next(1, 20)).Select(_ => random.Next(1, 30)).ToArray();
            var weights = all.ToArray();
            var owners = Enumerable.Repeat(PathShares.None, PathList.Buckets).ToArray();
            for (var step = 0; step < 20; step++)
            {
                var before = owners.ToArray();
                var hop = random.Next(all.Length);
                var dies = weights[hop] > 0 && step > 0;
                weights[hop] = dies ? 0 : all[hop];
                PathShares.Assign(owners, weights);
                var total = weights.Sum();
                if (total == 0)
                {
                    Assert.All(owners, o => Assert.Equal(PathShares.None, o));
                    continue;
                }
                for (var h = 0; h < weights.Length; h++)
                    Assert.True(Math.Abs(owners.Count(o => o == h) - ((double)PathList.Buckets * weights[h] / total)) <= 1, $"seed {seed}: hop {h}");
                if (!dies) continue;
                for (var b = 0; b < owners.Length; b++)
                    if (before[b] != hop && before[b] != PathShares.None) Assert.True(before[b] == owners[b], $"seed {seed}: bucket {b} moved without need");
            }
        }
    }
}
