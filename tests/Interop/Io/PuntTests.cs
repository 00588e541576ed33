using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>A host whose only way to the world is the port that the gateway took: its services and clients go on through the punt device.</summary>
public sealed class PuntTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly Netns _host;
    private readonly Netns _outside;
    private readonly DataplaneControl _dataplane = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
    private readonly PortFactory _factory;
    private PuntTap? _punt;
    private uint _tap;

    public PuntTests()
    {
        (_host, _outside) = (_net.Add("host"), _net.Add("outside"));
        _factory = new PortFactory(null, _host.Path);
        _dataplane.Start();
        _net.Link(_host, "wan", _outside, "eth0");
        _host.Address("wan", "192.0.2.7/24");
        _host.Address("wan", "2001:db8::7/64");
        _host.Route("default", "192.0.2.254");
        _outside.Address("eth0", "192.0.2.254/24");
        _outside.Address("eth0", "2001:db8::fe/64");
        _outside.Must("ip addr add 203.0.113.9/32 dev lo");
        _outside.Must("ip addr add 2001:db8:9::9/128 dev lo");
    }

    public void Dispose()
    {
        _dataplane.Dispose();
        _punt?.Dispose();
        _factory.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void The_hosts_services_and_clients_work_behind_a_taken_port_and_again_after_it()
    {
        PuntTap punt = TakeOver();

        // Services of the host, on the address that is the gateway's now.
        TcpTransfer.Run(_outside, _host, "192.0.2.7");
        TcpTransfer.Run(_outside, _host, "2001:db8::7");

        // Clients of the host, to a neighbor and beyond it.
        TcpTransfer.Run(_host, _outside, "192.0.2.254");
        TcpTransfer.Run(_host, _outside, "203.0.113.9");
        TcpTransfer.Run(_host, _outside, "2001:db8:9::9");

        // A port where nothing listens is refused by the host's own stack, not by silence.
        Assert.Contains("refused", _outside.Must("python3 -c '\nimport socket\ns=socket.socket(); s.settimeout(5)\ntry: s.connect((\"192.0.2.7\",1))\nexcept Exception as e: print(e)'"), StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.7", _host.Must("ip addr show dev wan"), StringComparison.Ordinal);

        // An address that goes takes its rule and routes along.
        punt.Update([IPAddress.Parse("192.0.2.7")], []);
        Assert.DoesNotContain("2001:db8::7", _host.Must("ip -6 addr show dev gw-punt; ip -6 rule; ip -6 route"), StringComparison.Ordinal);
        Assert.Contains("from 192.0.2.7 lookup 26488", _host.Must("ip rule"), StringComparison.Ordinal);
        Assert.DoesNotContain("192.0.2.0/24", _host.Must("ip route"), StringComparison.Ordinal);
        _dataplane.RemoveInterface(_tap);
        punt.Dispose();

        foreach (InterfaceRow row in _dataplane.Interfaces()) _dataplane.RemoveInterface(row.Index);
        Assert.DoesNotContain("26488", _host.Must("ip rule; ip -6 rule"), StringComparison.Ordinal);
        Assert.False(_host.Try("ip link show gw-punt").Ok);
        TcpTransfer.Run(_outside, _host, "192.0.2.7");
    }

    [Fact]
    public void A_host_with_a_network_of_its_own_keeps_it_and_still_answers_through_the_gateway()
    {
        Netns office = _net.Add("office");
        _net.Link(_host, "mgmt", office, "eth0");
        _host.Address("mgmt", "172.16.0.1/24");
        office.Address("eth0", "172.16.0.2/24");
        office.Must("ip addr add 203.0.113.9/32 dev lo");
        _host.Must("ip route replace default via 172.16.0.2");
        TakeOver();
        Assert.Contains("default via 172.16.0.2 dev mgmt", _host.Must("ip route show default"), StringComparison.Ordinal);

        // Outside is far away for this source, and the host's own default route leads elsewhere; the answer leaves through the gateway all the same.
        _outside.Sysctl("net.ipv4.conf.eth0.arp_announce", 2);
        _outside.Must("ip route replace 192.0.2.0/24 dev eth0 src 203.0.113.9");
        TcpTransfer.Run(_outside, _host, "192.0.2.7");

        // What the host begins by itself goes its own way.
        TcpTransfer.Run(_host, office, "203.0.113.9");
    }

    private PuntTap TakeOver()
    {
        PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(_factory.Open(new PortSpec.AfPacket("wan") { TakeOver = true }, _dataplane.Pool));
        uint wan = _dataplane.AddInterface(new InterfaceSettings { Name = "wan", Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
        IPAddress own4 = IPAddress.Parse("192.0.2.7"), own6 = IPAddress.Parse("2001:db8::7");
        _dataplane.SetAddresses(wan, [new(own4, 24), new(own6, 64)]);
        _dataplane.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("192.0.2.254") });
        _dataplane.AddRoute(new RouteSettings { To = IPNetwork.Parse("::/0"), Via = IPAddress.Parse("2001:db8::fe") });

        PuntTap punt = _punt = _factory.OpenPunt(new PuntOptions(), _dataplane.Pool);
        _tap = _dataplane.AddInterface(new InterfaceSettings { Name = "punt", Type = "tap", Mac = punt.GatewayMac, Mtu = 1500, SourceCheck = false }, punt.Port);
        _dataplane.SetPuntInterface(_tap, punt.HostMac);
        punt.Update(
            [own4, own6],
            [
                new(IPAddress.Parse("192.0.2.0"), 24, own4),
                new(IPAddress.Any, 0, own4),
                new(IPAddress.Parse("2001:db8::"), 64, own6),
                new(IPAddress.IPv6Any, 0, own6),
            ]);
        return punt;
    }
}
