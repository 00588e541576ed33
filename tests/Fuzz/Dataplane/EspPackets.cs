using System.Diagnostics;
using System.Globalization;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;
using Gateway.Unit.Dataplane.Esp;
using Xunit;

namespace Gateway.Fuzz.Dataplane;

/// <summary>
/// Hostile packets through the ESP and policy nodes: damaged ciphertexts, and authentic packets with damaged contents, which only a holder of the key can send.
/// Packets lie at random places of their chunk, between chunks that nobody may touch. FUZZ_SECONDS makes a run longer, FUZZ_SEED repeats one.
/// </summary>
public sealed unsafe class EspPackets(ITestOutputHelper output)
{
    private const byte Canary = 0xA5;

    private static readonly int _seconds = Number("FUZZ_SECONDS") ?? 3;

    [Fact]
    public void Damaged_packets_never_pass_and_never_harm() => Run(outside: true, (random, sa, sequence) =>
    {
        var inner = Inner(random);
        var packet = sa.Wrap(inner, sequence, (byte)random.Next(256));
        switch (random.Next(4))
        {
            case 0:
                return packet[..random.Next(28, packet.Length)];
            case 1:
                packet[random.Next(20, packet.Length)] ^= (byte)random.Next(1, 256);
                return packet;
            case 2:
                foreach (ref var octet in packet.AsSpan(random.Next(28, packet.Length))) octet ^= (byte)random.Next(1, 256);
                return packet;
            default:
                return [.. packet, .. new byte[random.Next(1, 40)]];
        }
    });

    [Fact]
    public void Authentic_packets_with_damaged_contents_never_harm() => Run(outside: false, (random, sa, sequence) =>
    {
        var text = Inner(random).ToList();
        while (text.Count % 4 != 2) text.Add((byte)random.Next(4));
        text.Add((byte)(random.Next(3) == 0 ? random.Next(256) : 0));
        text.Add(random.Next(4) switch { 0 => (byte)random.Next(256), 1 => 41, 2 => 59, _ => 4 });
        for (var i = random.Next(4); i > 0; i--) text[random.Next(Math.Min(text.Count, 60))] = (byte)random.Next(256);
        var cut = random.Next(5) == 0 ? text.Take(random.Next(1, text.Count / 4) * 4) : text;
        return sa.Outer(sa.Seal([.. cut], sequence), (byte)random.Next(256));
    });

    private static byte[] Inner(Random random)
    {
        var payload = new byte[random.Next(0, 200)];
        random.NextBytes(payload);
        byte[] protocols = [1, 6, 17, 44, 0, 60, 50];
        var protocol = protocols[random.Next(protocols.Length)];
        return random.Next(2) == 0
            ? PlainIp.Ip4(EspLab.Far4, EspLab.Lan4, protocol, payload, (byte)random.Next(256))
            : PlainIp.Ip6(EspLab.Far6, EspLab.Lan6, protocol, payload, (byte)random.Next(256));
    }

    private void Run(bool outside, Func<Random, SlowEsp, ulong, byte[]> make)
    {
        var seed = Number("FUZZ_SEED") ?? Random.Shared.Next();
        output.WriteLine($"FUZZ_SEED={seed}");
        var random = new Random(seed);
        using var lab = new EspLab();
        var (outbound, inbound) = EspLab.Pair(random);
        var parameters = EspLab.Parameters(1, outbound, inbound, ["10.1.0.0/16[udp/0-60000]", "fd01::/64[icmpv6]", "fd01::/64[udp]"], ["10.2.0.0/16", "fd02::/64"]);
        lab.Install(parameters, outbound, inbound);
        var guards = new uint[lab.Pool.Capacity - 64];
        Assert.Equal(guards.Length, lab.Pool.Allocate(guards));
        foreach (var guard in guards) new Span<byte>(lab.Pool.Chunk(guard), PacketPool.ChunkSize).Fill(Canary);

        ulong sequence = 0, sent = 0, passed = 0;
        var clock = Stopwatch.StartNew();
        while (clock.Elapsed.TotalSeconds < _seconds)
        {
            for (var i = random.Next(1, 30); i > 0; i--)
            {
                var packet = make(random, inbound, ++sequence);
                var index = lab.Put(NodeNames.Esp4Decrypt, packet);
                // Anywhere in its chunk, also at its very end.
                var meta = lab.Pool.Meta(index);
                var to = (ushort)random.Next(0, PacketPool.ChunkSize - meta->Length + 1);
                if (random.Next(2) == 0) to = (ushort)(PacketPool.ChunkSize - meta->Length);
                packet.CopyTo(new Span<byte>(lab.Pool.Chunk(index) + to, packet.Length));
                (meta->L4, meta->L3, meta->Offset) = ((ushort)(meta->L4 - meta->Offset + to), to, to);
                sent++;
            }
            foreach (var arrived in lab.Run())
            {
                passed++;
                // What passed goes straight back out through the outbound policy.
                if (random.Next(4) == 0) lab.Put(arrived.Bytes[0] >> 4 == 4 ? NodeNames.Spd4Output : NodeNames.Spd6Output, arrived.Bytes);
            }
            lab.Run();
        }
        foreach (var guard in guards)
            Assert.True(new ReadOnlySpan<byte>(lab.Pool.Chunk(guard), PacketPool.ChunkSize).IndexOfAnyExcept(Canary) < 0, $"seed {seed}: a chunk was written that no packet lies in");
        lab.Pool.Free(guards);
        Assert.True(lab.Pool.Available == lab.Pool.Capacity, $"seed {seed}: packets were lost");
        output.WriteLine($"{sent} packets, {passed} passed");
        if (outside) Assert.True(passed == 0, $"seed {seed}: {passed} damaged packets passed");
        else Assert.True(passed > 0);
    }

    private static int? Number(string name) => int.TryParse(Environment.GetEnvironmentVariable(name), CultureInfo.InvariantCulture, out var value) ? value : null;
}
