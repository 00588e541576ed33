using System.Globalization;
using System.Net;
using System.Text.Json;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Tables;
using Gateway.Interop.Lab;
using Gateway.Interop.Net;
using Gateway.Policy;
using Gateway.Policy.Items;
using Xunit;
using InterfaceAddress = Gateway.Dataplane.Apply.InterfaceAddress;
using RouteHop = Gateway.Dataplane.Apply.RouteHop;

namespace Gateway.Interop.Io;

/// <summary>Routing between Linux hosts: several next hops, policies, borrowed addresses, proxies, router advertisements, and tunnels as tshark reads them.</summary>
public sealed class RoutingTests : IDisposable
{
    private readonly Namespaces _net = new();
    private readonly List<IDisposable> _parts = [];

    public void Dispose()
    {
        foreach (IDisposable part in _parts.AsEnumerable().Reverse()) part.Dispose();
        _net.Dispose();
    }

    [Fact]
    public void Flows_are_spread_over_two_routers_and_policies_choose_one_of_them()
    {
        (Netns host, Netns[] routers, Netns server, DataplaneControl gateway) = TwoRouters();
        gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse("203.0.200.0/24"), NextHops = [Via(1), Via(2)] });
        Assert.Equal(100, Echoed(host, server, 100));
        int[] shares = [.. routers.Select(Forwarded)];
        Assert.True(shares.Min() >= 20, string.Join(',', shares));

        // Whatever the routes say: what a policy means goes by the second router.
        gateway.Filtering.SetAcl("high", Acl("""{"action":"permit","protocol":"udp","to_ports":["33434-33600"]}"""));
        gateway.Steering.SetPolicy(new AbfPolicy("high", "high", [Via(2)]));
        gateway.Steering.Bind("lan", ["high"]);
        for (int i = 0; i < 4; i++) Assert.Equal("192.0.2.254", SecondHop(host));
        int before = Forwarded(routers[1]);
        Assert.Equal(100, Echoed(host, server, 100, port: 33500));
        Assert.True(Forwarded(routers[1]) - before >= 100);
        Assert.True(gateway.Steering.Policies()[0].Rules[0].Packets >= 104);

        // The second router is gone: both ways lead by the first.
        routers[1].Must("ip link set eth0 down");
        Netns.Await(() => gateway.Steering.Policies()[0].NextHops[0].IsAway, "the next hop is away");
        Assert.Equal("198.51.100.254", SecondHop(host));
        Assert.Equal(100, Echoed(host, server, 100));
    }

    [Fact]
    public void A_linux_host_makes_itself_an_address_and_a_default_route_of_an_advertisement()
    {
        Netns box = _net.Add("box"), host = _net.Add("host"), server = _net.Add("server");
        _net.Link(host, "eth0", box, "lan");
        _net.Link(box, "wan", server, "eth0");
        host.Sysctl("net.ipv6.conf.eth0.accept_ra", 1);
        server.Address("eth0", "2001:db8:2::9/64");
        server.Route("2001:db8:1::/64", "2001:db8:2::1");
        DataplaneControl gateway = Gateway(box, new() { ["lan"] = ["2001:db8:1::1/64"], ["wan"] = ["2001:db8:2::1/64"] });
        Set(gateway, "lan", s => s with { Advertise = new RouterAdvertisement { Interval = 30, Lifetime = 90, HopLimit = 77, Dns = [IPAddress.Parse("2001:db8:1::53")] } });
        // It asks as soon as its link is up.
        host.Must("ip link set eth0 down && ip link set eth0 up");
        Netns.Await(() => host.Must("ip -6 addr show dev eth0 scope global").Contains("2001:db8:1:", StringComparison.Ordinal), "the host has an address");
        string route = host.Must("ip -6 route show default");
        Assert.Contains("via fe80::", route, StringComparison.Ordinal);
        Assert.Contains("proto ra", route, StringComparison.Ordinal);
        Assert.Equal("77", host.Must("cat /proc/sys/net/ipv6/conf/eth0/hop_limit").Trim());
        host.Must("ping -c2 -i0.2 -W5 2001:db8:2::9");
        TcpTransfer.Run(host, server, "2001:db8:2::9");
        // RFC 4861 §6.2.5: the gateway takes its leave.
        Set(gateway, "lan", s => s with { Advertise = null });
        Netns.Await(() => host.Must("ip -6 route show default").Length == 0, "the host knows no router any more");
    }

    [Fact]
    public void Hosts_of_one_network_behind_unnumbered_ports_find_each_other_through_proxies()
    {
        Netns box = _net.Add("box"), one = _net.Add("one"), other = _net.Add("other");
        _net.Link(one, "eth0", box, "p1");
        _net.Link(other, "eth0", box, "p2");
        foreach ((Netns host, string n) in (ReadOnlySpan<(Netns, string)>)[(one, "1"), (other, "2")])
        {
            host.Address("eth0", $"10.1.{n}.2/16");
            host.Address("eth0", $"fd01::{n}:2/64");
        }

        DataplaneControl gateway = Gateway(box, new() { ["p1"] = [], ["p2"] = [] });
        gateway.SetAddresses(gateway.AddInterface(new InterfaceSettings { Name = "lo", Type = "loopback" }), [Address("10.1.0.1/32"), Address("fd01::1/128")]);
        foreach (string n in (string[])["1", "2"])
        {
            Set(gateway, "p" + n, s => s with { Borrows = "lo", Proxies = [(IPAddress.Parse("10.1.0.0"), IPAddress.Parse("10.1.255.255")), (IPAddress.Parse("fd01::"), IPAddress.Parse("fd01::ffff:ffff"))] });
            Assert.True(gateway.TryFindInterface("p" + n, out uint index));
            gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse($"10.1.{n}.0/24"), Interface = index });
            gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse($"fd01::{n}:0/112"), Interface = index });
        }

        one.Must("ping -c2 -i0.2 -W5 10.1.0.1");
        other.Must("ping -c2 -i0.2 -W5 fd01::1");
        one.Must("ping -c2 -i0.2 -W5 10.1.2.2");
        other.Must("ping -c2 -i0.2 -W5 fd01::1:2");
        TcpTransfer.Run(one, other, "10.1.2.2");
        TcpTransfer.Run(other, one, "fd01::1:2");
        // What the hosts believe of each other is the gateway's port; its own neighbors are the hosts.
        string mac = Convert.ToHexStringLower(gateway.Interfaces().Single(i => i.Name == "p1").Mac.GetAddressBytes());
        Assert.Contains(mac, one.Must("ip neigh show 10.1.2.2").Replace(":", "", StringComparison.Ordinal), StringComparison.Ordinal);
        Assert.Contains(gateway.Neighbors(), n => n.Interface == "p2" && n.Address.Equals(IPAddress.Parse("10.1.2.2")) && n.Phase is NeighborPhase.Reachable or NeighborPhase.Stale or NeighborPhase.Delay);
        // Nobody answers for one of the host's own link.
        Assert.False(one.Try("ping -c1 -W2 10.1.1.77").Ok);
        Assert.DoesNotContain(mac, one.Must("ip neigh show 10.1.1.77").Replace(":", "", StringComparison.Ordinal), StringComparison.Ordinal);
    }

    /// <summary>host – gateway – Linux router – gateway – host; the router's link is read by tshark.</summary>
    [Theory]
    [InlineData("ipip", false, null)]
    [InlineData("ipip", true, null)]
    [InlineData("gre", false, 7u)]
    [InlineData("gre", true, null)]
    [InlineData("gretap", false, 4_000_000_000u)]
    public void Tunnels_look_as_the_rfcs_say_and_carry_both_families(string type, bool over6, uint? key)
    {
        Netns left = _net.Add("left"), one = _net.Add("one"), mid = _net.Add("mid"), other = _net.Add("other"), right = _net.Add("right");
        _net.Link(left, "eth0", one, "lan");
        _net.Link(one, "wan", mid, "eth0");
        _net.Link(mid, "eth1", other, "wan");
        _net.Link(other, "lan", right, "eth0");
        mid.Sysctl("net.ipv4.ip_forward", 1);
        mid.Sysctl("net.ipv6.conf.all.forwarding", 1);
        (string End, int Length) ends1 = over6 ? ("2001:db8:a::1", 64) : ("198.51.100.1", 24), ends2 = over6 ? ("2001:db8:b::1", 64) : ("203.0.113.1", 24);
        (string hop1, string hop2) = over6 ? ("2001:db8:a::fe", "2001:db8:b::fe") : ("198.51.100.254", "203.0.113.254");
        mid.Address("eth0", $"{hop1}/{ends1.Length}");
        mid.Address("eth1", $"{hop2}/{ends2.Length}");
        IpTunnelKind kind = type == "ipip" ? IpTunnelKind.Ip : type == "gre" ? IpTunnelKind.Gre : IpTunnelKind.GreEthernet;
        List<DataplaneControl> gateways = [];
        foreach ((Netns box, Netns host, int n) in (ReadOnlySpan<(Netns, Netns, int)>)[(one, left, 1), (other, right, 2)])
        {
            (var own, var remote, string hop) = n == 1 ? (ends1, ends2, hop1) : (ends2, ends1, hop2);
            host.Address("eth0", $"10.{n}.0.2/24");
            host.Address("eth0", $"fd0{n}::2/64");
            host.Route("default", $"10.{n}.0.1");
            host.Route("default", $"fd0{n}::1");
            DataplaneControl gateway = Gateway(box, new() { ["lan"] = [$"10.{n}.0.1/24", $"fd0{n}::1/64"], ["wan"] = [$"{own.End}/{own.Length}"] });
            gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse(over6 ? "::/0" : "0.0.0.0/0"), Via = IPAddress.Parse(hop) });
            uint tunnel = gateway.AddInterface(new InterfaceSettings { Name = "tunnel", Type = type, Mtu = 1400 }, new InterfaceLink.IpTunnel(kind, IPAddress.Parse(own.End), IPAddress.Parse(remote.End), key, 33, null));
            gateway.SetAddresses(tunnel, [Address($"10.9.0.{n}/30"), Address($"fd09::{n}/64")]);
            gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse($"10.{3 - n}.0.0/24"), Via = IPAddress.Parse($"10.9.0.{3 - n}") });
            gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse($"fd0{3 - n}::/64"), Via = IPAddress.Parse($"fd09::{3 - n}") });
            gateways.Add(gateway);
        }

        using PacketCapture capture = new(mid, "eth0");
        left.Must("ping -c3 -i0.2 -W5 10.2.0.2");
        left.Must("ping -c3 -i0.2 -W5 fd02::2");
        TcpTransfer.Run(left, right, "10.2.0.2");
        TcpTransfer.Run(right, left, "fd01::2");
        capture.Stop();

        string[] fields = over6 ? ["ipv6.src", "ipv6.dst", "ipv6.nxt", "ipv6.hlim"] : ["ip.src", "ip.dst", "ip.proto", "ip.ttl"];
        foreach ((string inner, string protocol, string from, string to) in (ReadOnlySpan<(string, string, string, string)>)
            [("icmp.type == 8", "0x0800", "10.1.0.2", "10.2.0.2"), ("icmpv6.type == 128", "0x86dd", "fd01::2", "fd02::2")])
        {
            bool inner6 = protocol == "0x86dd";
            // A field that is asked for twice is told once only.
            List<string> asked = [.. fields, "gre.proto", "gre.key", "gre.flags_and_version", "eth.type"];
            (string source, string destination) = inner6 ? ("ipv6.src", "ipv6.dst") : ("ip.src", "ip.dst");
            foreach (string field in (string[])[source, destination])
                if (!asked.Contains(field)) asked.Add(field);
            IReadOnlyList<string[]> rows = Tshark.Fields(capture.File, null, inner, [.. asked]);
            Assert.True(rows.Count >= 3, "the capture holds the pings");
            foreach (string[] row in rows)
            {
                Assert.Equal((ends1.End, ends2.End), (First(row[0]), First(row[1])));
                Assert.Equal(type == "ipip" ? (inner6 ? "41" : "4") : "47", First(row[2]));
                // The router lowers it after the capture.
                Assert.Equal("33", First(row[3]));
                Assert.Equal((from, to), (Last(row[asked.IndexOf(source)]), Last(row[asked.IndexOf(destination)])));
                if (type == "ipip") continue;
                Assert.Equal(type == "gretap" ? "0x6558" : protocol, row[4]);
                // RFC 2890 §2: the key's bit, and nothing else.
                Assert.Equal(key is null ? "0x0000" : "0x2000", row[6]);
                Assert.Equal(key, row[5].Length == 0 ? null : uint.Parse(row[5].AsSpan(2), NumberStyles.HexNumber, CultureInfo.InvariantCulture));
                if (type == "gretap") Assert.Equal(inner6 ? "0x86dd" : "0x0800", Last(row[7]));
            }
        }

        // tshark's own verdict; what it makes of the bytes of a transfer is not the point.
        Assert.Empty(Tshark.Fields(capture.File, null, "(icmp or icmpv6) and (_ws.malformed or icmp.checksum.status == 0 or icmpv6.checksum.status == 0)", "frame.number"));
    }

    /// <summary>Packets that no gateway made: by hand, through a raw socket of the router, whose address is the tunnel's other end.</summary>
    [Fact]
    public void Hand_made_gre_is_taken_with_a_checksum_or_a_sequence_number_and_refused_when_it_is_wrong()
    {
        Netns box = _net.Add("box"), far = _net.Add("far"), host = _net.Add("host");
        _net.Link(host, "eth0", box, "lan");
        _net.Link(box, "wan", far, "eth0");
        host.Address("eth0", "10.2.0.2/24");
        host.Route("default", "10.2.0.1");
        far.Address("eth0", "198.51.100.9/24");
        DataplaneControl gateway = Gateway(box, new() { ["lan"] = ["10.2.0.1/24"], ["wan"] = ["198.51.100.1/24"] });
        uint tunnel = gateway.AddInterface(
            new InterfaceSettings { Name = "tunnel", Type = "gre", Mtu = 1400 }, new InterfaceLink.IpTunnel(IpTunnelKind.Gre, IPAddress.Parse("198.51.100.1"), IPAddress.Parse("198.51.100.9"), 7, 64, null));
        gateway.SetAddresses(tunnel, [Address("10.9.0.1/30")]);
        gateway.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.77.0.0/16"), Interface = tunnel });
        string program = """
            import socket, struct, sys
            def csum(b):
                if len(b) % 2: b += bytes(1)
                s = sum(struct.unpack("!%dH" % (len(b) // 2), b))
                while s >> 16: s = (s & 0xffff) + (s >> 16)
                return ~s & 0xffff
            icmp = struct.pack("!BBHHH", 8, 0, 0, 9, int(sys.argv[3])) + b"0123456789"
            icmp = icmp[:2] + struct.pack("!H", csum(icmp)) + icmp[4:]
            ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 1, 0, 9, 1, 0, socket.inet_aton("10.77.0.5"), socket.inet_aton("10.2.0.2"))
            ip = ip[:10] + struct.pack("!H", csum(ip)) + ip[12:]
            flags, mode = int(sys.argv[1], 16), sys.argv[2]
            tail = struct.pack("!I", 8 if mode == "key" else 7) + (struct.pack("!I", 1) if flags & 0x1000 else b"")
            gre = struct.pack("!HH", flags, 0x0800)
            if flags & 0x8000:
                whole = gre + bytes(4) + tail + ip + icmp
                gre += struct.pack("!HH", csum(whole) ^ (1 if mode == "sum" else 0), 0)
            s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 47)
            s.settimeout(3)
            s.sendto(gre + tail + ip + icmp, ("198.51.100.1", 0))
            try:
                while True:
                    r = s.recv(2000)
                    h = (r[0] & 15) * 4
                    inner = r[h + 8:]
                    if r[h:h + 4] == struct.pack("!HH", 0x2000, 0x0800) and r[h + 4:h + 8] == struct.pack("!I", 7) and inner[20] == 0 and inner[26:28] == struct.pack("!H", int(sys.argv[3])):
                        print("answered"); break
            except TimeoutError: print("silent")
            """;
        string file = Path.Combine(Path.GetTempPath(), $"gwgre-{Environment.ProcessId}.py");
        File.WriteAllText(file, program);
        try
        {
            far.Must("ping -c1 -W5 198.51.100.1");
            int n = 1;
            foreach ((string flags, string mode, bool answered) in (ReadOnlySpan<(string, string, bool)>)
                [("2000", "ok", true), ("a000", "ok", true), ("3000", "ok", true), ("b000", "ok", true), ("a000", "sum", false), ("2000", "key", false), ("2001", "ok", false), ("6000", "ok", false)])
                Assert.True((answered ? "answered" : "silent") == far.Must($"python3 {file} {flags} {mode} {n++}").Trim(), $"{flags} {mode}");
            Assert.Equal(4ul, gateway.Interfaces().Single(i => i.Name == "tunnel").RxPackets);
        }
        finally
        {
            File.Delete(file);
        }
    }

    private static string First(string values) => values.Split(',')[0];

    private static string Last(string values) => values.Split(',')[^1];

    private static AclSpec Acl(string rules) => JsonSerializer.Deserialize<AclSpec>($$"""{"rules":[{{rules}}]}""", PolicyJson.Options)!;

    private static RouteHop Via(int router) => new(IPAddress.Parse(router == 1 ? "198.51.100.254" : "192.0.2.254"));

    private static InterfaceAddress Address(string text) => new(IPAddress.Parse(text.Split('/')[0]), int.Parse(text.Split('/')[1], CultureInfo.InvariantCulture));

    /// <summary>A host behind the gateway, a server behind two routers that both know it; its answers come back by the first.</summary>
    private (Netns Host, Netns[] Routers, Netns Server, DataplaneControl Gateway) TwoRouters()
    {
        Netns box = _net.Add("box"), host = _net.Add("host"), server = _net.Add("server");
        Netns[] routers = [_net.Add("r1"), _net.Add("r2")];
        _net.Link(host, "eth0", box, "lan");
        host.Address("eth0", "10.1.0.2/24");
        host.Route("default", "10.1.0.1");
        server.Must("ip addr add 203.0.200.9/32 dev lo");
        for (int i = 0; i < 2; i++)
        {
            _net.Link(box, $"wan{i + 1}", routers[i], "eth0");
            _net.Link(routers[i], "eth1", server, $"eth{i}");
            routers[i].Sysctl("net.ipv4.ip_forward", 1);
            routers[i].Address("eth0", i == 0 ? "198.51.100.254/24" : "192.0.2.254/24");
            routers[i].Address("eth1", $"10.20{i}.0.1/24");
            server.Address($"eth{i}", $"10.20{i}.0.2/24");
            routers[i].Route("203.0.200.9/32", $"10.20{i}.0.2");
            routers[i].Route("10.1.0.0/24", i == 0 ? "198.51.100.1" : "192.0.2.1");
        }

        server.Route("10.1.0.0/24", "10.200.0.1");
        DataplaneControl gateway = Gateway(box, new() { ["lan"] = ["10.1.0.1/24"], ["wan1"] = ["198.51.100.1/24"], ["wan2"] = ["192.0.2.1/24"] });
        return (host, routers, server, gateway);
    }

    private static int Forwarded(Netns router) => int.Parse(router.Must("cat /sys/class/net/eth1/statistics/tx_packets"), CultureInfo.InvariantCulture);

    private static string SecondHop(Netns host) =>
        host.Must("traceroute -n -w 3 -q 1 -N 1 -U -p 33434 203.0.200.9", 60).Split('\n', StringSplitOptions.RemoveEmptyEntries)[2].Split(' ', StringSplitOptions.RemoveEmptyEntries)[1];

    /// <summary>Sends a datagram from each of so many ports and counts the answers.</summary>
    private static int Echoed(Netns host, Netns server, int flows, int port = 7007)
    {
        using BackgroundProcess echo = server.Start(
            $"python3 -u -c 'import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.bind((\"203.0.200.9\",{port})); print(\"ready\")\nwhile True:\n  d,a=s.recvfrom(99); s.sendto(d,a)'");
        Netns.Await(() => echo.Output.Contains("ready", StringComparison.Ordinal) || echo.HasExited, "the server listens");
        return int.Parse(
            host.Must($"python3 -c 'import socket\nn=0\nfor i in range({flows}):\n  s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM); s.settimeout(3)\n  for t in range(3):\n    s.sendto(b\"x\",(\"203.0.200.9\",{port}))\n    try: s.recv(9); n+=1; break\n    except TimeoutError: pass\nprint(n)'", 120),
            CultureInfo.InvariantCulture);
    }

    private static void Set(DataplaneControl gateway, string name, Func<InterfaceSettings, InterfaceSettings> change)
    {
        Assert.True(gateway.TryFindInterface(name, out uint index));
        Gateway.Dataplane.Apply.InterfaceRow row = gateway.Interfaces().Single(i => i.Name == name);
        gateway.SetInterface(index, change(new InterfaceSettings { Name = name, Type = row.Type, Mac = row.Mac, Mtu = row.Mtu }));
    }

    private DataplaneControl Gateway(Netns box, Dictionary<string, string[]> ports)
    {
        PortFactory factory = new(null, box.Path);
        DataplaneControl gateway = new(new DataplaneOptions { Buffers = 8192, Hugepages = false });
        _parts.Add(factory);
        _parts.Add(gateway);
        gateway.Start();
        foreach ((string device, string[] addresses) in ports)
        {
            PortOpening.Opened opened = Assert.IsType<PortOpening.Opened>(factory.Open(new PortSpec.AfPacket(device), gateway.Pool));
            uint index = gateway.AddInterface(new InterfaceSettings { Name = device, Type = "af-packet", Mac = opened.Mac, Mtu = opened.Mtu }, opened.Port);
            gateway.SetAddresses(index, [.. addresses.Select(Address)]);
        }

        return gateway;
    }
}
