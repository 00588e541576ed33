using System.Diagnostics;
using System.Globalization;
using System.Net;
using Gateway.Dataplane.Apply;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Io;
using Gateway.Policy.Sa;
using Gateway.Unit.Dataplane.Esp;
using Gateway.Unit.Dataplane.Packets;
using Xunit;

namespace Gateway.Fuzz.Dataplane;

/// <summary>
/// Protected traffic through the whole graph, both ways at once: good packets, damaged ones, authentic ones with damaged contents, whole and in IP fragments, over four SAs
/// (policy-based and routed, native and behind UDP, over IPv4 and IPv6). Both ends of every chunk hold canaries. FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed unsafe class TunnelPackets(ITestOutputHelper output)
{
    /// <summary>Octets at the start and at the end of every chunk that no packet of this test has a right to: all of them, with all headers, are far shorter than a chunk.</summary>
    private const int Front = 96, Back = 512;
    private const byte Canary = 0xC5;
    private static readonly int _seconds = Number("FUZZ_SECONDS") ?? 4;
    private readonly int _seed = Number("FUZZ_SEED") ?? Random.Shared.Next();

    private sealed class Sa
    {
        public required SlowEsp Outbound { get; init; }
        public required SlowEsp Inbound { get; init; }
        public required string Far { get; init; }
        public required string Far6 { get; init; }
        public ulong Sequence { get; set; }
    }

    [Fact]
    public void Traffic_of_tunnels_with_seeded_damage_harms_nothing()
    {
        output.WriteLine($"FUZZ_SEED={_seed}");
        var random = new Random(_seed);
        using var gateway = new TestGateway(buffers: 2048);
        var pool = gateway.Control.Pool;
        var sas = Sas(random, gateway);
        for (uint i = 1; i <= pool.Capacity; i++)
        {
            new Span<byte>(pool.Chunk(i), Front).Fill(Canary);
            new Span<byte>(pool.Chunk(i) + PacketPool.ChunkSize - Back, Back).Fill(Canary);
        }
        var until = Stopwatch.GetTimestamp() + _seconds * Stopwatch.Frequency;
        long count = 0, opened = 0;
        byte[] last = [];
        try
        {
            while (Stopwatch.GetTimestamp() < until)
            {
                for (var i = random.Next(1, 48); i > 0; i--, count++)
                {
                    var sa = sas[random.Next(sas.Length)];
                    if (random.Next(3) == 0) gateway.LanPort.Offer(last = Ethernet(TestGateway.LanMac, TestGateway.LanHost, Outwards(random, sa)));
                    else
                        foreach (var packet in Inwards(random, sa)) gateway.WanPort.Offer(last = Ethernet(TestGateway.WanMac, TestGateway.WanHost, packet));
                }
                gateway.Step();
                opened += gateway.LanPort.CollectBytes() is null ? 0 : 1;
                foreach (var port in (InMemoryPort[])[gateway.LanPort, gateway.WanPort])
                    while (port.CollectBytes() is not null)
                    {
                    }
                gateway.Datagrams.Clear();
                gateway.Notices.Clear();
            }
        }
        catch (Exception e)
        {
            Assert.Fail($"FUZZ_SEED={_seed}, packet {count}: {Convert.ToHexString(last)}\n{e}");
        }
        for (uint i = 1; i <= pool.Capacity; i++)
        {
            var whole = new ReadOnlySpan<byte>(pool.Chunk(i), Front).IndexOfAnyExcept(Canary) < 0
                && new ReadOnlySpan<byte>(pool.Chunk(i) + PacketPool.ChunkSize - Back, Back).IndexOfAnyExcept(Canary) < 0;
            Assert.True(whole, $"Something wrote where no packet of chunk {i} lies. FUZZ_SEED={_seed}");
        }
        Settle(gateway);
        Assert.True(pool.Capacity == pool.Available, $"{pool.Capacity - pool.Available} packets are lost. FUZZ_SEED={_seed} {Lost(pool)}");
        Assert.True(opened > 0 && gateway.Control.Security.Sas().All(s => s.Inbound.Packets > 0 && s.Outbound.Packets > 0), $"An SA carried nothing. FUZZ_SEED={_seed}");
        output.WriteLine($"{count} packets; {gateway.Drops().Count} reasons to drop were met: {string.Join(", ", gateway.Drops())}");
    }

    private static Sa[] Sas(Random random, TestGateway gateway)
    {
        gateway.Control.AddInterface(new InterfaceSettings { Name = "tun7", Type = "ipsec", IfId = 7, Mtu = 1400 });
        gateway.Control.TryFindInterface("tun7", out var tunnel);
        gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("10.24.0.0/14"), Interface = tunnel });
        gateway.Control.AddRoute(new RouteSettings { To = IPNetwork.Parse("fd24::/16"), Interface = tunnel });
        return
        [
            .. Enumerable.Range(0, 4).Select(i =>
            {
                var (v6, udp, routed) = ((i & 1) != 0, (i & 2) != 0, i == 3);
                var (outbound, inbound) = EspLab.Pair(random, v6, udp, esn: i == 1, keyBytes: i == 2 ? 32 : 16, spi: 0x1000 + (uint)i);
                var here = IPAddress.Parse(v6 ? "2001:db8:2::1" : "198.51.100.1");
                (outbound, inbound) = (outbound with { Source = here }, inbound with { Destination = here });
                var (far, far6) = routed ? ("10.24.0.0/16", "fd24::/16") : ($"10.{2 + i}.0.0/16", $"fd0{2 + i}::/16");
                var parameters = EspLab.Parameters((ulong)i + 1, outbound, inbound, ["10.1.0.0/24", "2001:db8:1::/64"], [far, far6]) with
                {
                    Child = new($"c{i}"),
                    CopyDscpIn = routed,
                    IfIdIn = routed ? 7u : 0,
                    IfIdOut = routed ? 7u : 0,
                };
                Assert.Equal(SaInstallResult.Installed, gateway.Control.Security.InstallSa(new SaInstall { Parameters = parameters, InboundKey = inbound.Keymat, OutboundKey = outbound.Keymat }));
                return new Sa { Outbound = outbound, Inbound = inbound, Far = far.Replace("0.0/16", "0.7", StringComparison.Ordinal), Far6 = far6.Replace("::/16", "::7", StringComparison.Ordinal) };
            }),
        ];
    }

    private static byte[] Ethernet(byte[] to, byte[] from, byte[] ip) => Build.Ethernet(to, from, (ushort)(ip.Length > 0 && ip[0] >> 4 == 6 ? 0x86DD : 0x0800), ip);

    private static byte[] Inner(Random random, string host, string far, string host6, string far6, bool outwards)
    {
        var payload = Build.Bytes(random.Next(4) == 0 ? random.Next(1200, 1450) : random.Next(0, 300), random.Next());
        byte[] protocols = [1, 6, 17, 44, 0, 60, 50, 58];
        var protocol = protocols[random.Next(protocols.Length)];
        if (random.Next(2) == 0)
        {
            var (from, to) = outwards ? (host, far) : (far, host);
            return Build.Ip4(from, to, protocol, payload, (byte)random.Next(1, 65), (ushort)random.Next(65536), df: random.Next(2) == 0, mf: random.Next(8) == 0, tos: (byte)random.Next(256));
        }
        var (from6, to6) = outwards ? (host6, far6) : (far6, host6);
        return Build.Ip6(from6, to6, protocol, payload, (byte)random.Next(1, 65), (byte)random.Next(256));
    }

    private static byte[] Outwards(Random random, Sa sa)
    {
        var packet = Inner(random, "10.1.0.2", sa.Far, "2001:db8:1::2", sa.Far6, outwards: true);
        if (random.Next(4) == 0) packet[random.Next(packet.Length)] ^= (byte)(1 << random.Next(8));
        return packet;
    }

    private static IEnumerable<byte[]> Inwards(Random random, Sa sa)
    {
        var inner = Inner(random, "10.1.0.2", sa.Far, "2001:db8:1::2", sa.Far6, outwards: false);
        var sequence = random.Next(10) == 0 ? (ulong)random.NextInt64(0, (long)sa.Sequence + 100) : ++sa.Sequence;
        byte[] packet;
        switch (random.Next(6))
        {
            case 0:
                // Authentic, with whatever text and trailer.
                var text = inner.ToList();
                while (text.Count % 4 != 2) text.Add((byte)random.Next(4));
                text.Add((byte)(random.Next(3) == 0 ? random.Next(256) : 0));
                text.Add(random.Next(4) switch { 0 => (byte)random.Next(256), 1 => 41, 2 => 59, _ => 4 });
                for (var i = random.Next(4); i > 0; i--) text[random.Next(Math.Min(text.Count, 60))] = (byte)random.Next(256);
                packet = sa.Inbound.Outer(sa.Inbound.Seal([.. text], sequence), (byte)random.Next(256));
                break;
            case 1:
                packet = sa.Inbound.Wrap(inner, sequence);
                for (var i = random.Next(1, 4); i > 0; i--) packet[random.Next(packet.Length)] ^= (byte)random.Next(1, 256);
                break;
            case 2:
                packet = sa.Inbound.Wrap(inner, sequence);
                packet = packet[..random.Next(1, packet.Length)];
                break;
            default:
                packet = sa.Inbound.Wrap(inner, sequence, (byte)random.Next(256));
                break;
        }
        if (random.Next(5) != 0 || packet.Length < 200 || packet[0] >> 4 is not (4 or 6)) return [packet];
        return Fragments(random, packet);
    }

    /// <summary>IP fragments of a packet: in any order, some missing, doubled or overlapping.</summary>
    private static List<byte[]> Fragments(Random random, byte[] packet)
    {
        var v6 = packet[0] >> 4 == 6;
        var header = v6 ? 40 : 20;
        var (protocol, payload, id) = (packet[v6 ? 6 : 9], packet[header..], (ushort)random.Next(65536));
        var (source, destination) = v6
            ? (new IPAddress(packet.AsSpan(8, 16)).ToString(), new IPAddress(packet.AsSpan(24, 16)).ToString())
            : (new IPAddress(packet.AsSpan(12, 4)).ToString(), new IPAddress(packet.AsSpan(16, 4)).ToString());
        var pieces = new List<byte[]>();
        for (var at = 0; at < payload.Length;)
        {
            var length = Math.Min(random.Next(1, 60) * 8, payload.Length - at);
            var more = at + length < payload.Length;
            var start = random.Next(12) == 0 ? Math.Max(0, at - 8) : at;
            var piece = payload[start..(at + length)];
            pieces.Add(v6
                ? Build.Ip6(source, destination, 44, [protocol, 0, (byte)(start >> 8), (byte)(start & 0xF8 | (more ? 1 : 0)), 0, 0, (byte)(id >> 8), (byte)id, .. piece])
                : Build.Ip4(source, destination, protocol, piece, mf: more, offset: start, id: id));
            at += length;
        }
        if (random.Next(6) == 0) pieces.RemoveAt(random.Next(pieces.Count));
        if (pieces.Count > 0 && random.Next(6) == 0) pieces.Add(pieces[random.Next(pieces.Count)]);
        if (random.Next(2) == 0) pieces.Reverse();
        return pieces;
    }

    private static void Settle(TestGateway gateway)
    {
        var pool = gateway.Control.Pool;
        var context = gateway.Control.Workers[0].Context;
        context.Fragments.Expire(long.MaxValue, pool);
        // The errors about packets that waited in vain may wait for a neighbor themselves; about those no further ones are made.
        for (var i = 0; i < 12; i++)
        {
            context.Now += 10_000_000_000;
            Gateway.Dataplane.Nodes.NeighborResolve.Tick(context, gateway.Control.Graph.Find("neighbor-resolve"));
            if (i % 4 != 3) continue;
            gateway.Step();
            foreach (var port in (InMemoryPort[])[gateway.LanPort, gateway.WanPort])
                while (port.CollectBytes() is not null)
                {
                }
        }
    }

    private static string Lost(PacketPool pool) => string.Join("; ", Enumerable.Range(1, pool.Capacity).Where(i => (pool.Meta((uint)i)->Flags & PacketFlags.Free) == 0).Take(6).Select(i =>
    {
        var meta = pool.Meta((uint)i);
        return $"{i}: {meta->Flags} L3 {meta->L3} offset {meta->Offset} length {meta->Length}/{meta->TotalLength} next {meta->Next} drop {meta->Drop} in {meta->RxInterface} out {meta->TxInterface} {Convert.ToHexString(new ReadOnlySpan<byte>(pool.Data((uint)i), Math.Min((int)meta->Length, 64)))}";
    }));

    private static int? Number(string variable) => int.TryParse(Environment.GetEnvironmentVariable(variable), CultureInfo.InvariantCulture, out var number) ? number : null;
}
