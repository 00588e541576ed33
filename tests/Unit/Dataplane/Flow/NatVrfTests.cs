using System.Net;
using System.Net.NetworkInformation;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Io;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Flow;

/// <summary>
/// Two customers with the same addresses: `lan` in the default VRF and `blue` in the VRF of that name, both 10.1.0.0/24, behind one `wan` in the default VRF, into which a route of blue leads.
/// </summary>
public sealed class NatVrfTests : IDisposable
{
    private const string Host = "10.1.0.2", Own = "198.51.100.1", Remote = "203.0.113.9";

    private static readonly byte[] _blueMac = Build.Mac("02:00:00:00:03:01"), _blueHost = Build.Mac("02:00:00:00:03:02");
    private readonly TestGateway _gateway = new();
    private readonly InMemoryPort _bluePort;
    private readonly uint _blue;

    public NatVrfTests()
    {
        var control = _gateway.Control;
        var vrf = control.VrfOf("blue");
        _bluePort = new InMemoryPort(control.Pool);
        _blue = control.AddInterface(new InterfaceSettings { Name = "blue", Type = "in-memory", Mac = new PhysicalAddress(_blueMac), Vrf = vrf }, _bluePort);
        control.SetAddresses(_blue, [TestGateway.Address("10.1.0.1", 24)]);
        control.AddNeighbor(_blue, IPAddress.Parse(Host), new PhysicalAddress(_blueHost));
        control.AddRoute(new RouteSettings { Vrf = vrf, To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.2"), NextHopVrf = 0 });
        _gateway.Step();
        OnBlue();
    }

    public void Dispose() => _gateway.Dispose();

    [Fact]
    public void Two_hosts_with_one_address_in_two_vrfs_share_an_outside_address_and_each_gets_its_own_answers()
    {
        _gateway.Control.Flows.SetRules([Masquerade("plain", null), Masquerade("blue", "blue")]);
        _gateway.FromLan(Udp(Host, 5000, Remote, 53));
        FromBlue(Udp(Host, 5000, Remote, 53));
        var ends = _gateway.OnWan().ConvertAll(f => Ends(f.Ip));
        Assert.Equal([(Own, 5000), (Own, ends[1].FromPort)], ends.Select(e => (e.From, e.FromPort)));
        Assert.NotEqual(5000, ends[1].FromPort);
        for (var round = 0; round < 2; round++)
        {
            _gateway.FromWan(Udp(Remote, 53, Own, ends[1].FromPort));
            Assert.Equal((Remote, 53, Host, 5000), Ends(Assert.Single(OnBlue()).Ip));
            Assert.Empty(_gateway.OnLan());
            _gateway.FromWan(Udp(Remote, 53, Own, 5000));
            Assert.Equal((Remote, 53, Host, 5000), Ends(Assert.Single(_gateway.OnLan()).Ip));
            Assert.Empty(OnBlue());
            FromBlue(Udp(Host, 5000, Remote, 53));
            Assert.Equal(ends[1], Ends(Assert.Single(_gateway.OnWan()).Ip));
        }

        Assert.Empty(_gateway.Drops());
    }

    [Fact]
    public void A_rule_is_about_the_hosts_of_its_vrf_alone()
    {
        _gateway.Control.Flows.SetRule(Masquerade("blue", "blue"));
        _gateway.FromLan(Udp(Host, 5000, Remote, 53));
        Assert.Equal(Host, Ends(Assert.Single(_gateway.OnWan()).Ip).From);
        FromBlue(Udp(Host, 5000, Remote, 53));
        Assert.Equal(Own, Ends(Assert.Single(_gateway.OnWan()).Ip).From);
    }

    [Fact]
    public void An_outside_port_of_one_vrf_leads_to_a_host_of_another_and_its_answers_leave_as_they_should()
    {
        _gateway.Control.Flows.SetRules(
        [
            new NatRule.Static { Name = "web", Vrf = "blue", OutsideVrf = "default", Outside = IPAddress.Parse(Own), Inside = IPAddress.Parse(Host), Protocol = 17, OutsidePort = 8080, InsidePort = 80 },
            new NatRule.Static { Name = "host", Vrf = "blue", OutsideVrf = "default", Outside = IPAddress.Parse("198.51.100.60"), Inside = IPAddress.Parse(Host) },
        ]);
        for (var round = 0; round < 2; round++)
        {
            _gateway.FromWan(Udp(Remote, 777, Own, 8080));
            Assert.Equal((Remote, 777, Host, 80), Ends(Assert.Single(OnBlue()).Ip));
            FromBlue(Udp(Host, 80, Remote, 777));
            Assert.Equal((Own, 8080, Remote, 777), Ends(Assert.Single(_gateway.OnWan()).Ip));
        }

        Assert.Empty(_gateway.OnLan());

        // The same host has an outside address of its own, which is answered for on the wan and not in its own VRF.
        FromBlue(Udp(Host, 50000, Remote, 53));
        Assert.Equal(("198.51.100.60", 50000, Remote, 53), Ends(Assert.Single(_gateway.OnWan()).Ip));
        _gateway.FromLan(Udp(Host, 50000, Remote, 53));
        Assert.Equal(Host, Ends(Assert.Single(_gateway.OnWan()).Ip).From);
        _gateway.Frame(_gateway.WanPort, Build.Ethernet(TestGateway.Broadcast, TestGateway.WanHost, 0x0806, Build.Arp(1, TestGateway.WanHost, "198.51.100.2", new byte[6], "198.51.100.60")));
        Assert.Equal(1ul, _gateway.Count("arp-input/replies-sent"));
    }

    [Fact]
    public void Errors_about_a_flow_between_vrfs_come_home_in_the_vrf_of_who_sent_the_packet()
    {
        _gateway.Control.Flows.SetRule(Masquerade("blue", "blue"));
        FromBlue(Udp(Host, 40000, Remote, 33434));
        var sent = Assert.Single(_gateway.OnWan()).Ip;
        _gateway.FromWan(Build.Ip4("192.0.2.77", Own, 1, Build.Icmp4(11, 0, 0, sent)));
        var error = Assert.Single(OnBlue()).Ip;
        Assert.Equal((Host, 11), (new IPAddress(error.AsSpan(16, 4)).ToString(), error[20]));
        Assert.Equal((Host, 40000, Remote, 33434), Ends(error[28..]));

        // The gateway's own, about a packet that is too big behind the translation.
        FromBlue(Build.Ip4(Host, Remote, 17, Build.Udp(Host, Remote, 40000, 33434, Build.Bytes(1600)), df: true));
        var tooBig = Assert.Single(OnBlue()).Ip;
        Assert.Equal((3, 4), (tooBig[20], tooBig[21]));
        Assert.Equal((Host, 40000, Remote, 33434), Ends(tooBig[28..]));
        Assert.Empty(_gateway.OnLan());
    }

    [Fact]
    public void Blocks_name_the_vrf_of_their_host()
    {
        _gateway.Control.Flows.SetRules([Pool("plain", null, "198.51.100.50"), Pool("blue", "blue", "198.51.100.51")]);
        _gateway.FromLan(Udp(Host, 5000, Remote, 53));
        FromBlue(Udp(Host, 5000, Remote, 53));
        var ends = _gateway.OnWan().ConvertAll(f => Ends(f.Ip));
        Assert.Equal(["198.51.100.50", "198.51.100.51"], ends.Select(e => e.From));
        Assert.Equal([("198.51.100.50", null), ("198.51.100.51", "blue")], _gateway.Control.Flows.PortBlocks().OrderBy(b => b.Outside.ToString(), StringComparer.Ordinal).Select(b => (b.Outside.ToString(), b.Vrf)));
        _gateway.FromWan(Udp(Remote, 53, ends[1].From, ends[1].FromPort));
        Assert.Equal((Remote, 53, Host, 5000), Ends(Assert.Single(OnBlue()).Ip));
    }

    private static NatRule.Source Masquerade(string name, string? vrf) => new() { Name = name, Vrf = vrf, From = [IPNetwork.Parse("10.1.0.0/24")], OutInterface = "wan" };

    private static NatRule.Source Pool(string name, string? vrf, string address) =>
        Masquerade(name, vrf) with { Addresses = [(IPAddress.Parse(address), IPAddress.Parse(address))], BlockSize = 64 };

    private void FromBlue(byte[] ip) => _gateway.Frame(_bluePort, Build.Ethernet(_blueMac, _blueHost, 0x0800, ip));

    private List<Seen> OnBlue() => TestGateway.Drain(_bluePort);

    private static byte[] Udp(string from, int fromPort, string to, int toPort) => Build.Ip4(from, to, 17, Build.Udp(from, to, fromPort, toPort, [1, 2, 3, 4, 5]));

    private static (string From, int FromPort, string To, int ToPort) Ends(byte[] ip) =>
        (new IPAddress(ip.AsSpan(12, 4)).ToString(), Build.Get16(ip, 20), new IPAddress(ip.AsSpan(16, 4)).ToString(), Build.Get16(ip, 22));
}
