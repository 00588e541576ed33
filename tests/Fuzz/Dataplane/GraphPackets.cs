using System.Diagnostics;
using System.Globalization;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Fuzz.Dataplane;

/// <summary>
/// Valid frames with seeded damage, and random octets, through the whole graph. Afterwards nothing was written outside of a packet's own room, every chunk is back in the pool,
/// and what came in was sent, dropped with a reason, or consumed. FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed unsafe class GraphPackets(ITestOutputHelper output)
{
    private const string Host = "10.1.0.2", Own = "10.1.0.1", Far = "203.0.113.9", Host6 = "2001:db8:1::2", Own6 = "2001:db8:1::1", Far6 = "2001:db8:99::9";

    /// <summary>Octets at the start of every chunk that no packet has a right to: far more headroom is left than any header needs.</summary>
    private const int Canary = 96;
    private static readonly int _seconds = Number("FUZZ_SECONDS") ?? 4;
    private readonly int _seed = Number("FUZZ_SEED") ?? Random.Shared.Next();

    [Fact]
    public void Random_frames_harm_nothing() => Run((random, _) =>
    {
        var frame = new byte[random.Next(0, 400)];
        random.NextBytes(frame);
        return Addressed(random, frame);
    });

    [Fact]
    public void Damaged_frames_harm_nothing() => Run((random, frames) =>
    {
        var frame = frames[random.Next(frames.Count)].ToArray();
        for (var i = random.Next(1, 6); i > 0; i--)
            switch (random.Next(6))
            {
                case 0:
                    frame[random.Next(frame.Length)] = (byte)random.Next(256);
                    break;
                case 1 when frame.Length > 14:
                    frame[14 + random.Next(Math.Max(1, Math.Min(60, frame.Length - 14)))] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    frame = frame[..random.Next(14, frame.Length + 1)];
                    break;
                case 3:
                    frame = [.. frame, .. Build.Bytes(random.Next(1, 200), random.Next())];
                    break;
                case 4 when frame.Length > 40:
                    Build.Put16(frame, 14 + random.Next(26), random.Next(3) switch { 0 => 0, 1 => 0xFFFF, _ => random.Next(65536) });
                    break;
                default:
                    break;
            }
        // Most damage should get past the checksum of the header.
        if (frame.Length >= 34 && frame[12] == 8 && frame[13] == 0 && random.Next(8) != 0)
        {
            var header = Math.Min((frame[14] & 15) * 4, frame.Length - 14);
            if (header >= 20)
            {
                Build.Put16(frame, 24, 0);
                Build.Put16(frame, 24, SlowChecksum.Of(frame.AsSpan(14, header)));
            }
        }
        return Addressed(random, frame);
    });

    private static byte[] Addressed(Random random, byte[] frame)
    {
        if (frame.Length < 14 || random.Next(16) == 0) return frame;
        var group = frame[12] == 0x86 && random.Next(4) == 0 ? Build.Mac("33:33:ff:00:00:01") : TestGateway.LanMac;
        (random.Next(12) == 0 ? TestGateway.Broadcast : group).CopyTo(frame, 0);
        if (random.Next(16) != 0) TestGateway.LanHost.CopyTo(frame, 6);
        if (random.Next(4) != 0) (random.Next(5) switch { 0 => (byte[])[8, 6], 1 or 2 => [8, 0], _ => [0x86, 0xDD] }).CopyTo(frame, 12);
        return frame;
    }

    private void Run(Func<Random, List<byte[]>, byte[]> make)
    {
        output.WriteLine($"FUZZ_SEED={_seed}");
        var random = new Random(_seed);
        using var gateway = new TestGateway(buffers: 2048);
        var punt = new InMemoryPort(gateway.Control.Pool);
        var tap = gateway.Control.AddInterface(new InterfaceSettings { Name = "punt", Type = "in-memory" }, punt);
        gateway.Control.SetPuntInterface(tap, new(TestGateway.WanHost));
        var pool = gateway.Control.Pool;
        for (uint i = 1; i <= pool.Capacity; i++) new Span<byte>(pool.Chunk(i), Canary).Fill(0xC5);
        var frames = Frames();
        var until = Stopwatch.GetTimestamp() + _seconds * Stopwatch.Frequency;
        long count = 0;
        byte[] last = [];
        try
        {
            while (Stopwatch.GetTimestamp() < until)
            {
                for (var i = random.Next(1, 64); i > 0; i--, count++) gateway.LanPort.Offer(last = make(random, frames));
                gateway.Step();
                foreach (var port in (InMemoryPort[])[gateway.LanPort, gateway.WanPort, punt])
                    while (port.CollectBytes() is not null)
                    {
                    }
                gateway.Datagrams.Clear();
                gateway.Notices.Clear();
            }
        }
        catch (Exception e)
        {
            Assert.Fail($"FUZZ_SEED={_seed}, frame {count}: {Convert.ToHexString(last)}\n{e}");
        }
        for (uint i = 1; i <= pool.Capacity; i++)
            Assert.True(new ReadOnlySpan<byte>(pool.Chunk(i), Canary).IndexOfAnyExcept((byte)0xC5) < 0, $"Something wrote before chunk {i} or past the one before it. FUZZ_SEED={_seed}");
        var context = gateway.Control.Workers[0].Context;
        context.Fragments.Expire(long.MaxValue, pool);
        // The errors about packets that waited in vain may wait for a neighbor themselves; about those no further ones are made.
        for (var i = 0; i < 12; i++)
        {
            context.Now += 10_000_000_000;
            Gateway.Dataplane.Nodes.NeighborResolve.Tick(context, gateway.Control.Graph.Find("neighbor-resolve"));
            if (i % 4 == 3) gateway.Step();
        }
        Assert.Equal(0, context.Neighbors.Count);
        foreach (var port in (InMemoryPort[])[gateway.LanPort, gateway.WanPort, punt])
            while (port.CollectBytes() is not null)
            {
            }
        Assert.True(pool.Capacity == pool.Available, $"{pool.Capacity - pool.Available} packets are lost. FUZZ_SEED={_seed}");
        output.WriteLine($"{count} frames; {gateway.Drops().Count} reasons to drop were met.");
    }

    private static List<byte[]> Frames()
    {
        byte[] L2(byte[] ip) => Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, (ushort)(ip[0] >> 4 == 6 ? 0x86DD : 0x0800), ip);
        return
        [
            L2(Build.Ip4(Host, Far, 17, Build.Udp(Host, Far, 1, 2, Build.Bytes(100)))),
            L2(Build.Ip4(Host, Far, 17, Build.Bytes(1900))),
            L2(Build.Ip4(Host, Far, 6, Build.Tcp(Host, Far, 2, [1, 1, 2, 4, 5, 180, 0, 0], []))),
            L2(Build.Ip4(Host, Far, 17, Build.Bytes(60), options: [7, 7, 4, 0, 0, 0, 0, 0x94, 4, 0, 0, 0])),
            L2(Build.Ip4(Host, "10.1.0.99", 17, Build.Bytes(60))),
            L2(Build.Ip4(Host, Own, 1, Build.Icmp4(8, 0, 1, Build.Bytes(56)))),
            L2(Build.Ip4(Host, Own, 17, Build.Udp(Host, Own, 500, 500, Build.Bytes(200)))),
            L2(Build.Ip4(Host, Own, 17, Build.Udp(Host, Own, 4500, 4500, [0, 0, 0, 0, .. Build.Bytes(200)]))),
            L2(Build.Ip4(Host, Own, 17, Build.Udp(Host, Own, 4500, 4500, Build.Bytes(100)))),
            L2(Build.Ip4(Host, Own, 17, Build.Bytes(800), mf: true)),
            L2(Build.Ip4(Host, Own, 17, Build.Bytes(800), mf: true, offset: 800)),
            L2(Build.Ip4(Host, Own, 17, Build.Bytes(33), offset: 1600)),
            L2(Build.Ip4(Host, Own, 50, Build.Bytes(100))),
            L2(Build.Ip4(Host, Own, 6, Build.Tcp(Host, Own, 2, [], []))),
            L2(Build.Ip6(Host6, Far6, 17, Build.Udp(Host6, Far6, 1, 2, Build.Bytes(100)))),
            L2(Build.Ip6(Host6, Far6, 17, Build.Bytes(1900))),
            L2(Build.Ip6(Host6, Far6, 6, Build.Tcp(Host6, Far6, 2, [2, 4, 5, 180], []))),
            L2(Build.Ip6(Host6, Far6, 0, [60, 0, 1, 4, 0, 0, 0, 0, 43, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 0, 0, 0, 0, 0, 17, 0, 0, 1, 0, 0, 0, 9, .. Build.Bytes(64)])),
            L2(Build.Ip6(Host6, Own6, 44, [17, 0, 0, 1, 0, 0, 0, 9, .. Build.Bytes(64)])),
            L2(Build.Ip6(Host6, Own6, 44, [17, 0, 0, 64, 0, 0, 0, 9, .. Build.Bytes(64)])),
            L2(Build.Ip6(Host6, Own6, 58, Build.Icmp6(Host6, Own6, 128, 0, 1, Build.Bytes(56)))),
            L2(Build.Ip6(Host6, Own6, 17, Build.Udp(Host6, Own6, 500, 500, Build.Bytes(200)))),
            L2(Build.Ip6(Host6, Own6, 50, Build.Bytes(100))),
            L2(Build.Ip6(Host6, "2001:db8:1::99", 17, Build.Bytes(100))),
            L2(Build.Neighbor(Host6, "ff02::1:ff00:1", 135, 0, Own6, TestGateway.LanHost)),
            L2(Build.Neighbor(Host6, Own6, 136, 0x6000_0000, Host6, TestGateway.LanHost)),
            Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0806, Build.Arp(1, TestGateway.LanHost, Host, new byte[6], Own)),
            Build.Ethernet(TestGateway.LanMac, TestGateway.LanHost, 0x0806, Build.Arp(2, TestGateway.LanHost, Host, TestGateway.LanMac, Own)),
        ];
    }

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
