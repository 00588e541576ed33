using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>RFC 1027, RFC 4861 §7.2.8: answers in the place of hosts elsewhere. Port `a` is 10.1.0.1/16 and fd01::1/64, host .9; 10.1.2.0/24 and fd01::2:0/112 lie behind `b`.</summary>
public sealed class NeighborProxyTests
{
    private static readonly byte[] _a = [2, 0, 0, 0, 0, 1], _host = SwitchLab.Mac(9), _none = new byte[6];

    private static SwitchLab Lab(bool sameLink, params (string First, string Last)[] ranges)
    {
        var lab = new SwitchLab();
        lab.Control.SetAddresses(lab.Port("a", 1), [new(IPAddress.Parse("10.1.0.1"), 16), new(IPAddress.Parse("fd01::1"), 64)]);
        lab.Control.SetAddresses(lab.Port("b", 2), [new(IPAddress.Parse("10.2.0.1"), 24), new(IPAddress.Parse("fd02::1"), 64)]);
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.1.2.0/24"), Via = IPAddress.Parse("10.2.0.2") });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("fd01::2:0/112"), Via = IPAddress.Parse("fd02::2") });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.1.3.0/24"), Kind = RouteKind.Unreachable });
        lab.Control.SetInterface(lab.Index("a"), new InterfaceSettings
        {
            Name = "a",
            Type = "in-memory",
            Mac = new PhysicalAddress(_a),
            Proxies = [.. ranges.Select(r => (IPAddress.Parse(r.First), IPAddress.Parse(r.Last)))],
            ProxySameLink = sameLink,
        });
        lab.Step();
        lab.Left();
        return lab;
    }

    private static bool Answers(SwitchLab lab, string target, string sender = "10.1.0.9")
    {
        lab.Send("a", Build.Ethernet(SwitchLab.Broadcast, _host, 0x0806, Build.Arp(1, _host, sender, _none, target)));
        var sent = lab.Sent("a");
        if (sent.Count == 0) return false;
        Assert.Equal(Build.Arp(2, _a, target, _host, sender), Assert.Single(sent)[14..]);
        return true;
    }

    private static byte[]? Advertised(SwitchLab lab, string target, string source = "fd01::9")
    {
        lab.Send("a", Build.Ethernet([0x33, 0x33, 0xFF, 0, 0, 1], _host, 0x86DD, Build.Neighbor(source, "ff02::1:ff00:1", 135, 0, target, source == "::" ? null : _host)));
        return lab.Sent("a").SingleOrDefault();
    }

    [Fact]
    public void Requests_within_the_ranges_are_answered_while_a_route_leads_elsewhere()
    {
        using var lab = Lab(sameLink: false, ("10.1.2.0", "10.1.2.99"), ("10.1.3.0", "10.1.3.255"), ("10.2.0.1", "10.2.0.1"), ("10.1.0.20", "10.1.0.29"));
        Assert.Equal((true, true, false), (Answers(lab, "10.1.2.0"), Answers(lab, "10.1.2.99"), Answers(lab, "10.1.2.100")));
        // Refused by its route; another interface's own address; a host of this very link.
        Assert.Equal((false, true, false), (Answers(lab, "10.1.3.1"), Answers(lab, "10.2.0.1"), Answers(lab, "10.1.0.20")));
        Assert.Equal(3ul, lab.Count("arp-input/proxied"));
        // A probe and an announcement of the address itself are not for the gateway to speak about.
        Assert.False(Answers(lab, "10.1.2.5", "0.0.0.0"));
        Assert.False(Answers(lab, "10.1.2.5", "10.1.2.5"));
        lab.Control.RemoveRoute(0, IPNetwork.Parse("10.1.2.0/24"));
        Assert.False(Answers(lab, "10.1.2.0"));
    }

    [Fact]
    public void Hosts_of_one_link_are_spoken_for_where_that_is_asked()
    {
        using var lab = Lab(sameLink: true, ("10.1.0.0", "10.1.255.255"));
        Assert.Equal((true, true, false), (Answers(lab, "10.1.0.20"), Answers(lab, "10.1.2.1"), Answers(lab, "10.1.0.9")));
    }

    [Fact]
    public void Solicitations_are_answered_as_a_proxy_does()
    {
        using var lab = Lab(sameLink: false, ("fd01::2:0", "fd01::2:ffff"));
        var frame = Advertised(lab, "fd01::2:7")!;
        var icmp = frame.AsSpan(54);
        Assert.Equal(136, icmp[0]);
        // Router, solicited, no override.
        Assert.Equal(0xC0, icmp[4]);
        Assert.Equal(IPAddress.Parse("fd01::2:7"), new IPAddress(icmp.Slice(8, 16)));
        Assert.Equal(_a, icmp.Slice(26, 6).ToArray());
        Assert.True(new IPAddress(frame.AsSpan(14 + 8, 16)).IsIPv6LinkLocal);
        Assert.Null(Advertised(lab, "fd01::3:7"));
        Assert.Null(Advertised(lab, "fd01::2:7", "::"));
        Assert.Equal(1ul, lab.Count("nd-input/proxied"));
        // Own addresses are answered as ever.
        Assert.Equal(0xE0, Advertised(lab, "fd01::1")![54 + 4]);
    }

    [Fact]
    public void Ranges_hold_what_lies_between_their_ends()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var epochs = new Epochs(1);
        using var table = new ProxyTable(epochs);
        for (var round = 0; round < 200; round++)
        {
            UInt128 Address() => ((UInt128)(ulong)random.Next(4) << 64) | (ulong)random.Next(8);
            var ranges = Enumerable.Range(0, random.Next(1, 6)).Select(_ => (Address(), Address(), V6: random.Next(2) == 0)).Select(r => r.Item1 <= r.Item2 ? r : (r.Item2, r.Item1, r.V6)).ToList();
            table.Set(7, [.. ranges.Select(r => new ProxyRange { FirstHigh = (ulong)(r.Item1 >> 64), FirstLow = (ulong)r.Item1, LastHigh = (ulong)(r.Item2 >> 64), LastLow = (ulong)r.Item2, V6 = r.V6 })], sameLink: round % 2 == 0);
            for (var n = 0; n < 50; n++)
            {
                var (address, v6) = (Address(), random.Next(2) == 0);
                var expected = ranges.Any(r => r.V6 == v6 && r.Item1 <= address && address <= r.Item2);
                Assert.True(expected == table.Has(7, (ulong)(address >> 64), (ulong)address, v6, out _), $"seed {seed}");
            }

            epochs.Reclaim();
        }

        table.Set(7, [], false);
        Assert.False(table.Has(7, 0, 0, true, out _));
    }
}
