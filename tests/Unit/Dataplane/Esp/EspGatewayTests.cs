using System.Buffers.Binary;
using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>Protected traffic through the whole graph, from Ethernet to Ethernet. The peer is the slow twin, behind the router on `wan`.</summary>
public sealed unsafe class EspGatewayTests
{
    private static readonly Random _random = new(5);

    private static readonly IPAddress _here4 = IPAddress.Parse("198.51.100.1"), _here6 = IPAddress.Parse("2001:db8:2::1");

    private static (SlowEsp Out, SlowEsp In) Peer(bool v6 = false, bool udp = false, bool esn = false, uint spi = 0x1000)
    {
        var (outbound, inbound) = EspLab.Pair(_random, v6, udp, esn, spi: spi);
        var (here, there) = v6 ? (_here6, EspLab.There6) : (_here4, EspLab.There4);
        return (outbound with { Source = here, Destination = there }, inbound with { Source = there, Destination = here });
    }

    private static ChildSaParameters Install(TestGateway gateway, (SlowEsp Out, SlowEsp In) peer, ulong id = 1, string local = "10.1.0.0/24", string remote = "10.2.0.0/24", int worker = 0)
    {
        var parameters = EspLab.Parameters(id, peer.Out, peer.In, [local, "2001:db8:1::/64"], [remote, "fd02::/64"]);
        Assert.Equal(SaInstallResult.Installed, gateway.Control.Security.InstallSa(new SaInstall
        {
            Parameters = parameters,
            InboundKey = peer.In.Keymat,
            OutboundKey = peer.Out.Keymat,
            Worker = worker,
        }));
        return parameters;
    }

    private static byte[] Udp4(string from, string to, int length = 100) => Build.Ip4(from, to, 17, Build.Udp(from, to, 1000, 2000, Build.Bytes(length)));

    private static byte[] Ip(Seen frame) => frame.Ip;

    private static byte[] EspOf(byte[] outer)
    {
        var (header, protocol) = outer[0] >> 4 == 4 ? (20, outer[9]) : (40, outer[6]);
        return outer[(header + (protocol == 17 ? 8 : 0))..];
    }

    private static byte[] Inner(byte[] text) => text[..(text[0] >> 4 == 4 ? BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(2)) : 40 + BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(4)))];

    [Theory]
    [InlineData(false, false, false)]
    [InlineData(false, true, true)]
    [InlineData(true, false, true)]
    [InlineData(true, true, false)]
    public void A_host_on_the_LAN_talks_through_the_tunnel_and_back(bool v6, bool udp, bool esn)
    {
        using var gateway = new TestGateway();
        var peer = Peer(v6, udp, esn);
        Install(gateway, peer);
        var level = gateway.Control.Pool.Available;
        for (ulong n = 1; n <= 20; n++)
        {
            var four = n % 2 == 0;
            gateway.FromLan(four ? Udp4("10.1.0.2", "10.2.0.7") : Build.Ip6("2001:db8:1::2", "fd02::7", 17, Build.Udp("2001:db8:1::2", "fd02::7", 1, 2, Build.Bytes(99))));
            var outer = Ip(Assert.Single(gateway.OnWan()));
            var inner = Inner(peer.Out.Unseal(EspOf(outer), n)!);
            Assert.Equal(63, inner[four ? 8 : 7]);
            Assert.Equal(64, outer[v6 ? 7 : 8]);

            var answer = four ? Udp4("10.2.0.7", "10.1.0.2") : Build.Ip6("fd02::7", "2001:db8:1::2", 17, Build.Udp("fd02::7", "2001:db8:1::2", 2, 1, Build.Bytes(99)));
            gateway.FromWan(peer.In.Wrap(answer, n));
            var came = Ip(Assert.Single(gateway.OnLan()));
            Assert.Equal(63, came[four ? 8 : 7]);
            Assert.Equal(answer[(four ? 20 : 40)..], came[(four ? 20 : 40)..]);
        }
        Assert.Empty(gateway.Drops());
        Assert.Equal(level, gateway.Control.Pool.Available);
        var status = Assert.Single(gateway.Control.Security.Sas());
        Assert.Equal((20UL, 20UL), (status.Inbound.Packets, status.Outbound.Packets));
        Assert.NotNull(status.Inbound.Idle);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void Packets_reach_the_worker_that_owns_their_SA(int worker)
    {
        using var gateway = new TestGateway(workers: 2);
        var peer = Peer();
        Install(gateway, peer, worker: worker);
        gateway.FromLan(Udp4("10.1.0.2", "10.2.0.7"));
        Assert.NotNull(peer.Out.Unseal(EspOf(Ip(Assert.Single(gateway.OnWan()))), 1));
        gateway.FromWan(peer.In.Wrap(Udp4("10.2.0.7", "10.1.0.2"), 1));
        Assert.Single(gateway.OnLan());
        Assert.Empty(gateway.Drops());
    }

    [Fact]
    public void The_gateway_itself_answers_through_the_tunnel()
    {
        using var gateway = new TestGateway();
        var peer = Peer();
        Install(gateway, peer);
        gateway.FromWan(peer.In.Wrap(Build.Ip4("10.2.0.7", "10.1.0.1", 1, Build.Icmp4(8, 0, 0x10001, Build.Bytes(56))), 1));
        var reply = Inner(peer.Out.Unseal(EspOf(Ip(Assert.Single(gateway.OnWan()))), 1)!);
        Assert.Equal(0, reply[20]);
        Assert.Equal("10.2.0.7", new IPAddress(reply.AsSpan(16, 4)).ToString());
        Assert.Empty(gateway.OnLan());
    }

    [Fact]
    public void A_host_behind_the_tunnel_learns_that_a_packet_expired()
    {
        using var gateway = new TestGateway();
        var peer = Peer();
        Install(gateway, peer);
        gateway.FromWan(peer.In.Wrap(Build.Ip4("10.2.0.7", "10.1.0.2", 17, Build.Udp("10.2.0.7", "10.1.0.2", 1, 2, Build.Bytes(9)), ttl: 1), 1));
        var error = Inner(peer.Out.Unseal(EspOf(Ip(Assert.Single(gateway.OnWan()))), 1)!);
        Assert.Equal((1, 11), (error[9], error[20]));
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void A_router_on_the_way_makes_the_tunnel_narrower_and_a_forger_does_not(bool v6, bool udp)
    {
        using var gateway = new TestGateway();
        var peer = Peer(v6, udp);
        Install(gateway, peer);
        var big = Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", 1000, 2000, Build.Bytes(1300)), df: true);
        gateway.FromLan(big);
        var outer = Ip(Assert.Single(gateway.OnWan()));
        var quoted = outer[..(EspOf(outer).Length < 8 ? 0 : outer.Length - EspOf(outer).Length + 8)];

        foreach (var at in (int[])[quoted.Length - 8, quoted.Length - 4])
        {
            var forged = (byte[])quoted.Clone();
            forged[at + 1] ^= 0x40;
            gateway.FromWan(TooBig(v6, 1300, forged));
            gateway.Control.TakeNews();
            gateway.FromLan(big);
            Assert.Single(gateway.OnWan());
        }

        gateway.FromWan(TooBig(v6, 1300, quoted));
        gateway.Control.TakeNews();
        gateway.FromLan(big);
        Assert.Empty(gateway.OnWan());
        // Destination unreachable, fragmentation needed: the host learns what the tunnel leaves it.
        var error = Ip(Assert.Single(gateway.OnLan()));
        Assert.Equal((1, 3, 4), (error[9], error[20], error[21]));
        var fits = BinaryPrimitives.ReadUInt16BigEndian(error.AsSpan(26));
        Assert.InRange(fits, 1180, 1300 - 50);
        Assert.Equal(1300u, Assert.Single(gateway.Control.Security.Sas()).PathMtu);

        // No path is narrower than what every one must carry.
        gateway.FromWan(TooBig(v6, 68, quoted));
        gateway.Control.TakeNews();
        gateway.FromLan(big);
        Assert.Equal(v6 ? 1280u : 576u, Assert.Single(gateway.Control.Security.Sas()).PathMtu);
    }

    private static byte[] TooBig(bool v6, uint mtu, byte[] quoted) => v6
        ? Build.Ip6("2001:db8:2::99", "2001:db8:2::1", 58, Build.Icmp6("2001:db8:2::99", "2001:db8:2::1", 2, 0, mtu, quoted))
        : Build.Ip4("198.51.100.99", "198.51.100.1", 1, Build.Icmp4(3, 4, mtu, quoted));

    [Fact]
    public void Clear_packets_that_a_child_protects_are_dropped_before_the_SA_is_up_and_after()
    {
        using var gateway = new TestGateway();
        gateway.Control.Security.SetPolicies([SecurityPolicy.OfChild(new("branch"), new("net"), EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/24"))]);
        gateway.FromLan(Udp4("10.1.0.2", "10.2.0.7"));
        gateway.FromWan(Udp4("10.2.0.7", "10.1.0.2"));
        gateway.FromWan(Udp4("10.2.0.7", "10.1.0.1"));
        Assert.Empty(gateway.OnWan());
        Assert.Empty(gateway.OnLan());
        Assert.Equal(1UL, gateway.Count("spd4-output/no-sa"));
        Assert.Equal(2UL, gateway.Count("spd4-input/clear-but-protected"));
        Assert.IsType<AcquireNotice>(Assert.Single(gateway.Notices));

        Install(gateway, Peer());
        gateway.FromWan(Udp4("10.2.0.7", "10.1.0.2"));
        Assert.Empty(gateway.OnLan());
        gateway.FromLan(Udp4("10.1.0.2", "10.3.0.7"));
        Assert.Equal(17, Ip(Assert.Single(gateway.OnWan()))[9]);
    }

    // RFC 4301 §4.4.1: IKE must pass whatever the policies say.
    [Fact]
    public void IKE_passes_in_both_directions_although_everything_is_protected()
    {
        using var gateway = new TestGateway();
        gateway.Control.Security.SetPolicies([SecurityPolicy.OfChild(new("branch"), new("all"), default, default)]);
        gateway.FromWan(Build.Ip4("203.0.113.2", "198.51.100.1", 17, Build.Udp("203.0.113.2", "198.51.100.1", 500, 500, Build.Bytes(60))));
        gateway.FromWan(Build.Ip4("203.0.113.2", "198.51.100.1", 17, Build.Udp("203.0.113.2", "198.51.100.1", 4500, 4500, [0, 0, 0, 0, .. Build.Bytes(60)])));
        Assert.Equal(2, gateway.Datagrams.Count);
        Assert.True(gateway.Control.InjectDatagram(new IPEndPoint(_here4, 500), new IPEndPoint(EspLab.There4, 500), Build.Bytes(60), nonEspMarker: false));
        gateway.Step();
        Assert.Equal(17, Ip(Assert.Single(gateway.OnWan()))[9]);
        gateway.FromWan(Udp4("203.0.113.2", "198.51.100.1"));
        Assert.Equal(1UL, gateway.Count("spd4-input/clear-but-protected"));
    }

    [Fact]
    public void A_fragmented_ESP_packet_is_put_together_first()
    {
        using var gateway = new TestGateway();
        var peer = Peer();
        Install(gateway, peer);
        var outer = peer.In.Wrap(Udp4("10.2.0.7", "10.1.0.2", 1200), 1);
        var payload = outer[20..];
        gateway.FromWan(Build.Ip4("203.0.113.2", "198.51.100.1", 50, payload[..800], mf: true, id: 7));
        Assert.Empty(gateway.OnLan());
        gateway.FromWan(Build.Ip4("203.0.113.2", "198.51.100.1", 50, payload[800..], offset: 800, id: 7));
        Assert.Equal(1228, Ip(Assert.Single(gateway.OnLan())).Length);
    }

    [Fact]
    public void A_fragmented_ESP_packet_over_IPv6_is_put_together_first_also_behind_UDP()
    {
        foreach (var udp in (bool[])[false, true])
        {
            using var gateway = new TestGateway();
            var peer = Peer(v6: true, udp);
            Install(gateway, peer);
            var outer = peer.In.Wrap(Udp4("10.2.0.7", "10.1.0.2", 1200), 1);
            var (protocol, payload) = (outer[6], outer[40..]);
            // Next header, reserved, offset and more-flag, identification: the later part comes first.
            gateway.FromWan(Build.Ip6("2001:db8:2::2", "2001:db8:2::1", 44, [protocol, 0, 800 >> 8, 800 & 0xF8, 0, 0, 0, 9, .. payload[800..]]));
            Assert.Empty(gateway.OnLan());
            gateway.FromWan(Build.Ip6("2001:db8:2::2", "2001:db8:2::1", 44, [protocol, 0, 0, 1, 0, 0, 0, 9, .. payload[..800]]));
            Assert.Equal(1228, Ip(Assert.Single(gateway.OnLan())).Length);
            Assert.Empty(gateway.Drops());
        }
    }

    // RFC 4301 §8.2.1.
    [Fact]
    public void A_host_on_the_LAN_learns_what_the_tunnel_leaves_it()
    {
        using var gateway = new TestGateway();
        var peer = Peer();
        Install(gateway, peer);
        byte[] Packet(int length) => Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", 1, 2, Build.Bytes(length - 28)), df: true);
        gateway.FromLan(Packet(1500));
        Assert.Empty(gateway.OnWan());
        var error = Ip(Assert.Single(gateway.OnLan()));
        Assert.Equal((3, 4), (error[20], error[21]));
        var mtu = BinaryPrimitives.ReadUInt16BigEndian(error.AsSpan(26));
        gateway.FromLan(Packet(mtu));
        Assert.InRange(Ip(Assert.Single(gateway.OnWan())).Length, 1497, 1500);

        gateway.FromLan(Build.Ip4("10.1.0.2", "10.2.0.7", 17, Build.Udp("10.1.0.2", "10.2.0.7", 1, 2, Build.Bytes(1472))));
        Assert.Equal(2, gateway.OnWan().Count);
    }

    [Fact]
    public void Jumbo_packets_cross_in_chains_of_chunks()
    {
        using var gateway = new TestGateway();
        foreach (var (index, name) in ((uint, string)[])[(gateway.Lan, "lan"), (gateway.Wan, "wan")])
            gateway.Control.SetInterface(index, new Gateway.Dataplane.Apply.InterfaceSettings
            {
                Name = name,
                Type = "in-memory",
                Mtu = 9000,
                Mac = new System.Net.NetworkInformation.PhysicalAddress(name == "lan" ? TestGateway.LanMac : TestGateway.WanMac),
            });
        var peer = Peer();
        Install(gateway, peer);
        gateway.FromLan(Udp4("10.1.0.2", "10.2.0.7", 8800));
        var inner = Inner(peer.Out.Unseal(EspOf(Ip(Assert.Single(gateway.OnWan()))), 1)!);
        Assert.Equal(8828, inner.Length);
        gateway.FromWan(peer.In.Wrap(Udp4("10.2.0.7", "10.1.0.2", 8800), 1));
        Assert.Equal(8828, Ip(Assert.Single(gateway.OnLan())).Length);
        Assert.Empty(gateway.Drops());
    }

    /// <summary>Workers run while SAs are rekeyed and policies are replaced: nothing is lost, and nothing leaves in the clear.</summary>
    [Fact]
    public void Rekeys_under_traffic_lose_no_packet_and_leak_none()
    {
        using var gateway = new TestGateway(buffers: 8192, started: true);
        SecurityPolicy[] Policies(int i) =>
        [
            SecurityPolicy.OfChild(new("branch"), new("net"), EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/24"), priority: i % 3),
            SecurityPolicy.OfChild(new("branch"), new("wide"), EspLab.Select("10.1.0.0/24"), EspLab.Select($"10.0.0.0/{8 + (i % 4)}")),
        ];
        var security = gateway.Control.Security;
        security.SetPolicies(Policies(0));
        var current = Peer(spi: 0x1000);
        Install(gateway, current);
        gateway.Control.Start();
        var frame = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Udp4("10.1.0.2", "10.2.0.7"));
        int sent = 0, came = 0;
        var spis = new HashSet<uint>();
        void Collect()
        {
            foreach (var seen in TestGateway.Drain(gateway.WanPort))
            {
                // Router solicitations and the like aside, the gateway sends only ESP.
                if (Ip(seen)[0] >> 4 != 4) continue;
                Assert.Equal(50, Ip(seen)[9]);
                spis.Add(BinaryPrimitives.ReadUInt32BigEndian(Ip(seen).AsSpan(20)));
                came++;
            }
        }

        void CollectAll()
        {
            for (var wait = 0; wait < 2000 && came < sent; wait++)
            {
                Thread.Sleep(5);
                Collect();
            }
        }

        for (ulong id = 2; id < 40; id++)
        {
            for (var i = 0; i < 64; i++)
                if (gateway.LanPort.Offer(frame)) sent++;
            var next = Peer(spi: 0x1000 + (uint)id);
            Install(gateway, next, id);
            security.SetPolicies(Policies((int)id));
            Assert.True(security.RemoveSa(new(id - 1)));
            Collect();
            // Now and then the worker catches up, so that also a starved one is seen to use more than the last SA.
            if (id % 8 == 0) CollectAll();
        }
        CollectAll();
        Assert.Equal(sent, came);
        Assert.True(spis.Count > 1);
    }
}
