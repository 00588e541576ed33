using System.Net;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>The security policy nodes and what the control side makes of policies and SAs.</summary>
public sealed unsafe class PolicyNodesTests : IDisposable
{
    private readonly EspLab _lab = new();
    private readonly Random _random = new(1);

    public void Dispose()
    {
        Assert.Equal(_lab.Pool.Capacity, _lab.Pool.Available);
        _lab.Dispose();
    }

    private static readonly ConnectionName _branch = new("branch");
    private static readonly ChildName _net = new("net");

    private static SecurityPolicy Child(string local = "10.1.0.0/24", string remote = "10.2.0.0/24", int priority = 0) =>
        SecurityPolicy.OfChild(_branch, _net, EspLab.Select(local), EspLab.Select(remote), priority);

    private static byte[] Packet(string from, string to, byte protocol = 17, byte[]? payload = null)
    {
        var (source, destination) = (IPAddress.Parse(from), IPAddress.Parse(to));
        payload ??= PlainIp.Udp(1000, 2000, 20);
        return source.AddressFamily == System.Net.Sockets.AddressFamily.InterNetworkV6 ? PlainIp.Ip6(source, destination, protocol, payload) : PlainIp.Ip4(source, destination, protocol, payload);
    }

    private string Fate(string from, string to, byte protocol = 17, byte[]? payload = null)
    {
        var before = _lab.AllDrops();
        var left = _lab.Send(Packet(from, to, protocol, payload));
        if (left.Count == 1) return left[0].Node;
        Assert.Equal(before + 1, _lab.AllDrops());
        return "dropped";
    }

    // RFC 4301 §4.4.1: PROTECT holds from configuration on.
    [Fact]
    public void A_configured_child_protects_before_it_is_up_and_asks_for_its_SA_once_a_second()
    {
        _lab.Control.SetPolicies([Child()]);
        for (var i = 0; i < 3; i++) Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7"));
        Assert.Equal(3UL, _lab.Drops(NodeNames.Spd4Output, "no-sa"));
        var acquire = Assert.IsType<AcquireNotice>(Assert.Single(_lab.Notices()));
        Assert.Equal(new AcquireNotice(_branch, _net, IPAddress.Parse("10.1.0.5"), IPAddress.Parse("10.2.0.7"), 17, 1000, 2000), acquire);
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.3.0.7"));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.2.0.5", "10.1.0.7"));
        Assert.True(_lab.Tables.SpdActive);
        _lab.Control.SetPolicies([]);
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.2.0.7"));
        Assert.False(_lab.Tables.SpdActive);
    }

    [Fact]
    public void The_first_packets_of_a_child_that_holds_them_leave_when_its_SA_is_up_in_their_order()
    {
        _lab.Control.SetPolicies([Child() with { Holds = true }]);
        for (var i = 0; i < HeldPackets.PerPolicy + 2; i++) Assert.Empty(_lab.Send(Packet("10.1.0.5", "10.2.0.7", payload: PlainIp.Udp((ushort)(1000 + i), 2000, 20))));
        Assert.Equal(2UL, _lab.Drops(NodeNames.Spd4Output, "no-sa"));
        Assert.Single(_lab.Notices());
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]), outbound, inbound);
        var left = _lab.Run();
        Assert.Equal(HeldPackets.PerPolicy, left.Count);
        Assert.All(left, p => Assert.Equal(NodeNames.Ip4Lookup, p.Node));
        Assert.Equal(Enumerable.Range(1, HeldPackets.PerPolicy).Select(n => (uint)n), left.Select(p => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(p.Bytes.AsSpan(24))));
        Assert.Equal(0, _lab.Context.Held.Count);
        _lab.Control.RemoveSa(new(1));
    }

    [Fact]
    public void Packets_that_wait_in_vain_are_dropped_after_a_while_and_all_of_them_have_a_bound()
    {
        _lab.Control.SetPolicies([.. Enumerable.Range(0, 40).Select(n => SecurityPolicy.OfChild(_branch, new ChildName($"c{n}"), EspLab.Select("10.1.0.0/24"), EspLab.Select($"10.2.{n}.0/24")) with { Holds = true })]);
        for (var n = 0; n < 40; n++)
            for (var i = 0; i < 10; i++) Assert.Empty(_lab.Send(Packet("10.1.0.5", $"10.2.{n}.7")));
        Assert.Equal(HeldPackets.Capacity, _lab.Context.Held.Count);
        Assert.Equal(400UL - HeldPackets.Capacity, _lab.Drops(NodeNames.Spd4Output, "no-sa"));
        _lab.Context.Held.Expire(_lab.Context);
        Assert.Equal(HeldPackets.Capacity, _lab.Context.Held.Count);
        _lab.Context.Now += HeldPackets.Patience + 1;
        _lab.Context.Held.Expire(_lab.Context);
        _lab.Context.Run();
        Assert.Equal(0, _lab.Context.Held.Count);
        Assert.Equal(400UL, _lab.Drops(NodeNames.Spd4Output, "no-sa"));
        _lab.Control.SetPolicies([]);
        // The frees of the last drops come with the next run.
        _lab.Send(Packet("10.1.0.5", "10.2.0.7"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Of_several_children_with_the_same_selectors_one_that_is_up_carries_the_packets(bool spokeFirst)
    {
        SecurityPolicy Of(string connection) => SecurityPolicy.OfChild(new ConnectionName(connection), _net, EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/24"));
        var (outbound, inbound) = EspLab.Pair(_random);
        // Whatever their names, and whichever of configuration and SA comes first.
        foreach (var up in (string[])["a", "b", "c", "d"])
        {
            if (!spokeFirst) _lab.Control.SetPolicies([Of("a"), Of("b"), Of("c"), Of("d")]);
            var sa = EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]) with { Connection = new ConnectionName(up) };
            _lab.Install(sa, outbound, inbound);
            _lab.Control.SetPolicies([Of("a"), Of("b"), Of("c"), Of("d")]);
            Assert.Equal(NodeNames.Ip4Lookup, Fate("10.1.0.5", "10.2.0.7"));
            _lab.Control.RemoveSa(new(1));
            Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7"));
            _lab.Control.SetPolicies([]);
        }

        Assert.Equal(0, _lab.Tables.Spd.Count);
    }

    [Fact]
    public void IPv6_children_acquire_too()
    {
        _lab.Control.SetPolicies([Child("fd01::/64", "fd02::/64")]);
        Assert.Equal("dropped", Fate("fd01::5", "fd02::7"));
        Assert.Equal(new AcquireNotice(_branch, _net, IPAddress.Parse("fd01::5"), IPAddress.Parse("fd02::7"), 17, 1000, 2000), Assert.Single(_lab.Notices()));
        Assert.Equal(NodeNames.Ip6Rewrite, Fate("fd01::5", "fd03::7"));
    }

    [Fact]
    public void An_SA_carries_what_its_child_protects_and_its_end_closes_the_way()
    {
        _lab.Control.SetPolicies([Child()]);
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]), outbound, inbound);
        Assert.Equal(NodeNames.Ip4Lookup, Fate("10.1.0.5", "10.2.0.7"));
        Assert.Single(_lab.Control.Rules());
        _lab.Control.RemoveSa(new(1));
        Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7"));
    }

    // The peer narrowed (RFC 7296 §2.9): what it left out stays protected and closed.
    [Fact]
    public void A_narrowed_SA_carries_its_part_and_the_rest_of_the_child_stays_closed()
    {
        _lab.Control.SetPolicies([Child("10.1.0.0/16", "10.2.0.0/16")]);
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]), outbound, inbound);
        Assert.Equal(NodeNames.Ip4Lookup, Fate("10.1.0.5", "10.2.0.7"));
        Assert.Equal("dropped", Fate("10.1.0.5", "10.2.1.7"));
        Assert.Equal(2, _lab.Control.Rules().Count);
        _lab.Control.RemoveSa(new(1));
        Assert.Single(_lab.Control.Rules());
    }

    [Fact]
    public void Selectors_that_an_SA_brought_go_with_it()
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.9.9.9/32"]), outbound, inbound);
        Assert.Equal(NodeNames.Ip4Lookup, Fate("10.1.0.5", "10.9.9.9"));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.9.9.8"));
        _lab.Control.RemoveSa(new(1));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.9.9.9"));
        Assert.Empty(_lab.Control.Rules());
    }

    // RFC 7296 §2.8: both SAs take packets until the old one is deleted.
    [Fact]
    public void After_a_rekey_the_newest_SA_sends_and_both_receive()
    {
        string[] local = ["10.1.0.0/24"], remote = ["10.2.0.0/24"];
        var old = EspLab.Pair(_random, spi: 0x1000);
        var fresh = EspLab.Pair(_random, spi: 0x2000);
        uint SpiOfSent() => System.Buffers.Binary.BinaryPrimitives.ReadUInt32BigEndian(Assert.Single(_lab.Send(Packet("10.1.0.5", "10.2.0.7"))).Bytes.AsSpan(20));
        _lab.Install(EspLab.Parameters(1, old.Outbound, old.Inbound, local, remote), old.Outbound, old.Inbound);
        Assert.Equal(old.Outbound.Spi, SpiOfSent());
        _lab.Install(EspLab.Parameters(2, fresh.Outbound, fresh.Inbound, local, remote), fresh.Outbound, fresh.Inbound, hold: true);
        Assert.Equal(old.Outbound.Spi, SpiOfSent());
        Assert.Single(_lab.Decrypt(old.Inbound.Wrap(Packet("10.2.0.7", "10.1.0.5"), 1)));
        Assert.Single(_lab.Decrypt(fresh.Inbound.Wrap(Packet("10.2.0.7", "10.1.0.5"), 1)));
        Assert.True(_lab.Control.UseOutbound(new(2)));
        Assert.Equal(fresh.Outbound.Spi, SpiOfSent());
        Assert.Equal([false, true], _lab.Control.Sas().Select(s => s.OutboundUsed));
        _lab.Control.RemoveSa(new(2));
        Assert.Equal(old.Outbound.Spi, SpiOfSent());
        _lab.Control.RemoveSa(new(1));
    }

    [Fact]
    public void Explicit_policies_bypass_and_discard_in_the_order_of_their_size_or_number()
    {
        _lab.Control.SetPolicies(
        [
            Child("10.1.0.0/16", "0.0.0.0/0"),
            new("lan", SecurityAction.Bypass, EspLab.Select("10.1.0.0/16"), EspLab.Select("10.1.0.0/16")),
            new("bad", SecurityAction.Discard, EspLab.Select("10.1.0.0/16"), EspLab.Select("10.66.0.0/16")),
            new("dns", SecurityAction.Bypass, default, EspLab.Select("0.0.0.0/0[udp/53]"), Priority: 1),
        ]);
        Assert.Equal("dropped", Fate("10.1.0.5", "8.8.8.8"));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Spd4Output, "no-sa"));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.1.7.7"));
        Assert.Equal("dropped", Fate("10.1.0.5", "10.66.7.7"));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Spd4Output, "discarded"));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.66.7.7", payload: PlainIp.Udp(1000, 53, 10)));
        Assert.Equal(["dns", "lan", "bad", "branch/net"], _lab.Control.Rules().Select(r => r.Policy).Distinct().Take(4).OrderBy(p => p == "branch/net" ? 3 : p == "dns" ? 0 : p == "lan" ? 1 : 2));
    }

    // RFC 4301 §5.2.
    [Fact]
    public void A_clear_packet_that_should_have_been_protected_is_dropped()
    {
        _lab.Control.SetPolicies([Child(), new("bad", SecurityAction.Discard, default, EspLab.Select("10.66.0.0/16"))]);
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]), outbound, inbound);
        List<Arrived> Arrive(string from, string to, uint nextHop = 0)
        {
            _lab.Put(NodeNames.Spd4Input, Packet(from, to), nextHop);
            return _lab.Run();
        }

        Assert.Empty(Arrive("10.2.0.7", "10.1.0.5"));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Spd4Input, "clear-but-protected"));
        Assert.Empty(Arrive("10.66.0.7", "10.1.0.5"));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Spd4Input, "discarded"));
        // The way out is the other direction and goes on to the outbound policy; what is for the gateway itself is delivered.
        Assert.Equal(NodeNames.Ip4Lookup, Assert.Single(Arrive("10.1.0.5", "10.2.0.7")).Node);
        Assert.Equal(NodeNames.Ip4Deliver, Assert.Single(Arrive("10.9.0.7", "10.1.0.5", AdjacencyTable.Local)).Node);
    }

    [Fact]
    public void Ports_protocols_and_ICMP_types_select()
    {
        _lab.Control.SetPolicies(
        [
            new("a", SecurityAction.Discard, EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/24[tcp/80-90]")),
            new("b", SecurityAction.Discard, EspLab.Select("10.1.0.0/24[icmp/2048]"), EspLab.Select("10.2.0.0/24[icmp]")),
            new("c", SecurityAction.Discard, EspLab.Select("10.1.0.0/24"), EspLab.Select("10.2.0.0/24[udp/opaque]")),
        ]);
        byte[] Tcp(byte port) => [0, 99, 0, port, .. new byte[16]];
        Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7", 6, Tcp(80)));
        Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7", 6, Tcp(90)));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.2.0.7", 6, Tcp(91)));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.2.0.7", payload: PlainIp.Udp(80, 80, 8)));
        Assert.Equal("dropped", Fate("10.1.0.5", "10.2.0.7", 1, [8, 0, 0, 0, 0, 0, 0, 0]));
        Assert.Equal(NodeNames.Ip4Rewrite, Fate("10.1.0.5", "10.2.0.7", 1, [0, 0, 0, 0, 0, 0, 0, 0]));
        // Later fragments show no ports.
        _lab.Put(NodeNames.Spd4Output, PlainIp.Ip4(IPAddress.Parse("10.1.0.5"), IPAddress.Parse("10.2.0.7"), 17, new byte[16], fragment: 5));
        Assert.Empty(_lab.Run());
        _lab.Put(NodeNames.Spd4Output, PlainIp.Ip4(IPAddress.Parse("10.1.0.5"), IPAddress.Parse("10.2.0.7"), 6, Tcp(80), fragment: 5));
        Assert.Single(_lab.Run());
    }

    [Fact]
    public void Decrypted_packets_are_held_to_ports_and_extension_headers_are_followed()
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24[udp]", "fd01::/64[udp/53]"], ["10.2.0.0/24[udp/53]", "fd02::/64[udp]"]), outbound, inbound);
        ulong sequence = 0;
        bool Passes(byte[] inner) => _lab.Decrypt(inbound.Wrap(inner, ++sequence)).Count == 1;
        Assert.True(Passes(Packet("10.2.0.7", "10.1.0.5", payload: PlainIp.Udp(53, 1, 4))));
        Assert.False(Passes(Packet("10.2.0.7", "10.1.0.5", payload: PlainIp.Udp(54, 1, 4))));
        Assert.False(Passes(Packet("10.2.0.7", "10.1.0.5", 6)));
        Assert.False(Passes(PlainIp.Ip4(IPAddress.Parse("10.2.0.7"), IPAddress.Parse("10.1.0.5"), 17, PlainIp.Udp(53, 1, 4), fragment: 3)));
        Assert.False(Passes(PlainIp.Ip4(IPAddress.Parse("10.2.0.7"), IPAddress.Parse("10.1.0.5"), 17, [0, 53])));
        byte[] udp = PlainIp.Udp(9, 53, 4);
        Assert.True(Passes(Packet("fd02::7", "fd01::5", 17, udp)));
        Assert.True(Passes(Packet("fd02::7", "fd01::5", 0, [60, 0, 0, 0, 0, 0, 0, 0, 17, 1, .. new byte[14], .. udp])));
        Assert.True(Passes(Packet("fd02::7", "fd01::5", 44, [17, 0, 0, 1, 0, 0, 0, 9, .. udp])));
        Assert.False(Passes(Packet("fd02::7", "fd01::5", 44, [17, 0, 0, 9, 0, 0, 0, 9, .. udp])));
        Assert.False(Passes(Packet("fd02::7", "fd01::5", 0, [60, 200, 0, 0, 0, 0, 0, 0, 17, 1, .. new byte[14], .. udp])));
        Assert.False(Passes(Packet("fd02::7", "fd01::5", 0, [0, 0])));
    }

    [Fact]
    public void Policies_can_be_replaced_again_and_again_and_nothing_is_left_of_them()
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]), outbound, inbound);
        for (var i = 0; i < 50; i++)
        {
            var policies = Enumerable.Range(0, 100).Select(n =>
                SecurityPolicy.OfChild(_branch, new ChildName($"c{n}"), EspLab.Select("10.1.0.0/24"), EspLab.Select($"10.{100 + (n + i) % 50}.0.0/{20 + (i % 8)}"), i % 3)).Append(Child(priority: i % 2)).ToArray();
            _lab.Control.SetPolicies(policies);
            Assert.Equal(101, _lab.Control.Rules().Count);
            Assert.Equal(NodeNames.Ip4Lookup, Fate("10.1.0.5", "10.2.0.7"));
        }
        _lab.Control.SetPolicies([]);
        Assert.Single(_lab.Control.Rules());
        _lab.Control.RemoveSa(new(1));
        Assert.Equal(0, _lab.Tables.Spd.Count);
        Assert.Equal(0, _lab.Tables.Sad.Count);
    }

    /// <summary>A worker reads while the control side turns one protect policy into another of a different shape: no lookup may find neither.</summary>
    [Fact]
    public void A_replaced_policy_leaves_no_gap_for_a_clear_packet()
    {
        using var epochs = new Epochs(1);
        using var tables = new DataplaneTables(epochs);
        using var control = new SaControl(tables, new Lock());
        SecurityPolicy[] Policies(int i) =>
        [
            SecurityPolicy.OfChild(_branch, _net, EspLab.Select("10.1.0.0/24"), EspLab.Select($"10.2.0.0/{8 + (i % 17)}")),
            .. Enumerable.Range(0, i % 30).Select(n => SecurityPolicy.OfChild(_branch, new ChildName($"x{n}"), EspLab.Select("10.1.0.0/24"), EspLab.Select($"10.2.{n + 1}.0/24"))),
        ];
        control.SetPolicies(Policies(0));
        var stop = false;
        ulong lookups = 0, gaps = 0;
        var worker = new Thread(() =>
        {
            var key = new SpdKey<uint> { Local = 0x0A01_0005, Remote = 0x0A02_0007, Protocol = 17 };
            while (!Volatile.Read(ref stop))
            {
                epochs.Pass(0);
                for (var i = 0; i < 50; i++)
                {
                    var rule = tables.Spd.V4.Find(key);
                    if (rule == null || rule->Action != SpdAction.Protect) gaps++;
                    lookups++;
                }
            }
            epochs.Sleep(0);
        });
        worker.Start();
        for (var i = 1; i < 300; i++) control.SetPolicies(Policies(i));
        Volatile.Write(ref stop, true);
        worker.Join();
        Assert.Equal(0UL, gaps);
        Assert.True(lookups > 0);
    }
}
