using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Nodes;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Graph;

public sealed unsafe class WorkerTests
{
    private const string LanHost = "10.1.0.2", Far = "203.0.113.9", LanHost6 = "2001:db8:1::2", Far6 = "2001:db8:99::9";

    /// <summary>One frame of every kind that the graph forwards, answers or drops without keeping it.</summary>
    private static List<byte[]> Kinds()
    {
        byte[] L2(byte[] ip, ushort type = 0x0800) => Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, type, ip);
        return
        [
            L2(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, Build.Bytes(100)))),
            L2(Build.Ip4(LanHost, Far, 6, Build.Tcp(LanHost, Far, 2, [2, 4, 5, 180], []))),
            L2(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, Build.Bytes(2000)))),
            L2(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, 1, 2, Build.Bytes(2000)), df: true)),
            L2(Build.Ip4(LanHost, Far, 17, Build.Bytes(64), ttl: 1)),
            L2(Build.Ip4(LanHost, "10.1.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(56)))),
            L2(Build.Ip4(LanHost, "10.1.0.1", 17, Build.Udp(LanHost, "10.1.0.1", 9, 9, []))),
            L2(Build.Ip4("127.0.0.1", Far, 17, [])),
            L2(Build.Ip6(LanHost6, Far6, 17, Build.Udp(LanHost6, Far6, 1, 2, Build.Bytes(100))), 0x86DD),
            L2(Build.Ip6(LanHost6, Far6, 17, Build.Bytes(2000)), 0x86DD),
            L2(Build.Ip6(LanHost6, Far6, 17, Build.Bytes(64), hops: 1), 0x86DD),
            L2(Build.Ip6(LanHost6, "2001:db8:1::1", 58, Build.Icmp6(LanHost6, "2001:db8:1::1", 128, 0, 1, Build.Bytes(56))), 0x86DD),
            L2(Build.Arp(1, TestGateway.LanHost, LanHost, new byte[6], "10.1.0.1"), 0x0806),
            L2(Build.Neighbor(LanHost6, "2001:db8:1::1", 135, 0, "2001:db8:1::1", TestGateway.LanHost), 0x86DD),
            Build.Bytes(13),
        ];
    }

    [Fact]
    public void A_worker_allocates_nothing_for_a_hundred_thousand_packets()
    {
        using var gateway = new TestGateway(buffers: 8192);
        var frames = Kinds();
        var worker = gateway.Control.Workers[0];
        var sent = new uint[4096];
        void Round()
        {
            for (var i = 0; i < 250; i++)
            {
                var packet = PacketCopy.FromBytes(gateway.Control.Pool, frames[i % frames.Count]);
                gateway.LanPort.Offer(packet);
            }
            while (worker.Step())
            {
            }
            foreach (var port in (ReadOnlySpan<InMemoryPort>)[gateway.LanPort, gateway.WanPort])
                gateway.Control.Pool.Free(sent.AsSpan(0, port.Collect(sent)));
        }
        Round();
        Round();
        // What the runtime makes once, when it compiles a path anew, is not the packets'; what they allocate they allocate every time.
        var allocated = long.MaxValue;
        for (var attempt = 0; attempt < 3 && allocated != 0; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var round = 0; round < 400; round++) Round();
            allocated = GC.GetAllocatedBytesForCurrentThread() - before;
        }

        Assert.Equal(0, allocated);
    }

    [Fact]
    public void The_pool_is_full_again_after_everything()
    {
        using var gateway = new TestGateway();
        var pool = gateway.Control.Pool;
        Assert.Equal(pool.Capacity, pool.Available);
        foreach (var frame in Kinds()) gateway.Frame(gateway.LanPort, frame);
        gateway.FromWan(Build.Ip4(Far, "10.1.0.77", 17, Build.Bytes(10)));
        gateway.FromWan(Build.Ip4(Far, "198.51.100.1", 17, Build.Bytes(16), mf: true));
        gateway.FromWan(Build.Ip4(Far, "198.51.100.1", 17, Build.Udp(Far, "198.51.100.1", 500, 500, Build.Bytes(50))));
        var context = gateway.Control.Workers[0].Context;
        context.Now += 100_000_000_000;
        context.Fragments.Expire(context.Now, pool);
        for (var i = 0; i < 4; i++, context.Now += 2_000_000_000) NeighborResolve.Tick(context, gateway.Control.Graph.Find(NodeNames.NeighborResolve));
        gateway.Step();
        gateway.OnLan();
        gateway.OnWan();
        Assert.Equal(pool.Capacity, pool.Available);
    }

    [Fact]
    public void A_small_pool_that_runs_dry_recovers()
    {
        using var gateway = new TestGateway(buffers: 16);
        for (var round = 0; round < 20; round++)
        {
            while (gateway.LanPort.Offer(Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 17, Build.Bytes(1800), ttl: (byte)(round % 3 + 1)))))
            {
            }
            gateway.Step();
            gateway.OnLan();
            gateway.OnWan();
        }
        Assert.Equal(16, gateway.Control.Pool.Available);
        Assert.NotEqual(0ul, gateway.Count("ip4-fragment/no-buffer"));
    }

    [Fact]
    public void A_packet_crosses_from_one_worker_to_another()
    {
        using var gateway = new TestGateway(workers: 2);
        Assert.NotEqual(gateway.Control.WorkerRows()[0].Interfaces, gateway.Control.WorkerRows()[1].Interfaces);
        for (var i = 0; i < 100; i++) gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Udp(LanHost, Far, i, 2, [])));
        Assert.Equal(Enumerable.Range(0, 100), gateway.OnWan().Select(s => Build.Get16(s.Payload, 0)));
    }

    [Fact]
    public void A_full_handoff_ring_is_a_counted_drop()
    {
        using var gateway = new TestGateway(workers: 2, buffers: 8192);
        for (var i = 0; i < 1500; i++) gateway.LanPort.Offer(Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 99, [])));
        var receiver = gateway.Control.Workers[0].Ports[0].Interface == gateway.Lan ? 0 : 1;
        while (gateway.Control.Workers[receiver].Step())
        {
        }
        gateway.Step();
        Assert.Equal(1024, gateway.OnWan().Count);
        Assert.Equal(476ul, gateway.Count("interface-output/handoff-full"));
    }

    [Fact]
    public void A_trace_tells_the_way_of_a_packet()
    {
        using var gateway = new TestGateway();
        gateway.Control.StartTrace(2);
        var packet = Build.Ip4(LanHost, Far, 17, Build.Bytes(100));
        gateway.FromLan(packet);
        gateway.FromLan(Build.Ip4(LanHost, Far, 17, Build.Bytes(100), ttl: 1));
        gateway.FromLan(packet);
        var steps = gateway.Control.StopTrace();
        Assert.Equal(
            ["ethernet-input", "ip4-input", "ip4-lookup", "ip4-rewrite", "interface-output"],
            steps.Where(s => s.Packet == 1).Select(s => s.Node));
        Assert.Equal(
            ["ethernet-input", "ip4-input", "ip4-lookup", "icmp4-error", "ip4-lookup", "ip4-rewrite", "interface-output"],
            steps.Where(s => s.Packet == 2).Select(s => s.Node));
        Assert.Equal(12, steps.Count);
        Assert.Equal("lan", steps[0].RxInterface);
        Assert.Equal(packet[..88], steps[1].Head);
    }

    [Fact]
    public void A_trace_ends_with_the_reason_of_a_drop()
    {
        using var gateway = new TestGateway();
        gateway.Control.StartTrace(1, gateway.Lan);
        gateway.FromWan(Build.Ip4(Far, LanHost, 17, []));
        gateway.FromLan(Build.Ip4("127.0.0.1", Far, 17, []));
        var last = gateway.Control.StopTrace()[^1];
        Assert.Equal(("ip4-input", "ip4-input/martian-source"), (last.Node, last.Drop));
    }

    [Fact]
    public void A_worker_on_its_thread_forwards_and_sleeps_when_there_is_nothing_to_do()
    {
        using var gateway = new TestGateway(started: true);
        gateway.Control.Start();
        gateway.LanPort.Offer(Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 99, Build.Bytes(100))));
        Assert.Contains(Wait(gateway.WanPort), s => s.Type == 0x0800);
        SpinWait.SpinUntil(() => gateway.Control.WorkerRows()[0].Sleeps > 0);
        Assert.True(gateway.Control.WorkerRows()[0].Running);
    }

    private static List<Seen> Wait(InMemoryPort port)
    {
        List<Seen> seen = [];
        while (!seen.Exists(s => s.Type == 0x0800))
        {
            seen.AddRange(TestGateway.Drain(port));
            Thread.Sleep(1);
        }
        return seen;
    }

    // Routes, neighbors, addresses and interfaces change all the time; a flow that none of it concerns loses nothing.
    [Fact]
    public void Changes_of_tables_lose_no_packet()
    {
        using var gateway = new TestGateway(started: true);
        gateway.Control.Start();
        const int total = 60_000;
        var arrived = 0;
        var collector = new Thread(() =>
        {
            var batch = new uint[256];
            while (Volatile.Read(ref arrived) < total)
            {
                var count = gateway.WanPort.Collect(batch);
                var packets = 0;
                for (var i = 0; i < count; i++) packets += gateway.Control.Pool.Data(batch[i])[12] == 8 && gateway.Control.Pool.Data(batch[i])[13] == 0 ? 1 : 0;
                gateway.Control.Pool.Free(batch.AsSpan(0, count));
                Interlocked.Add(ref arrived, packets);
                // The announcements of the new addresses.
                gateway.Control.Pool.Free(batch.AsSpan(0, gateway.LanPort.Collect(batch)));
                if (count == 0) Thread.Yield();
            }
        });
        var stop = false;
        var changer = new Thread(() =>
        {
            for (var round = 0; !Volatile.Read(ref stop); round++)
            {
                var to = IPNetwork.Parse("203.0.113.0/24");
                gateway.Control.AddRoute(new RouteSettings { To = to, Via = IPAddress.Parse("198.51.100.2") });
                gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse($"203.0.{round % 250}.128/25"), Via = IPAddress.Parse("198.51.100.2") });
                gateway.Control.RemoveRoute(0, to);
                gateway.Control.RemoveRoute(0, IPNetwork.Parse($"203.0.{round % 250}.128/25"));
                gateway.Control.AddNeighbor(gateway.Wan, IPAddress.Parse("198.51.100.2"), new(round % 2 == 0 ? TestGateway.WanHost : TestGateway.LanHost));
                gateway.Control.SetAddresses(gateway.Lan, [TestGateway.Address("10.1.0.1", 24), TestGateway.Address($"10.1.0.{100 + round % 100}", 24)]);
                var index = gateway.Control.AddInterface(new InterfaceSettings { Name = "extra", Type = "in-memory" }, new InMemoryPort(gateway.Control.Pool));
                gateway.Control.SetAddresses(index, [TestGateway.Address("10.77.0.1", 16)]);
                gateway.Control.RemoveInterface(index);
            }
        });
        collector.Start();
        changer.Start();
        var frame = Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0800, Build.Ip4(LanHost, Far, 17, Build.Bytes(64)));
        for (var i = 0; i < total; i++)
        {
            // Never more on the way than the pool and the rings hold: a full ring would be a loss of the test's own making.
            while (i - Volatile.Read(ref arrived) > 512 || !gateway.LanPort.Offer(frame)) Thread.Yield();
        }
        // Every packet arrives, or this never ends.
        collector.Join();
        Volatile.Write(ref stop, true);
        changer.Join();
        Assert.Equal(total, arrived);
        // Announcements may come too late for the interface that came and went.
        Assert.DoesNotContain(gateway.Control.Counters(), c => c.IsDrop && c is not { Node: "interface-output", Name: "down" });
    }

    private readonly struct FaultyNode : INode
    {
        public static NodeInfo Info { get; } = NodeInfo.Of<NodeInfo.None>(NodeNames.EthernetInput, []);

        public static void Process(ref Frame frame) => throw new InvalidOperationException("A bug in a node.");
    }

    private sealed class Listener : INoticeSink
    {
        public List<DataplaneNotice> Notices { get; } = [];

        public void OnNotice(DataplaneNotice notice) => Notices.Add(notice);
    }

    [Fact]
    public void A_dead_worker_is_told_of_and_the_control_side_lives_on()
    {
        var listener = new Listener();
        var graph = new GraphDefinition([NodeRegistration.Of<FaultyNode>(), NodeRegistration.Of<NeighborResolve>(), NodeRegistration.Of<InterfaceOutput>()]);
        using var control = new DataplaneControl(new DataplaneOptions { Buffers = 64, Hugepages = false }, graph, null, listener);
        var port = new InMemoryPort(control.Pool);
        var index = control.AddInterface(new InterfaceSettings { Name = "lan", Type = "in-memory" }, port);
        control.Workers[0].Start();
        port.Offer(new byte[60]);
        SpinWait.SpinUntil(() => control.Workers[0].Death is not null);
        control.Tick();
        control.Tick();
        Assert.Contains("A bug in a node.", Assert.IsType<DataplaneNotice.WorkerDied>(Assert.Single(listener.Notices)).Reason);
        Assert.False(control.WorkerRows()[0].Running);
        control.RemoveInterface(index);
    }
}
