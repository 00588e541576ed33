using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Graph;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Unit.Dataplane.Nodes;

/// <summary>What the gateway does at most by itself, as an operator sets it.</summary>
public sealed class LimitsTests
{
    private static byte[] Ping => Build.Ip4("10.1.0.2", "10.1.0.1", 1, Build.Icmp4(8, 0, 1, Build.Bytes(8)));

    private static byte[] Ping6 => Build.Ip6("2001:db8:1::2", "2001:db8:1::1", 58, Build.Icmp6("2001:db8:1::2", "2001:db8:1::1", 128, 0, 1, Build.Bytes(8)));

    private static byte[] Lost(int n) => Build.Ip4("10.1.0.2", "10.1.0.1", 17, Build.Udp("10.1.0.2", "10.1.0.1", n, 9, []));

    [Fact]
    public void Icmp_errors_are_as_many_at_once_as_the_burst_and_the_limit_ends_with_its_item()
    {
        using var gateway = new TestGateway();
        // So few a second that the test's own time hardly matters.
        gateway.Control.SetLimits(new WorkerLimits { IcmpErrors = 1, IcmpErrorBurst = 7 });
        for (var n = 0; n < 60; n++) gateway.FromLan(Lost(n + 1));
        Assert.InRange(gateway.OnLan().Count, 7, 30);
        Assert.True(gateway.Count("icmp4-error/rate-limited") >= 30);
        gateway.Control.SetLimits(WorkerLimits.Default);
        for (var n = 0; n < 60; n++) gateway.FromLan(Lost(n + 1));
        Assert.Equal(60, gateway.OnLan().Count);
    }

    [Fact]
    public void Echo_requests_are_answered_without_a_limit_with_one_or_never()
    {
        using var gateway = new TestGateway();
        for (var n = 0; n < 300; n++) gateway.FromLan(Ping);
        Assert.Equal(300, gateway.OnLan().Count);
        gateway.Control.SetLimits(new WorkerLimits { EchoReplies = 0 });
        gateway.FromLan(Ping);
        gateway.FromLan(Ping6);
        Assert.Empty(gateway.OnLan());
        Assert.Equal(["ip4-deliver/echo-limited=1", "ip6-deliver/echo-limited=1"], gateway.Drops());
        gateway.Control.SetLimits(new WorkerLimits { EchoReplies = 5 });
        for (var n = 0; n < 40; n++) gateway.FromLan(n % 2 == 0 ? Ping : Ping6);
        Assert.InRange(gateway.OnLan().Count, 1, 39);
    }

    [Fact]
    public void Questions_for_neighbors_are_limited()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetLimits(new WorkerLimits { NeighborRequests = 5 });
        for (var n = 100; n < 160; n++) gateway.FromWan(Build.Ip4("203.0.113.9", $"10.1.0.{n}", 17, Build.Udp("203.0.113.9", $"10.1.0.{n}", 1, 2, [])));
        Assert.InRange(gateway.OnLan().Count, 1, 40);
        Assert.True(gateway.Count("neighbor-resolve/rate-limited") >= 20);
    }

    private static unsafe (int Evicted, long Deadline) Add(ReassemblyTable table, PacketPool pool, ulong key, long now)
    {
        var words = new ulong[PartialPacket.KeyWords];
        words[0] = key;
        var entry = table.Add(words, now, pool, out var evicted);
        return (evicted, entry->Deadline);
    }

    private static unsafe bool Knows(ReassemblyTable table, ulong key)
    {
        var words = new ulong[PartialPacket.KeyWords];
        words[0] = key;
        return table.Find(words) != null;
    }

    [Fact]
    public unsafe void The_oldest_packet_gives_way_to_a_new_one_and_to_the_buffers_of_another()
    {
        using var pool = new PacketPool(64, false);
        var table = new ReassemblyTable();
        table.Adopt(new WorkerLimits { ReassemblyPackets = 3, ReassemblyBuffers = 20, ReassemblyFragments = 4, ReassemblyTime = TimeSpan.FromSeconds(2) });
        Assert.Equal(4, table.MaxFragments);
        for (ulong key = 1; key <= 3; key++) Assert.Equal(0, Add(table, pool, key, (long)key).Evicted);
        Assert.Equal(1, Add(table, pool, 4, 4).Evicted);
        Assert.Equal((false, true, true, true), (Knows(table, 1), Knows(table, 2), Knows(table, 3), Knows(table, 4)));
        var two = Find(table, 2);
        Assert.True(table.TryHold(two, 15, pool, out var gone));
        Assert.Equal(0, gone);
        Assert.True(table.TryHold(Find(table, 4), 10, pool, out gone));
        // The one that held fifteen was the oldest.
        Assert.Equal((1, 10, false, true), (gone, table.Buffers, Knows(table, 2), Knows(table, 3)));
        // One that is too big even alone.
        Assert.False(table.TryHold(Find(table, 4), 11, pool, out gone));
        Assert.Equal((1, 1), (gone, table.Count));
        Assert.Equal(0, table.Expire(2_000_000_003, pool));
        Assert.Equal(1, table.Expire(2_000_000_004, pool));
        Assert.Equal((0, 0), (table.Count, table.Buffers));
        table.Dispose(pool);

        static PartialPacket* Find(ReassemblyTable table, ulong key)
        {
            var words = new ulong[PartialPacket.KeyWords];
            words[0] = key;
            return table.Find(words);
        }
    }

    /// <summary>The table against a dictionary, through random arrivals and ends.</summary>
    [Fact]
    public unsafe void What_is_known_is_what_a_plain_list_would_know()
    {
        var seed = Random.Shared.Next();
        TestContext.Current.TestOutputHelper?.WriteLine($"seed {seed}");
        var random = new Random(seed);
        using var pool = new PacketPool(64, false);
        var table = new ReassemblyTable();
        var plain = new List<(ulong Key, long Deadline)>();
        for (long now = 1; now < 4000; now++)
        {
            if (now % 500 == 1) table.Adopt(new WorkerLimits { ReassemblyPackets = random.Next(1, 40), ReassemblyTime = TimeSpan.FromTicks(1) });
            var limits = table.MaxPackets;
            var key = (ulong)random.Next(60);
            foreach (var late in plain.Where(p => p.Deadline <= now).ToList()) plain.Remove(late);
            table.Expire(now, pool);
            Assert.True(plain.Any(p => p.Key == key) == Knows(table, key), $"seed {seed}, step {now}");
            if (Knows(table, key))
            {
                if (random.Next(3) > 0) continue;
                var words = new ulong[PartialPacket.KeyWords];
                words[0] = key;
                table.Free(table.Find(words), pool);
                plain.RemoveAll(p => p.Key == key);
                continue;
            }

            var (evicted, deadline) = Add(table, pool, key, now);
            for (; plain.Count >= limits; evicted--) plain.Remove(plain.MinBy(p => p.Deadline));
            Assert.Equal(0, evicted);
            plain.Add((key, deadline));
        }

        table.Dispose(pool);
    }

    [Fact]
    public void A_datagram_in_more_fragments_than_are_kept_is_dropped_whole()
    {
        using var gateway = new TestGateway();
        gateway.Control.SetLimits(new WorkerLimits { ReassemblyFragments = 3 });
        // IKE's port: these are put together.
        var udp = Build.Udp("10.1.0.2", "10.1.0.1", 500, 500, Build.Bytes(1000));
        void Send(int pieces, ushort id)
        {
            var size = (udp.Length / pieces + 8) & ~7;
            for (var at = 0; at < udp.Length; at += size)
                gateway.FromLan(Build.Ip4("10.1.0.2", "10.1.0.1", 17, udp[at..Math.Min(at + size, udp.Length)], id: id, mf: at + size < udp.Length, offset: at));
        }

        Send(3, 1);
        Assert.Single(gateway.Datagrams);
        Send(5, 2);
        Assert.Single(gateway.Datagrams);
        Assert.Contains("ip4-reassembly/too-many=1", gateway.Drops());
        gateway.Control.SetLimits(WorkerLimits.Default);
        Send(5, 3);
        Assert.Equal(2, gateway.Datagrams.Count);
    }
}
