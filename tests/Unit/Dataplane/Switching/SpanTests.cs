using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Tables;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Switching;

/// <summary>Mirrors. A lab with ports `a`, `b` and `probe`.</summary>
public sealed class SpanTests
{
    private static readonly byte[] _one = SwitchLab.Mac(1), _two = SwitchLab.Mac(2);

    private static SwitchLab Bridged()
    {
        var lab = new SwitchLab();
        foreach (var (name, n) in (ReadOnlySpan<(string, byte)>)[("a", 1), ("b", 2), ("probe", 3)]) lab.Port(name, n);
        lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("a"), new("b")] });
        return lab;
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void Frames_of_a_bridges_member_are_copied_as_they_are_in_the_directions_that_are_wanted(bool @in, bool @out)
    {
        using var lab = Bridged();
        Assert.True(lab.Control.Spans.Set(new SpanSettings("watch", "a", "probe", @in, @out)));
        byte[] there = SwitchLab.Frame(_two, _one, 80), back = SwitchLab.Frame(_one, _two, 90);
        lab.Send("a", there);
        Assert.Equal(there, Assert.Single(lab.Sent("b")));
        Assert.Equal(@in ? [there] : [], lab.Sent("probe"));
        lab.Send("b", back);
        Assert.Equal(back, Assert.Single(lab.Sent("a")));
        Assert.Equal(@out ? [back] : [], lab.Sent("probe"));
        Assert.True(lab.Control.Spans.Remove("watch"));
        lab.Send("a", there);
        lab.Send("b", back);
        Assert.Equal(["a", "b"], lab.Left());
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void Routed_frames_and_those_for_the_gateway_itself_are_copied_too()
    {
        using var lab = new SwitchLab();
        var a = lab.Port("a", 1);
        lab.Port("probe", 3);
        lab.Control.SetAddresses(a, [new(IPAddress.Parse("10.0.0.1"), 24)]);
        lab.Control.AddNeighbor(a, IPAddress.Parse("10.0.0.2"), new PhysicalAddress(_two));
        lab.Step();
        lab.Left();
        lab.Control.Spans.Set(new SpanSettings("watch", "a", "probe"));
        lab.Send("a", Build.Ethernet([2, 0, 0, 0, 0, 1], _two, 0x0800, Build.Ip4("10.0.0.2", "10.0.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8)))));
        lab.Sent("a");
        Assert.Equal([8, 0], lab.Sent("probe").Select(f => new Seen(f).IcmpType));
        Assert.Equal((1ul, 1ul), (lab.Count("span-input/copied"), lab.Count("interface-output/copied")));
    }

    [Fact]
    public void Frames_of_a_vlan_interface_are_copied_without_the_tags_that_it_took()
    {
        using var lab = Bridged();
        lab.Port("trunk", 4);
        lab.Control.AddInterface(new InterfaceSettings { Name = "v", Type = "vlan" }, new InterfaceLink.Vlan(lab.Index("trunk"), new VlanTag(VlanTag.Dot1q, 7)));
        lab.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("a"), new("v")] });
        lab.Control.Spans.Set(new SpanSettings("watch", "v", "probe"));
        var frame = SwitchLab.Frame(_two, _one, 80);
        lab.Send("trunk", SwitchLab.Tagged(frame, (0x8100, 7)));
        Assert.Equal(frame, Assert.Single(lab.Sent("probe")));
        Assert.Equal(frame, Assert.Single(lab.Sent("a")));
        lab.Send("a", SwitchLab.Frame(_one, _two, 80));
        Assert.Equal(SwitchLab.Frame(_one, _two, 80), Assert.Single(lab.Sent("probe")));
        Assert.Equal(84, Assert.Single(lab.Sent("trunk")).Length);
    }

    /// <summary>The copies leave by the very interface that is mirrored, with a tunnel's headers around them.</summary>
    [Fact]
    public void A_mirror_into_a_tunnel_over_the_mirrored_interface_does_not_feed_itself()
    {
        using var lab = new SwitchLab();
        var wan = lab.Port("wan", 1);
        lab.Control.SetAddresses(wan, [new(IPAddress.Parse("192.0.2.1"), 24)]);
        lab.Control.AddNeighbor(wan, IPAddress.Parse("192.0.2.2"), new PhysicalAddress(_two));
        lab.Control.AddInterface(
            new InterfaceSettings { Name = "tap", Type = "gretap", Mtu = 1400 }, new InterfaceLink.IpTunnel(IpTunnelKind.GreEthernet, IPAddress.Parse("192.0.2.1"), IPAddress.Parse("192.0.2.2")));
        lab.Step();
        lab.Left();
        lab.Control.Spans.Set(new SpanSettings("watch", "wan", "tap"));
        var echo = Build.Ethernet([2, 0, 0, 0, 0, 1], _two, 0x0800, Build.Ip4("192.0.2.2", "192.0.2.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8))));
        lab.Send("wan", echo);
        var sent = lab.Sent("wan").Select(f => new Seen(f)).ToList();
        // The reply, a copy of the request and a copy of the reply.
        Assert.Equal([1, 47, 47], sent.Select(s => (int)s.Protocol).Order());
        Assert.Contains(sent, s => s.Protocol == 47 && s.Payload.AsSpan(4).SequenceEqual(echo));
        Assert.Equal(lab.Pool.Capacity, lab.Pool.Available);
    }

    [Fact]
    public void A_mirror_waits_for_its_interfaces_and_ends_with_them()
    {
        using var lab = Bridged();
        lab.Remove("probe");
        Assert.False(lab.Control.Spans.Set(new SpanSettings("watch", "a", "probe")));
        lab.Send("a", SwitchLab.Frame(_two, _one));
        lab.Port("probe", 3);
        lab.Send("a", SwitchLab.Frame(_two, _one));
        Assert.Equal(["b", "b", "probe"], lab.Left());
        lab.Remove("probe");
        lab.Send("a", SwitchLab.Frame(_two, _one));
        Assert.Equal(["b"], lab.Left());
        Assert.Empty(lab.Drops());
    }

    /// <summary>Copies give way: a full pool costs copies, never frames.</summary>
    [Fact]
    public void Without_a_free_packet_the_copy_is_counted_and_the_frame_goes_on()
    {
        using var lab = Bridged();
        lab.Control.Spans.Set(new SpanSettings("watch", "a", "probe", Out: false));
        List<uint> taken = [];
        Assert.True(lab["a"].Offer(SwitchLab.Frame(_two, _one)));
        for (var index = lab.Pool.Allocate(); index != 0; index = lab.Pool.Allocate()) taken.Add(index);
        lab.Step();
        foreach (var index in taken) lab.Pool.Free(index);
        Assert.Equal(1ul, lab.Count("span-input/no-buffer"));
        Assert.Equal(["b"], lab.Left());
    }
}
