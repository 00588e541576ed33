using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Io;
using Gateway.Interop.Net;
using Xunit;

namespace Gateway.Interop.Io;

/// <summary>Linux hosts on both sides of a gateway that translates addresses: host – gateway – router – server.</summary>
public sealed class NatTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];
    private readonly Netns _host;
    private readonly Netns _router;
    private readonly Netns _server;
    private readonly DataplaneControl _gateway;

    public NatTests()
    {
        Netns box = _net.Add("box");
        (_host, _router, _server) = (_net.Add("host"), _net.Add("router"), _net.Add("server"));
        _net.Link(_host, "eth0", box, "lan");
        _net.Link(box, "wan", _router, "eth0");
        _net.Link(_router, "eth1", _server, "eth0");
        _host.Address("eth0", "10.1.0.2/24");
        _host.Route("default", "10.1.0.1");
        _router.Address("eth0", "198.51.100.254/24");
        _router.Address("eth1", "203.0.113.254/24");
        _router.Sysctl("net.ipv4.ip_forward", 1);
        _server.Address("eth0", "203.0.113.9/24");
        // The router knows no inside network: what is not translated finds no way back.
        _server.Route("198.51.100.0/24", "203.0.113.254");

        PortFactory factory = new(null, box.Path);
        _gateway = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(_gateway);
        _gateway.Start();
        foreach ((string device, string address) in (ReadOnlySpan<(string, string)>)[("lan", "10.1.0.1"), ("wan", "198.51.100.1")])
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket(device), _gateway.Pool));
            uint index = _gateway.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
            _gateway.SetAddresses(index, [new InterfaceAddress(IPAddress.Parse(address), 24)]);
        }
        _gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse("0.0.0.0/0"), Via = IPAddress.Parse("198.51.100.254") });
    }

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    [Theory]
    [InlineData(false, "198.51.100.1")]
    [InlineData(true, "198.51.100.77")]
    public void A_hidden_host_pings_fetches_and_traces_its_way(bool pool, string outside)
    {
        _gateway.Flows.SetRule(new NatRule.Source { Name = "out", OutInterface = "wan", Addresses = pool ? [(IPAddress.Parse(outside), IPAddress.Parse(outside))] : [] });
        _host.Must("ping -c3 -i0.2 -W5 203.0.113.9");
        // Bigger than the link: in fragments, there and back.
        _host.Must("ping -c2 -i0.2 -W5 -s 4000 203.0.113.9");

        using BackgroundProcess web = Serve(_server, "203.0.113.9", 80);
        Assert.Equal(outside, Fetch(_host, "203.0.113.9", 80));

        // RFC 5508: the errors of the routers on the way reach the host, by UDP and by echo, again and again over the same flows.
        foreach (string how in (string[])["-U -p 33434", "-I"])
            for (int i = 0; i < 2; i++)
            {
                string way = _host.Must($"traceroute -n -w 3 -q 1 -N 1 {how} 203.0.113.9", 60);
                string[] hops = [.. way.Split('\n', StringSplitOptions.RemoveEmptyEntries).Skip(1).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1])];
                Assert.Equal(["10.1.0.1", "198.51.100.254", "203.0.113.9"], hops);
            }
        TcpTransfer.Run(_host, _server, "203.0.113.9");
        TcpTransfer.Run(_host, _server, "203.0.113.9", reverse: true, port: 6001);
        Assert.NotEmpty(_gateway.Flows.Rows(IPAddress.Parse("10.1.0.2")));
    }

    [Fact]
    public void The_path_mtu_beyond_the_gateway_is_found_through_it()
    {
        _gateway.Flows.SetRule(new NatRule.Source { Name = "out", OutInterface = "wan" });
        _router.Must("ip link set eth1 mtu 1300");
        _server.Must("ip link set eth0 mtu 1300");
        TcpTransfer.Run(_host, _server, "203.0.113.9");
        Assert.Contains("mtu 1300", _host.Must("ping -c1 -W5 -M do -s 1400 203.0.113.9; ip route get 203.0.113.9", 30), StringComparison.Ordinal);
    }

    [Fact]
    public void A_forwarded_port_and_a_service_lead_inside()
    {
        _gateway.Flows.SetRule(new NatRule.Static { Name = "web", Outside = IPAddress.Parse("198.51.100.1"), Inside = IPAddress.Parse("10.1.0.2"), Protocol = 6, OutsidePort = 8080, InsidePort = 80 });
        _gateway.Flows.SetRule(new NatRule.Service
        {
            Name = "many", Outside = IPAddress.Parse("198.51.100.88"), Protocol = 6, OutsidePort = 80,
            Backends = [new NatBackend(IPAddress.Parse("10.1.0.2"), 80, 1), new NatBackend(IPAddress.Parse("10.1.0.2"), 81, 1)],
        });
        using BackgroundProcess web = Serve(_host, "10.1.0.2", 80);
        using BackgroundProcess other = Serve(_host, "10.1.0.2", 81);
        Assert.Equal("203.0.113.9", Fetch(_server, "198.51.100.1", 8080));
        for (int i = 0; i < 12; i++) Assert.Equal("203.0.113.9", Fetch(_server, "198.51.100.88", 80));
        HashSet<int> ports = [.. _gateway.Flows.Rows(IPAddress.Parse("198.51.100.88")).Select(f => f.ReplySource.Port)];
        Assert.Equal([80, 81], ports.Order());
    }

    /// <summary>A server that answers with the address of its client.</summary>
    private static BackgroundProcess Serve(Netns at, string address, int port)
    {
        string program = $"\nimport http.server\nclass H(http.server.BaseHTTPRequestHandler):\n  def do_GET(self):\n    b=self.client_address[0].encode(); self.send_response(200); self.send_header(\"Content-Length\",str(len(b))); self.end_headers(); self.wfile.write(b)\ns=http.server.HTTPServer((\"{address}\",{port}),H); print(\"ready\"); s.serve_forever()";
        BackgroundProcess server = at.Start($"python3 -u -c '{program}'");
        Netns.Await(() => server.Output.Contains("ready", StringComparison.Ordinal) || server.HasExited, "the server listens");
        return server;
    }

    private static string Fetch(Netns from, string address, int port) => from.Must($"curl -sS -m 20 http://{address}:{port}/").Trim();
}
