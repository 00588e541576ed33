using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Unit.Dataplane.Packets;
using Gateway.Unit.Dataplane.Switching;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>
/// VRFs. Three times the same: in the default VRF `d0` and `d1`, in blue `b0` and `b1`, in red `r0` and `r1`, each pair with 10.1.0.1/24, fd01::1/64 and 10.2.0.1/24, fd02::1/64, and the host .2 on each.
/// </summary>
public sealed class VrfTests
{
    private static readonly string[] _ports = ["d0", "d1", "b0", "b1", "r0", "r1"];

    private static byte Number(string port) => (byte)(Array.IndexOf(_ports, port) + 1);

    private static byte[] Host(string port) => SwitchLab.Mac(Number(port));

    private static SwitchLab Lab()
    {
        var lab = new SwitchLab();
        foreach (var name in _ports)
        {
            var vrf = lab.Control.VrfOf(name[0] switch { 'b' => "blue", 'r' => "red", _ => null });
            var index = lab.Port(name, Number(name), vrf: vrf);
            var net = name[1] == '0' ? 1 : 2;
            lab.Control.SetAddresses(index, [new(IPAddress.Parse($"10.{net}.0.1"), 24), new(IPAddress.Parse($"fd0{net}::1"), 64)]);
            lab.Control.AddNeighbor(index, IPAddress.Parse($"10.{net}.0.2"), new PhysicalAddress(Host(name)));
            lab.Control.AddNeighbor(index, IPAddress.Parse($"fd0{net}::2"), new PhysicalAddress(Host(name)));
        }

        lab.Step();
        lab.Left();
        return lab;
    }

    private static byte[] Packet(string port, string from, string to, byte protocol = 17, byte[]? payload = null)
    {
        var v6 = from.Contains(':', StringComparison.Ordinal);
        payload ??= Build.Udp(from, to, 1000, 2000, Build.Bytes(20));
        return Build.Ethernet([2, 0, 0, 0, 0, Number(port)], Host(port), (ushort)(v6 ? 0x86DD : 0x0800), v6 ? Build.Ip6(from, to, protocol, payload) : Build.Ip4(from, to, protocol, payload));
    }

    [Theory]
    [InlineData("10.1.0.2", "10.2.0.2")]
    [InlineData("fd01::2", "fd02::2")]
    public void The_same_addresses_are_other_hosts_in_each_vrf(string from, string to)
    {
        using var lab = Lab();
        foreach (var vrf in (string[])["d", "b", "r"])
        {
            lab.Send($"{vrf}0", Packet($"{vrf}0", from, to));
            Assert.Equal(Build.Text(Host($"{vrf}1")), new Seen(Assert.Single(lab.Sent($"{vrf}1"))).To);
            Assert.Empty(lab.Left());
        }
        Assert.Empty(lab.Drops());
    }

    [Fact]
    public void Pings_are_answered_in_their_vrf_and_a_removed_address_is_missed_there_alone()
    {
        using var lab = Lab();
        lab.Control.SetAddresses(lab.Index("r1"), []);
        foreach (var vrf in (string[])["d", "b", "r"]) lab.Send($"{vrf}0", Packet($"{vrf}0", "10.1.0.2", "10.2.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8))));
        Assert.Equal((0, 0), (new Seen(Assert.Single(lab.Sent("d0"))).IcmpType, new Seen(Assert.Single(lab.Sent("b0"))).IcmpType));
        // RFC 1812 §5.2.7.1: the error comes back in the VRF that the packet came in by.
        var error = new Seen(Assert.Single(lab.Sent("r0")));
        Assert.Equal((3, 0, "10.1.0.1"), (error.IcmpType, error.IcmpCode, error.Source));
        Assert.Empty(lab.Left());
    }

    [Fact]
    public void A_route_leaks_one_way_and_another_back()
    {
        using var lab = Lab();
        var (blue, red) = (lab.Control.VrfOf("blue"), lab.Control.VrfOf("red"));
        lab.Send("b0", Packet("b0", "10.1.0.2", "10.7.0.9"));
        Assert.Equal(["ip4-lookup/no-route=1"], lab.Drops());
        lab.Left();
        Assert.True(lab.Control.AddRoute(new RouteSettings { Vrf = blue, To = IPNetwork.Parse("10.7.0.0/16"), Via = IPAddress.Parse("10.2.0.2"), NextHopVrf = red }));
        Assert.True(lab.Control.AddRoute(new RouteSettings { Vrf = red, To = IPNetwork.Parse("10.1.0.2/32"), NextHops = [new RouteHop(IPAddress.Parse("10.1.0.2"))], NextHopVrf = blue }));
        lab.Send("b0", Packet("b0", "10.1.0.2", "10.7.0.9"));
        Assert.Equal(["r1"], lab.Left());
        lab.Send("r1", Packet("r1", "10.7.0.9", "10.1.0.2"));
        Assert.Equal(["b0"], lab.Left());
        // The default VRF knows nothing of it.
        lab.Send("d0", Packet("d0", "10.1.0.2", "10.7.0.9"));
        Assert.Equal(["d0"], lab.Left());
        Assert.Equal(["ip4-lookup/no-route=2"], lab.Drops());
    }

    [Fact]
    public void Ike_and_the_hosts_stack_are_the_default_vrfs()
    {
        using var lab = Lab();
        var punt = lab.Port("host", 9);
        lab.Control.SetPuntInterface(punt);
        lab.Send("d0", Packet("d0", "10.1.0.2", "10.1.0.1"));
        Assert.Equal(["host"], lab.Left());
        lab.Send("b0", Packet("b0", "10.1.0.2", "10.1.0.1"));
        var error = new Seen(Assert.Single(lab.Sent("b0")));
        Assert.Equal((3, 3), (error.IcmpType, error.IcmpCode));
        lab.Send("b0", Packet("b0", "10.1.0.2", "10.1.0.1", 17, Build.Udp("10.1.0.2", "10.1.0.1", 500, 500, Build.Bytes(40))));
        Assert.Empty(lab.Left());
        Assert.Contains("ike-punt/other-vrf=1", lab.Drops());
    }

    [Fact]
    public void Numbers_are_used_again_when_a_name_is_gone()
    {
        using var lab = new SwitchLab();
        var blue = lab.Control.VrfOf("blue");
        Assert.Equal((0u, 0u, blue), (lab.Control.VrfOf(null), lab.Control.VrfOf("default"), lab.Control.VrfOf("blue")));
        Assert.NotEqual(blue, lab.Control.VrfOf("red"));
        lab.Control.ForgetVrf("blue");
        Assert.Equal(blue, lab.Control.VrfOf("green"));
        Assert.Equal("green", lab.Control.NameOfVrf(blue));
        foreach (var i in Enumerable.Range(0, 253)) lab.Control.VrfOf($"v{i}");
        Assert.Throws<ArgumentException>(() => lab.Control.VrfOf("one too many"));
    }
}
