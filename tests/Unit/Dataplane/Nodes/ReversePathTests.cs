using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>RFC 3704. Ports `a` (10.1.0.1, fd01::1), `b` (10.2.0.1, fd02::1) and `out` (10.3.0.1, fd03::1); hosts .2 on each; 10.77.0.0/16 and fd77::/16 lie behind `b`.</summary>
public sealed class ReversePathTests
{
    private static SwitchLab Lab(SourceRule rule)
    {
        var lab = new SwitchLab();
        foreach (var (name, n) in (ReadOnlySpan<(string, byte)>)[("a", 1), ("b", 2), ("out", 3)])
        {
            var index = lab.Port(name, n);
            lab.Control.SetAddresses(index, [new(IPAddress.Parse($"10.{n}.0.1"), 24), new(IPAddress.Parse($"fd0{n}::1"), 64)]);
            lab.Control.AddNeighbor(index, IPAddress.Parse($"10.{n}.0.2"), new PhysicalAddress(SwitchLab.Mac(n)));
            lab.Control.AddNeighbor(index, IPAddress.Parse($"fd0{n}::2"), new PhysicalAddress(SwitchLab.Mac(n)));
        }

        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.77.0.0/16"), Via = IPAddress.Parse("10.2.0.2") });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("fd77::/16"), Via = IPAddress.Parse("fd02::2") });
        lab.Control.SetInterface(
            lab.Index("a"), new InterfaceSettings { Name = "a", Type = "in-memory", Mac = new PhysicalAddress([2, 0, 0, 0, 0, 1]), Source4 = rule, Source6 = rule });
        lab.Step();
        lab.Left();
        return lab;
    }

    private static bool Passes(SwitchLab lab, string source)
    {
        var v6 = source.Contains(':', StringComparison.Ordinal);
        var to = v6 ? "fd03::2" : "10.3.0.2";
        var udp = Build.Udp(source, to, 1, 2, Build.Bytes(20));
        lab.Send("a", Build.Ethernet([2, 0, 0, 0, 0, 1], SwitchLab.Mac(1), (ushort)(v6 ? 0x86DD : 0x0800), v6 ? Build.Ip6(source, to, 17, udp) : Build.Ip4(source, to, 17, udp)));
        return lab.Left().Contains("out");
    }

    [Theory]
    [InlineData(SourceRule.Any, true, true, true)]
    [InlineData(SourceRule.Loose, true, true, false)]
    [InlineData(SourceRule.Strict, true, false, false)]
    public void The_way_back_must_be_what_the_interface_asks_for(SourceRule rule, bool here, bool elsewhere, bool nowhere)
    {
        using var lab = Lab(rule);
        foreach (var v6 in (bool[])[false, true])
            Assert.Equal(
                (here, elsewhere, nowhere), (Passes(lab, v6 ? "fd01::9" : "10.1.0.9"), Passes(lab, v6 ? "fd77::9" : "10.77.0.9"), Passes(lab, v6 ? "fdee::9" : "198.51.100.9")));
        var refused = (elsewhere ? 0 : 1) + (nowhere ? 0 : 1);
        Assert.Equal((ulong)refused, lab.Count("ip4-input/no-way-back"));
        Assert.Equal((ulong)refused, lab.Count("ip6-input/no-way-back"));
    }

    [Fact]
    public void One_of_several_ways_back_is_enough_and_a_blackhole_is_none()
    {
        using var lab = Lab(SourceRule.Strict);
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.88.0.0/16"), NextHops = [new(IPAddress.Parse("10.2.0.2")), new(IPAddress.Parse("10.1.0.2"))] });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.89.0.0/16"), NextHops = [new(IPAddress.Parse("10.2.0.2")), new(IPAddress.Parse("10.3.0.2"))] });
        lab.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.1.0.128/25"), Kind = RouteKind.Blackhole });
        Assert.Equal((true, false, false), (Passes(lab, "10.88.0.9"), Passes(lab, "10.89.0.9"), Passes(lab, "10.1.0.200")));
    }

    [Fact]
    public void Neighbor_discovery_from_link_local_and_unspecified_sources_goes_on()
    {
        using var lab = Lab(SourceRule.Strict);
        foreach (var source in (string[])["fe80::9", "::"])
        {
            lab.Send("a", Build.Ethernet(
                [0x33, 0x33, 0xFF, 0, 0, 1], SwitchLab.Mac(1), 0x86DD, Build.Neighbor(source, "ff02::1:ff00:1", 135, 0, "fd01::1", source == "::" ? null : SwitchLab.Mac(1))));
            Assert.Equal(["a"], lab.Left());
        }
    }
}
