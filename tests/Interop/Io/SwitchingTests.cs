using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Tables;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Bridges, VLANs and VXLAN between Linux hosts, with the kernel's own bridge and VXLAN device beside them.</summary>
public sealed class SwitchingTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    /// <summary>The same hosts, first behind the kernel's bridge and then behind the gateway's.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Three_hosts_on_a_bridge_reach_each_other_and_a_station_that_moves_is_followed(bool kernel)
    {
        Netns box = _net.Add("box");
        Netns[] hosts = [.. Enumerable.Range(1, 3).Select(i => Host(box, i))];
        if (kernel)
        {
            box.Must("ip link add br0 type bridge && ip link set br0 up");
            for (int i = 1; i <= 3; i++) box.Must($"ip link set p{i} master br0");
        }
        else
        {
            DataplaneControl dataplane = Gateway(box, "p1", "p2", "p3");
            dataplane.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("p1"), new("p2"), new("p3")] });
        }

        foreach (Netns host in hosts)
            for (int i = 1; i <= 3; i++)
            {
                host.Must($"ping -c1 -W5 10.1.0.{i}");
                host.Must($"ping -c1 -W5 fd01::{i}");
            }

        TcpTransfer.Run(hosts[0], hosts[1], "10.1.0.2");
        TcpTransfer.Run(hosts[2], hosts[0], "fd01::1");

        // The first host's station turns up at the third: what is for it goes there.
        string mac = hosts[0].Mac("eth0");
        hosts[0].Must("ip link set eth0 down");
        hosts[2].Must($"ip link set eth0 down && ip link set eth0 address {mac} && ip link set eth0 up && ip addr add 10.1.0.1/24 dev eth0");
        hosts[2].Must("ping -c1 -W5 10.1.0.2");
        hosts[1].Must("ping -c2 -i0.2 -W5 10.1.0.1");
    }

    [Fact]
    public void The_routed_member_is_reached_through_the_bridge()
    {
        Netns box = _net.Add("box");
        Netns[] hosts = [Host(box, 1), Host(box, 2)];
        DataplaneControl dataplane = Gateway(box, "p1", "p2");
        uint bvi = dataplane.AddInterface(new InterfaceSettings { Name = "lan", Type = "loopback" });
        dataplane.SetAddresses(bvi, [new(IPAddress.Parse("10.1.0.254"), 24), new(IPAddress.Parse("fd01::fe"), 64)]);
        dataplane.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("p1"), new("p2")], Bvi = "lan" });
        foreach (Netns host in hosts)
        {
            host.Must("ping -c2 -i0.2 -W5 10.1.0.254");
            host.Must("ping -c2 -i0.2 -W5 fd01::fe");
        }

        hosts[0].Must("ping -c1 -W5 10.1.0.2");
        Assert.Equal(2, dataplane.Switching.Bridges().Single().Members.Sum(m => m.Macs));
    }

    /// <summary>host – gateway – trunk – gateway – host: what lies on the trunk is read by tshark.</summary>
    [Theory]
    [InlineData(false, "0x8100", "100")]
    [InlineData(true, "0x88a8", "300|200")]
    public void Tags_are_put_on_and_taken_off_and_others_see_them(bool two, string type, string ids)
    {
        Netns one = _net.Add("one"), other = _net.Add("other");
        Netns left = Host(one, 1), right = Host(other, 2);
        _net.Link(one, "trunk", other, "trunk");
        foreach ((Netns box, string port) in (ReadOnlySpan<(Netns, string)>)[(one, "p1"), (other, "p2")])
        {
            DataplaneControl dataplane = Gateway(box, port, "trunk");
            Assert.True(dataplane.TryFindInterface("trunk", out uint trunk));
            InterfaceLink.Vlan link = two
                ? new(trunk, new VlanTag(VlanTag.Dot1ad, 300), new VlanTag(VlanTag.Dot1q, 200))
                : new(trunk, new VlanTag(VlanTag.Dot1q, 100));
            dataplane.AddInterface(new InterfaceSettings { Name = "service", Type = "vlan", Mtu = two ? 1496 : 1500 }, link);
            Assert.True(dataplane.Switching.SetConnect(new CrossConnectSettings("line", port, "service")));
        }

        if (two)
            foreach (Netns host in (Netns[])[left, right]) host.Must("ip link set eth0 mtu 1496");
        using PacketCapture capture = new(one, "trunk");
        left.Must("ping -c3 -i0.2 -W5 10.1.0.2");
        left.Must("ping -c1 -W5 -s 1400 fd01::2");
        TcpTransfer.Run(left, right, "10.1.0.2");
        capture.Stop();
        // What the gateway sends itself passes beside the capture.
        IReadOnlyList<string[]> pings = Tshark.Fields(capture.File, null, "icmp", "eth.type", "ieee8021ad.id", "vlan.id", "ip.dst");
        Assert.True(pings.Count >= 3, "the capture holds the pings");
        Assert.All(pings, p => Assert.Equal(type, p[0].Split(',')[0]));
        Assert.All(pings, p => Assert.Equal(ids, string.Join('|', p[1..3].Where(id => id.Length > 0))));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void The_kernels_vxlan_device_and_the_gateway_carry_each_others_frames(bool over6)
    {
        Netns box = _net.Add("box"), far = _net.Add("far");
        Netns host = Host(box, 1);
        host.Must("ip link set eth0 mtu 1430");
        _net.Link(box, "wan", far, "eth0");
        (string own, string peer) = over6 ? ("2001:db8::1", "2001:db8::2") : ("192.0.2.1", "192.0.2.2");
        far.Address("eth0", peer + (over6 ? "/64" : "/24"));
        Shell.Must("ip", ["netns", "exec", far.Name, "ip", "link", "add", "vx0", "type", "vxlan", "id", "42", "local", peer, "remote", own, "dstport", "4789"]);
        far.Must("ip link set vx0 mtu 1430 up");
        far.Address("vx0", "10.1.0.2/24");
        far.Address("vx0", "fd01::2/64");

        DataplaneControl dataplane = Gateway(box, "p1", "wan");
        Assert.True(dataplane.TryFindInterface("wan", out uint wan));
        dataplane.SetAddresses(wan, [new(IPAddress.Parse(own), over6 ? 64 : 24)]);
        dataplane.AddInterface(new InterfaceSettings { Name = "vx", Type = "vxlan", Mtu = 1430 }, new InterfaceLink.Vxlan(42, IPAddress.Parse(own), [IPAddress.Parse(peer)]));
        dataplane.Switching.SetBridge(new BridgeSettings { Name = "br", Members = [new("p1"), new("vx")] });

        // On a veth pair the kernel leaves the checksums and the cutting of the inner packets to the other end, which cannot be told of both headers.
        far.Must("ethtool -K vx0 tx off gso off tso off");
        using PacketCapture capture = new(far, "eth0");
        host.Must("ping -c3 -i0.2 -W5 10.1.0.2");
        far.Must("ping -c3 -i0.2 -W5 fd01::1");
        TcpTransfer.Run(host, far, "10.1.0.2");
        TcpTransfer.Run(far, host, "fd01::1");
        capture.Stop();
        IReadOnlyList<string[]> pings = Tshark.Fields(capture.File, null, "vxlan && icmp", "vxlan.vni", "udp.dstport");
        Assert.True(pings.Count >= 6, "the capture holds the pings and their answers");
        Assert.All(pings, p => Assert.Equal(("42", "4789"), (p[0], p[1].Split(',')[0])));
        Assert.Equal(2, dataplane.Switching.Bridges().Single().Members.Sum(m => m.Macs));
    }

    private Netns Host(Netns box, int number)
    {
        Netns host = _net.Add($"h{number}");
        _net.Link(host, "eth0", box, $"p{number}");
        host.Address("eth0", $"10.1.0.{number}/24");
        host.Address("eth0", $"fd01::{number}/64");
        return host;
    }

    /// <summary>A gateway in that namespace on these devices.</summary>
    private DataplaneControl Gateway(Netns box, params string[] devices)
    {
        PortFactory factory = new(null, box.Path);
        DataplaneControl dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(dataplane);
        dataplane.Start();
        foreach (string device in devices)
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket(device), dataplane.Pool));
            dataplane.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        }

        return dataplane;
    }
}
