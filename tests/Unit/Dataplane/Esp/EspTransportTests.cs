using System.Buffers.Binary;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Nodes;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>Transport mode, native and behind UDP, over both families, against the slow twin.</summary>
public sealed unsafe class EspTransportTests : IDisposable
{
    private const ushort _id = 0x1234;

    private readonly EspLab _lab = new();
    private readonly int _seed = Random.Shared.Next();
    private readonly Random _random;

    public EspTransportTests() => _random = new Random(_seed);

    public void Dispose()
    {
        Assert.Equal(_lab.Pool.Capacity, _lab.Pool.Available);
        _lab.Dispose();
    }

    [Theory]
    [InlineData(false, false)]
    [InlineData(false, true)]
    [InlineData(true, false)]
    [InlineData(true, true)]
    public void The_packets_own_header_stays_in_front_and_comes_back(bool v6, bool udp)
    {
        var (outbound, inbound) = Up(v6, udp);
        ulong sequence = 0;
        for (var length = 1; length < 1000; length += length < 40 ? 1 : _random.Next(1, 90))
        {
            sequence++;
            var payload = PlainIp.Udp(7, 9, length, length);
            var plain = Packet(v6, outbound.Source, outbound.Destination, payload, trafficClass: 0xB8);
            var left = Assert.Single(_lab.Send(plain));
            Assert.Equal(v6 ? NodeNames.Ip6Lookup : NodeNames.Ip4Lookup, left.Node);
            Assert.Equal(PacketFlags.Own | PacketFlags.BypassSpd, left.Meta.Flags);
            var esp = outbound.Seal(Text(payload, 17), sequence);
            var expected = outbound.Outer(esp, 0xB8, id: v6 ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(plain.AsSpan(4)));
            Assert.True(expected.AsSpan().SequenceEqual(left.Bytes), $"seed {_seed}, length {length}: {Convert.ToHexString(left.Bytes)}");

            var back = Packet(v6, inbound.Source, inbound.Destination, payload);
            if (v6 || udp) SumUdp(back, v6);
            var came = Assert.Single(_lab.Decrypt(inbound.Outer(inbound.Seal(Text(back[(v6 ? 40 : 20)..], 17), sequence), id: _id)));
            Assert.Equal(v6 ? NodeNames.Ip6Input : NodeNames.Ip4Input, came.Node);
            Assert.True(back.AsSpan().SequenceEqual(came.Bytes), $"seed {_seed}, length {length}: {Convert.ToHexString(came.Bytes)}");
            Assert.Equal(PacketFlags.Decrypted, came.Meta.Flags);
        }
        Assert.Equal(0UL, _lab.AllDrops());
    }

    [Fact]
    public void A_checksum_for_the_addresses_before_a_translation_is_made_anew()
    {
        var (_, inbound) = Up(v6: false, udp: true);
        var right = Packet(false, inbound.Source, inbound.Destination, PlainIp.Udp(7, 9, 20));
        SumUdp(right, v6: false);
        var wrong = right[20..];
        wrong[6] ^= 0x5A;
        var came = Assert.Single(_lab.Decrypt(inbound.Outer(inbound.Seal(Text(wrong, 17), 1), id: _id)));
        Assert.True(right.AsSpan().SequenceEqual(came.Bytes), Convert.ToHexString(came.Bytes));
    }

    [Fact]
    public void Fragments_are_not_protected_and_packets_outside_the_selectors_do_not_come_out()
    {
        var (outbound, inbound) = Up(v6: false, udp: false);
        Assert.Empty(_lab.Send(PlainIp.Ip4(outbound.Source, outbound.Destination, 17, PlainIp.Udp(7, 9, 64), fragment: 0x2000)));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Esp4Encrypt, "transport-fragment"));
        var elsewhere = inbound with { Source = EspLab.Far4 };
        Assert.Empty(_lab.Decrypt(elsewhere.Outer(inbound.Seal(Text(PlainIp.Udp(7, 9, 64), 17), 1))));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Esp4Decrypt, "outside-selectors"));
    }

    [Fact]
    public void Extension_headers_that_routers_read_stay_in_front()
    {
        var (outbound, inbound) = Up(v6: true, udp: false);
        byte[] hopByHop = [17, 0, 1, 4, 0, 0, 0, 0];
        var payload = PlainIp.Udp(7, 9, 50);
        var plain = PlainIp.Ip6(outbound.Source, outbound.Destination, 0, [.. hopByHop, .. payload]);
        var left = Assert.Single(_lab.Send(plain)).Bytes;
        byte[] marked = [50, .. hopByHop[1..]];
        Assert.Equal(PlainIp.Ip6(outbound.Source, outbound.Destination, 0, [.. marked, .. outbound.Seal(Text(payload, 17), 1)]), left);
        Assert.Equal(0UL, _lab.AllDrops());
        Assert.NotNull(inbound);
    }

    private (SlowEsp Out, SlowEsp In) Up(bool v6, bool udp)
    {
        var (outbound, inbound) = EspLab.Pair(_random, v6, udp);
        var parameters = EspLab.Parameters(1, outbound, inbound, [$"{outbound.Source}/{(v6 ? 128 : 32)}"], [$"{outbound.Destination}/{(v6 ? 128 : 32)}"]) with { Mode = SaMode.Transport };
        Assert.Equal(SaInstallResult.Installed, _lab.Install(parameters, outbound, inbound));
        return (outbound, inbound);
    }

    private static byte[] Packet(bool v6, System.Net.IPAddress from, System.Net.IPAddress to, byte[] payload, byte trafficClass = 0) =>
        v6 ? PlainIp.Ip6(from, to, 17, payload, trafficClass) : PlainIp.Ip4(from, to, 17, payload, trafficClass, id: _id);

    private static byte[] Text(byte[] payload, byte next)
    {
        var padding = (4 - (payload.Length + 2) % 4) % 4;
        return [.. payload, .. Enumerable.Range(1, padding).Select(i => (byte)i), (byte)padding, next];
    }

    private static void SumUdp(byte[] packet, bool v6)
    {
        var at = v6 ? 40 : 20;
        var length = packet.Length - at;
        packet[at + 6] = packet[at + 7] = 0;
        byte[] pseudo = [.. packet[(v6 ? 8 : 12)..at], 0, 17, (byte)(length >> 8), (byte)length];
        var sum = PlainIp.Sum([.. pseudo, .. packet[at..]]);
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(at + 6), sum == 0 ? (ushort)0xFFFF : sum);
    }
}
