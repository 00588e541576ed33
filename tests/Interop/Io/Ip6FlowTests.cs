using System.Net;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Gateway.Policy;
using Gateway.Policy.Items;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Linux hosts that speak IPv6 through a gateway with two workers, which lets flows begin on one side only: host – gateway – router – server.</summary>
public sealed class Ip6FlowTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];
    private readonly Netns _host;
    private readonly Netns _router;
    private readonly Netns _server;
    private readonly DataplaneControl _gateway;

    public Ip6FlowTests()
    {
        Netns box = _net.Add("box");
        (_host, _router, _server) = (_net.Add("host"), _net.Add("router"), _net.Add("server"));
        _net.Link(_host, "eth0", box, "lan");
        _net.Link(box, "wan", _router, "eth0");
        _net.Link(_router, "eth1", _server, "eth0");
        _host.Address("eth0", "fd01::2/64");
        _host.Route("default", "fd01::1");
        _router.Address("eth0", "fd02::fe/64");
        _router.Address("eth1", "fd03::fe/64");
        _router.Sysctl("net.ipv6.conf.all.forwarding", 1);
        _router.Route("fd01::/64", "fd02::1");
        _server.Address("eth0", "fd03::9/64");
        _server.Route("default", "fd03::fe");

        PortFactory factory = new(null, box.Path);
        _gateway = new(new DataplaneOptions { Buffers = 8192, Hugepages = false, Workers = 2 });
        _parts.Add(factory);
        _parts.Add(_gateway);
        Acl("out", """[{"action":"permit-reflect"}]""");
        Acl("in", "[]");
        _gateway.Filtering.Bind("lan", new AclBinding(["out"], [], null));
        _gateway.Filtering.Bind("wan", new AclBinding(["in"], [], null));
        _gateway.Start();
        foreach ((string device, string address) in (ReadOnlySpan<(string, string)>)[("lan", "fd01::1"), ("wan", "fd02::1")])
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket(device) { Queues = 2 }, _gateway.Pool));
            uint index = _gateway.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
            _gateway.SetAddresses(index, [new(IPAddress.Parse(address), 64)]);
        }
        _gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse("::/0"), Via = IPAddress.Parse("fd02::fe") });
    }

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void A_host_reaches_what_cannot_reach_it()
    {
        _host.Must("ping -c3 -i0.2 -W5 fd03::9");
        // In fragments, there and back.
        _host.Must("ping -c2 -i0.2 -W5 -s 4000 fd03::9");
        Assert.False(_server.Try("ping -c2 -i0.2 -W1 fd01::2").Ok);
        TcpTransfer.Run(_host, _server, "fd03::9");
        TcpTransfer.Run(_host, _server, "fd03::9", reverse: true, port: 6001);
        foreach (string how in (string[])["-U -p 33434", "-I"])
            for (int i = 0; i < 2; i++)
            {
                string way = _host.Must($"traceroute -6 -n -w 3 -q 1 -N 1 {how} fd03::9", 60);
                string[] hops = [.. way.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])];
                Assert.Equal(["fd01::1", "fd02::fe", "fd03::9"], hops);
            }

        using BackgroundProcess web = _host.Start("python3 -m http.server 8080 --bind ::");
        Netns.Await(() => _host.Try("bash -c 'exec 3<>/dev/tcp/fd01::2/8080'").Ok, "the host's server listens");
        Assert.Equal(124, _server.Try("timeout 2 bash -c 'exec 3<>/dev/tcp/fd01::2/8080'").Code);
        Assert.NotEmpty(_gateway.Flows.Rows(IPAddress.Parse("fd01::2")));
        Assert.All(_gateway.Flows.Rows(), r => Assert.Equal(IPAddress.Parse("fd01::2"), r.Source.Address));
    }

    // RFC 4890 §4.3.1: without Packet Too Big the path would be a black hole; nothing but the flow lets it in.
    [Fact]
    public void The_path_mtu_beyond_the_gateway_is_found_through_it()
    {
        _router.Must("ip link set eth1 mtu 1300");
        _server.Must("ip link set eth0 mtu 1300");
        TcpTransfer.Run(_host, _server, "fd03::9");
        Assert.Contains("mtu 1300", _host.Must("ping -c1 -W5 -M do -s 1400 fd03::9; ip route get fd03::9"), StringComparison.Ordinal);

        // The host's fragments are smaller from now on, and leave the gateway no bigger.
        _host.Must("ping -c3 -i0.2 -W5 -s 4000 fd03::9");
        Assert.True(Count("ip6-fragment/fragments") >= 2 * 3 * 4, "both ways in four fragments or more");
        Assert.True(Count("ip6-flow-input/errors-known") > 0, "the router's error came by its flow");
    }

    private ulong Count(string name) => _gateway.Counters(withZeros: true).Single(c => $"{c.Node}/{c.Name}" == name).Value;

    private void Acl(string name, string rules) => _gateway.Filtering.SetAcl(name, JsonSerializer.Deserialize<AclSpec>($$"""{"rules":{{rules}}}""", PolicyJson.Options)!);
}
