using Gateway.Dataplane.Esp;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>Protected traffic when something runs out or goes away: counted, and everything as before once it is back.</summary>
public sealed class ScarcityTests
{
    private static readonly Random _random = new(11);

    private static (SlowEsp Out, SlowEsp In) Install(TestGateway gateway, int worker = 0)
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        Assert.Equal(SaInstallResult.Installed, gateway.Control.Security.InstallSa(new SaInstall
        {
            Parameters = EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/24"], ["10.2.0.0/24"]),
            InboundKey = inbound.Keymat,
            OutboundKey = outbound.Keymat,
            Worker = worker,
        }));
        return (outbound, inbound);
    }

    private static byte[] Udp(string from, string to, int length = 100, bool df = false) => Build.Ip4(from, to, 17, Build.Udp(from, to, 1000, 2000, Build.Bytes(length)), df: df);

    private static byte[] Frame(byte[] ip) => Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, ip);

    [Fact]
    public void With_the_pool_used_up_packets_that_need_no_more_still_pass_and_the_others_are_counted()
    {
        using var gateway = new TestGateway(buffers: 256);
        var (_, inbound) = Install(gateway);
        var pool = gateway.Control.Pool;
        Assert.True(gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7"))));
        Assert.True(gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7", 1472))));
        Assert.True(gateway.WanPort.Offer(Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1))));
        var taken = new uint[pool.Available];
        Assert.Equal(taken.Length, pool.Allocate(taken));
        gateway.Step();
        // Encryption and decryption happen in place; splitting and an ICMP error need packets of their own.
        Assert.Single(gateway.OnWan());
        Assert.Single(gateway.OnLan());
        Assert.Equal(1UL, gateway.Count("ip4-fragment/no-buffer"));
        var last = pool.Allocate();
        Assert.NotEqual(0u, last);
        pool.Free(last);
        Assert.True(gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7", 1472, df: true))));
        var rest = new uint[pool.Available];
        Assert.Equal(rest.Length, pool.Allocate(rest));
        gateway.Step();
        Assert.Equal(1UL, gateway.Count("icmp4-error/no-buffer"));
        pool.Free(rest);
        pool.Free(taken);
        gateway.Step();
        gateway.OnWan();
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7", 1472));
        Assert.Equal(2, gateway.OnWan().Count);
        Assert.Equal(pool.Capacity, pool.Available);
    }

    [Fact]
    public void A_long_packet_that_finds_no_room_for_its_encrypted_or_decrypted_form_is_counted()
    {
        using var gateway = new TestGateway(buffers: 256);
        foreach (var (index, name, mac) in ((uint, string, byte[])[])[(gateway.Lan, "lan", TestGateway.LanMac), (gateway.Wan, "wan", TestGateway.WanMac)])
            gateway.Control.SetInterface(index, new() { Name = name, Type = "in-memory", Mtu = 9000, Mac = new System.Net.NetworkInformation.PhysicalAddress(mac) });
        var (_, inbound) = Install(gateway);
        var pool = gateway.Control.Pool;
        foreach (var outwards in (bool[])[true, false])
        {
            var wire = Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, inbound.Wrap(Udp("10.2.0.7", "10.1.0.2", 8800), 1));
            Assert.True(outwards ? gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7", 8800))) : gateway.WanPort.Offer(wire));
            var taken = new uint[pool.Available];
            Assert.Equal(taken.Length, pool.Allocate(taken));
            gateway.Step();
            Assert.Empty(gateway.OnWan());
            Assert.Empty(gateway.OnLan());
            Assert.Equal(1UL, gateway.Count(outwards ? "esp4-encrypt/no-buffer" : "esp4-decrypt/no-buffer"));
            pool.Free(taken);
        }
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7", 8800));
        gateway.FromWan(inbound.Wrap(Udp("10.2.0.7", "10.1.0.2", 8800), 2));
        Assert.Single(gateway.OnWan());
        Assert.Single(gateway.OnLan());
        Assert.Equal(pool.Capacity, pool.Available);
    }

    [Fact]
    public void A_full_ring_of_a_port_is_counted_and_what_comes_later_passes()
    {
        using var gateway = new TestGateway(buffers: 16_384);
        Install(gateway);
        var frame = Frame(Udp("10.1.0.2", "10.2.0.7"));
        var sent = 0;
        // Nobody takes what the gateway sends, until its queue and the port's ring are full.
        for (var round = 0; round < 100; round++)
        {
            for (var i = 0; i < 100; i++)
                if (gateway.LanPort.Offer(frame)) sent++;
            gateway.Step();
        }
        var came = gateway.OnWan().Count;
        for (var left = came; left > 0;)
        {
            gateway.Step();
            left = gateway.OnWan().Count;
            came += left;
        }
        var full = gateway.Control.Interfaces().Single(i => i.Name == "wan").TxDropped + gateway.Count("interface-output/queue-full");
        Assert.True(full > 0);
        Assert.Equal(sent, came + (int)full);
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Single(gateway.OnWan());
        Assert.Equal(gateway.Control.Pool.Capacity, gateway.Control.Pool.Available);
    }

    [Fact]
    public void A_full_ring_to_the_worker_that_owns_the_SA_is_counted_on_both_ways()
    {
        using var gateway = new TestGateway(buffers: 16_384, workers: 2);
        var (_, inbound) = Install(gateway, worker: 1);
        var (lan, wan) = (Frame(Udp("10.1.0.2", "10.2.0.7")), new List<byte[]>());
        for (ulong n = 1; n <= 2000; n++) wan.Add(Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), n)));
        // The owner stands still, whatever the others hand over.
        var owner = gateway.Control.Workers[1];
        foreach (var frame in wan)
        {
            gateway.LanPort.Offer(lan);
            gateway.WanPort.Offer(frame);
            foreach (var worker in gateway.Control.Workers)
                if (worker != owner) worker.Step();
        }
        while (gateway.Control.Workers[0].Step())
        {
        }
        var full = gateway.Count("esp4-encrypt/handoff-full") + gateway.Count("esp4-decrypt/handoff-full");
        gateway.Step();
        Assert.True(full + gateway.Count("interface-output/handoff-full") > 0, string.Join(", ", gateway.Drops()));
        gateway.OnWan();
        gateway.OnLan();
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        Assert.Single(gateway.OnWan());
        gateway.OnLan();
        Assert.Equal(gateway.Control.Pool.Capacity, gateway.Control.Pool.Available);
    }

    [Fact]
    public void A_port_that_vanishes_under_traffic_takes_nothing_with_it_and_the_next_one_goes_on()
    {
        using var gateway = new TestGateway();
        var (outbound, inbound) = Install(gateway);
        for (var i = 0; i < 50; i++) gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7")));
        gateway.Control.SetPort(gateway.Wan, null);
        gateway.Step();
        Assert.Equal(50UL, gateway.Control.Security.Sas().Single().Outbound.Packets);
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        var port = new Gateway.Dataplane.Io.InMemoryPort(gateway.Control.Pool);
        gateway.Control.SetPort(gateway.Wan, port);
        gateway.Step();
        TestGateway.Drain(port);
        gateway.FromLan(Udp("10.1.0.2", "10.2.0.7"));
        var left = Assert.Single(TestGateway.Drain(port));
        Assert.NotNull(outbound.Unseal(left.Ip[20..], gateway.Control.Security.Sas().Single().Outbound.Sequence));
        gateway.Frame(port, Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, inbound.Wrap(Udp("10.2.0.7", "10.1.0.2"), 1)));
        Assert.Single(gateway.OnLan());
        Assert.Equal(gateway.Control.Pool.Capacity, gateway.Control.Pool.Available);
    }

    /// <summary>Hundreds of thousands of packets, good and bad, whole and in pieces: every packet is back in the pool at the end.</summary>
    [Fact]
    public void After_a_long_run_of_everything_the_pool_is_as_full_as_at_its_start()
    {
        using var gateway = new TestGateway(buffers: 1024);
        var (_, inbound) = Install(gateway);
        var pool = gateway.Control.Pool;
        var level = pool.Available;
        ulong sequence = 0;
        byte[] Outer(byte[] inner, int damage)
        {
            var outer = inbound.Wrap(inner, ++sequence);
            if (damage == 1) outer[40] ^= 1;
            if (damage == 2) outer[23] ^= 1;
            return damage == 3 ? outer[..^9] : outer;
        }

        byte[] Wan(byte[] ip) => Build.Ethernet(TestGateway.WanMac, TestGateway.WanHost, 0x0800, ip);
        for (var round = 0; round < 400; round++)
        {
            for (var i = 0; i < 20; i++)
            {
                gateway.LanPort.Offer(Frame(Udp("10.1.0.2", "10.2.0.7", i * 70, df: i % 3 == 0)));
                gateway.LanPort.Offer(Frame(Udp("10.1.0.2", i % 2 == 0 ? "192.0.2.1" : "10.1.0.77", 1472)));
                gateway.WanPort.Offer(Wan(Outer(Udp("10.2.0.7", i % 7 == 0 ? "10.9.0.2" : "10.1.0.2", i * 60), i % 5)));
            }
            var whole = inbound.Wrap(Udp("10.2.0.7", "10.1.0.2", 1200), ++sequence)[20..];
            var pieces = new List<byte[]>
            {
                Build.Ip4("203.0.113.2", "198.51.100.1", 50, whole[..400], mf: true, id: (ushort)round),
                Build.Ip4("203.0.113.2", "198.51.100.1", 50, whole[400..800], mf: true, offset: 400, id: (ushort)round),
                Build.Ip4("203.0.113.2", "198.51.100.1", 50, whole[800..], offset: 800, id: (ushort)round),
            };
            // Some never come whole, and some twice.
            if (round % 3 == 0) pieces.RemoveAt(round % 9 / 3);
            if (round % 4 == 0) pieces.Add(pieces[0]);
            foreach (var piece in pieces) gateway.WanPort.Offer(Wan(piece));
            gateway.Step();
            gateway.OnLan();
            gateway.OnWan();
        }
        var context = gateway.Control.Workers[0].Context;
        context.Fragments.Expire(long.MaxValue, pool);
        for (var i = 0; i < 12; i++)
        {
            context.Now += 10_000_000_000;
            Gateway.Dataplane.Nodes.NeighborResolve.Tick(context, gateway.Control.Graph.Find("neighbor-resolve"));
            if (i % 4 != 3) continue;
            gateway.Step();
            gateway.OnLan();
            gateway.OnWan();
        }
        Assert.Equal(level, pool.Available);
        Assert.True(gateway.Drops().Count >= 5, string.Join(", ", gateway.Drops()));
    }
}
