using System.Buffers.Binary;
using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Esp;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>Route-based tunnels: an ipsec interface, routes into it, and CHILD SAs for everything that name it by its if_id.</summary>
public sealed class TunnelInterfaceTests : IDisposable
{
    private const string Everything = "0.0.0.0/0", Everything6 = "::/0";

    private readonly TestGateway _gateway = new();
    private readonly Random _random = new(7);

    public void Dispose() => _gateway.Dispose();

    private static byte[] Udp(string from, string to, int length = 100, bool df = false) => from.Contains(':', StringComparison.Ordinal)
        ? Build.Ip6(from, to, 17, Build.Udp(from, to, 1000, 2000, Build.Bytes(length)))
        : Build.Ip4(from, to, 17, Build.Udp(from, to, 1000, 2000, Build.Bytes(length)), df: df);

    private uint Tunnel(string name = "tun7", uint ifId = 7, int mtu = 1500, params string[] to)
    {
        var index = _gateway.Control.AddInterface(new InterfaceSettings { Name = name, Type = "ipsec", IfId = ifId, Mtu = mtu });
        foreach (var prefix in to) Assert.True(_gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse(prefix), Interface = index }));
        return index;
    }

    private (SlowEsp Out, SlowEsp In) Install(uint ifIdIn = 7, uint ifIdOut = 7, ulong id = 1, bool v6 = false, string child = "net", string[]? local = null, string[]? remote = null)
    {
        var (outbound, inbound) = EspLab.Pair(_random, v6, spi: 0x1000 + (uint)id);
        var (here, there) = v6 ? (IPAddress.Parse("2001:db8:2::1"), EspLab.There6) : (EspLab.Here4, EspLab.There4);
        (outbound, inbound) = (outbound with { Source = here, Destination = there }, inbound with { Source = there, Destination = here });
        var parameters = EspLab.Parameters(id, outbound, inbound, local ?? [Everything, Everything6], remote ?? [Everything, Everything6]) with
        {
            Child = new(child),
            IfIdIn = ifIdIn,
            IfIdOut = ifIdOut,
        };
        Assert.Equal(SaInstallResult.Installed, _gateway.Control.Security.InstallSa(new SaInstall { Parameters = parameters, InboundKey = inbound.Keymat, OutboundKey = outbound.Keymat }));
        return (outbound, inbound);
    }

    private static byte[] Open(SlowEsp sa, Seen frame, ulong sequence = 1)
    {
        var text = sa.Unseal(frame.Ip[(frame.Ip[0] >> 4 == 4 ? 20 : 40)..], sequence);
        Assert.NotNull(text);
        return text[..(text[0] >> 4 == 4 ? BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(2)) : 40 + BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(4)))];
    }

    private InterfaceRow Row(string name) => _gateway.Control.Interfaces().Single(i => i.Name == name);

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void What_is_routed_into_it_is_protected_and_the_answer_arrives_through_it(bool outer6)
    {
        Tunnel(to: ["10.2.0.0/16", "fd02::/16"]);
        var (outbound, inbound) = Install(v6: outer6);
        ulong n = 0;
        foreach (var (host, far) in ((string, string)[])[("10.1.0.2", "10.2.3.4"), ("2001:db8:1::2", "fd02::7")])
        {
            n++;
            _gateway.FromLan(Udp(host, far));
            var inner = Open(outbound, Assert.Single(_gateway.OnWan()), n);
            Assert.Equal(Udp(host, far).Length, inner.Length);
            Assert.Equal(63, inner[inner[0] >> 4 == 4 ? 8 : 7]);
            _gateway.FromWan(inbound.Wrap(Udp(far, host), n));
            Assert.Equal(far, Assert.Single(_gateway.OnLan()).Source);
        }
        var row = Row("tun7");
        Assert.Equal(("ipsec", true, 2UL, 2UL), (row.Type, row.Up, row.TxPackets, row.RxPackets));
        Assert.Equal(((ulong)(128 + 148), (ulong)(128 + 148)), (row.TxBytes, row.RxBytes));
        Assert.Empty(_gateway.Drops());
    }

    [Fact]
    public void Selectors_of_everything_take_nothing_that_is_routed_elsewhere()
    {
        Tunnel(to: "10.2.0.0/16");
        var (_, inbound) = Install();
        _gateway.FromLan(Udp("10.1.0.2", "192.0.2.9"));
        Assert.Equal(17, Assert.Single(_gateway.OnWan()).Protocol);
        // And what comes in the clear is no packet that should have been protected.
        _gateway.FromWan(Udp("192.0.2.9", "10.1.0.2"));
        Assert.Single(_gateway.OnLan());
        Assert.False(_gateway.Control.Tables.SpdActive);
        Assert.Empty(_gateway.Drops());
        Assert.NotNull(inbound);
    }

    [Fact]
    public void Policies_of_all_packets_come_first()
    {
        Tunnel(to: "10.2.0.0/16");
        var (routed, _) = Install();
        _gateway.Control.Security.SetPolicies([new SecurityPolicy("no-telnet", SecurityAction.Discard, EspLab.Select("0.0.0.0/0"), EspLab.Select("0.0.0.0/0[tcp/23]"))]);
        byte[] tcp = Build.Tcp("10.1.0.2", "10.2.0.7", 2, [], []);
        Build.Put16(tcp, 2, 23);
        _gateway.FromLan(Build.Ip4("10.1.0.2", "10.2.0.7", 6, tcp));
        Assert.Empty(_gateway.OnWan());
        Assert.Equal(1UL, _gateway.Count("spd4-output/discarded"));
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(routed, Assert.Single(_gateway.OnWan()));
    }

    [Fact]
    public void Each_interface_has_its_own_SAs_whatever_their_selectors_have_in_common()
    {
        Tunnel("east", 1, to: "10.2.0.0/16");
        Tunnel("west", 2, to: "10.3.0.0/16");
        var (east, fromEast) = Install(1, 1, 1, child: "east");
        var (west, fromWest) = Install(2, 2, 2, child: "west");
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(east, Assert.Single(_gateway.OnWan()));
        _gateway.FromLan(Udp("10.1.0.2", "10.3.0.7"));
        Open(west, Assert.Single(_gateway.OnWan()));
        _gateway.FromWan(fromEast.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1));
        _gateway.FromWan(fromWest.Wrap(Udp("10.3.0.7", "10.1.0.2"), 1));
        _gateway.FromWan(fromWest.Wrap(Udp("10.3.0.7", "10.1.0.2"), 2));
        Assert.Equal(3, _gateway.OnLan().Count);
        Assert.Equal((1UL, 2UL), (Row("east").RxPackets, Row("west").RxPackets));
        // Two lines of the policy for the same selectors, told apart by their interface.
        Assert.Equal([1u, 1u, 2u, 2u], _gateway.Control.Security.Rules().Select(r => r.IfId));
    }

    [Fact]
    public void A_packet_may_leave_by_one_interface_and_its_answer_arrive_by_another()
    {
        Tunnel("out", 1, to: "10.2.0.0/16");
        Tunnel("in", 2);
        var (outbound, inbound) = Install(ifIdIn: 2, ifIdOut: 1);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(outbound, Assert.Single(_gateway.OnWan()));
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1));
        Assert.Single(_gateway.OnLan());
        Assert.Equal((1UL, 0UL, 0UL, 1UL), (Row("out").TxPackets, Row("out").RxPackets, Row("in").TxPackets, Row("in").RxPackets));
    }

    [Fact]
    public void A_packet_asks_for_its_SA_waits_and_leaves_when_it_is_up()
    {
        Tunnel(to: "10.2.0.0/16");
        var child = SecurityPolicy.OfChild(new("branch"), new("net"), EspLab.Select(Everything), EspLab.Select(Everything));
        _gateway.Control.Security.SetPolicies([child with { IfId = 7, Holds = true }]);
        for (var i = 0; i < 3; i++) _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Empty(_gateway.OnWan());
        var acquire = Assert.IsType<AcquireNotice>(Assert.Single(_gateway.Notices));
        Assert.Equal(("branch", "net", "10.2.0.7"), (acquire.Connection.Value, acquire.Child.Value, acquire.Destination.ToString()));
        var (outbound, _) = Install();
        _gateway.Step();
        Assert.Equal(3, _gateway.OnWan().Select((f, i) => Open(outbound, f, (ulong)i + 1)).Count());

        // Without a wait they are dropped with a reason; other packets go as ever.
        Assert.True(_gateway.Control.Security.RemoveSa(new(1)));
        _gateway.Control.Security.SetPolicies([child with { IfId = 7 }]);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Equal(1UL, _gateway.Count("ipsec4-output/no-sa"));
        _gateway.FromLan(Udp("10.1.0.2", "192.0.2.9"));
        Assert.Equal(17, Assert.Single(_gateway.OnWan()).Protocol);
    }

    [Fact]
    public void Nothing_leaves_in_the_clear_and_the_sender_learns_that_no_child_takes_its_packet()
    {
        Tunnel(to: ["10.2.0.0/16", "fd02::/16"]);
        Install(local: ["10.1.0.0/24"], remote: ["10.2.0.0/24"]);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.9.9"));
        _gateway.FromLan(Udp("2001:db8:1::2", "fd02::7"));
        Assert.Empty(_gateway.OnWan());
        Assert.Equal([((byte)3, (byte)0), ((byte)1, (byte)0)], _gateway.OnLan().Select(e => (e.IcmpType, e.IcmpCode)));
        Assert.Equal((1UL, 1UL), (_gateway.Count("ipsec4-output/no-policy"), _gateway.Count("ipsec6-output/no-policy")));
        // Selectors still say what the peer may send.
        var level = _gateway.Control.Pool.Available;
        Assert.Equal(_gateway.Control.Pool.Capacity, level);
    }

    [Fact]
    public void Its_MTU_is_told_and_what_may_be_split_is_split_to_it()
    {
        Tunnel(mtu: 1300, to: "10.2.0.0/16");
        var (outbound, _) = Install();
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7", 1273, df: true));
        Assert.Empty(_gateway.OnWan());
        var error = Assert.Single(_gateway.OnLan());
        Assert.Equal((3, 4, 1300u), (error.IcmpType, error.IcmpCode, error.IcmpField));
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7", 1272, df: true));
        Assert.Equal(1300, Open(outbound, Assert.Single(_gateway.OnWan()), 1).Length);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7", 1400));
        Assert.Equal([1300, 148], _gateway.OnWan().Select((f, i) => Open(outbound, f, (ulong)i + 2).Length));
        // TCP learns it from the first packet on.
        _gateway.FromLan(Build.Ip4("10.1.0.2", "10.2.0.7", 6, Build.Tcp("10.1.0.2", "10.2.0.7", 2, [2, 4, 0x05, 0xB4], [])));
        var syn = Open(outbound, Assert.Single(_gateway.OnWan()), 4);
        Assert.Equal(1260, Build.Get16(syn, 42));
        Assert.Equal(0, SlowChecksum.Of([.. Build.Pseudo("10.1.0.2", "10.2.0.7", 6, syn.Length - 20), .. syn[20..]]));
    }

    [Fact]
    public void What_an_SA_decrypts_without_its_interface_is_dropped_until_the_interface_is_there()
    {
        var (_, inbound) = Install();
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1));
        Assert.Equal(1UL, _gateway.Count("esp4-decrypt/no-interface"));
        var index = Tunnel();
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 2));
        Assert.Single(_gateway.OnLan());
        _gateway.Control.SetInterface(index, new InterfaceSettings { Name = "tun7", Type = "ipsec", IfId = 7, Enabled = false });
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 3));
        _gateway.Control.SetInterface(index, new InterfaceSettings { Name = "tun7", Type = "ipsec", IfId = 7 });
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 4));
        Assert.Single(_gateway.OnLan());
        _gateway.Control.RemoveInterface(index);
        _gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 5));
        Assert.Empty(_gateway.OnLan());
        Assert.Equal(3UL, _gateway.Count("esp4-decrypt/no-interface"));
    }

    [Fact]
    public void A_disabled_interface_sends_nothing_and_its_routes_go_with_it()
    {
        var index = Tunnel(to: "10.2.0.0/16");
        Install();
        _gateway.Control.SetInterface(index, new InterfaceSettings { Name = "tun7", Type = "ipsec", IfId = 7, Enabled = false });
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Empty(_gateway.OnWan());
        Assert.Equal(1UL, _gateway.Count("ipsec4-output/down"));
        _gateway.Control.RemoveInterface(index);
        Assert.Single(_gateway.Control.Routes(), r => !r.Active);
        // The same name and number again: the route that waited leads into it.
        _gateway.Control.AddInterface(new InterfaceSettings { Name = "tun7", Type = "ipsec", IfId = 7 });
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Equal(50, Assert.Single(_gateway.OnWan()).Protocol);
    }

    [Fact]
    public void A_route_to_the_peer_through_its_own_tunnel_ends_there()
    {
        Tunnel(to: ["10.2.0.0/16", "203.0.113.0/24"]);
        Install();
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Empty(_gateway.OnWan());
        Assert.Equal(1UL, _gateway.Count("ipsec4-output/recursive"));
        Assert.False(_gateway.Control.TryRoute(0, EspLab.There4, out _, out _));
    }

    [Fact]
    public void Its_addresses_are_the_gateways_own_and_a_next_hop_on_their_network_is_whoever_is_behind_it()
    {
        var index = Tunnel();
        _gateway.Control.SetAddresses(index, [TestGateway.Address("172.16.0.1", 30)]);
        Assert.True(_gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.2.0.0/16"), Via = IPAddress.Parse("172.16.0.2") }));
        var (outbound, inbound) = Install();
        _gateway.FromWan(inbound.Wrap(Build.Ip4("172.16.0.2", "172.16.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(20))), 1));
        Assert.Equal(0, Open(outbound, Assert.Single(_gateway.OnWan()), 1)[20]);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(outbound, Assert.Single(_gateway.OnWan()), 2);
        // An expired packet is answered from the address of the interface that it came in by.
        _gateway.FromWan(inbound.Wrap(Build.Ip4("10.2.0.7", "192.0.2.9", 17, Build.Udp("10.2.0.7", "192.0.2.9", 1, 2, []), ttl: 1), 2));
        Assert.Equal(11, Open(outbound, Assert.Single(_gateway.OnWan()), 3)[20]);
        // What happens to other interfaces changes nothing.
        var other = Tunnel("tun8", 8);
        _gateway.Control.RemoveInterface(other);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(outbound, Assert.Single(_gateway.OnWan()), 4);
        _gateway.Control.RemoveInterface(index);
        Assert.Single(_gateway.Control.Routes(), r => !r.Active);
    }

    [Fact]
    public void A_rekeyed_SA_takes_over_and_the_old_one_still_receives()
    {
        Tunnel(to: "10.2.0.0/16");
        var (_, oldIn) = Install(id: 1);
        var (newOut, newIn) = Install(id: 2);
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Open(newOut, Assert.Single(_gateway.OnWan()));
        _gateway.FromWan(oldIn.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1));
        _gateway.FromWan(newIn.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1));
        Assert.Equal(2, _gateway.OnLan().Count);
        _gateway.Control.Security.RemoveSa(new(1));
        _gateway.Control.Security.RemoveSa(new(2));
        _gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Empty(_gateway.OnWan());
        Assert.Equal(1UL, _gateway.Count("ipsec4-output/no-policy"));
    }

    [Fact]
    public void A_thousand_tunnels_for_everything_are_told_apart_by_their_number()
    {
        const int tunnels = 1000;
        var sas = new (SlowEsp Out, SlowEsp In)[tunnels];
        for (uint i = 0; i < tunnels; i++)
        {
            Tunnel($"t{i}", i + 1, to: $"10.{64 + (i >> 8)}.{i & 255}.0/24");
            sas[i] = Install(i + 1, i + 1, i + 1, child: $"c{i}");
        }
        foreach (var i in (int[])[0, 1, 255, 256, 500, 999])
        {
            _gateway.FromLan(Udp("10.1.0.2", $"10.{64 + (i >> 8)}.{i & 255}.9"));
            Open(sas[i].Out, Assert.Single(_gateway.OnWan()));
        }
    }
}
