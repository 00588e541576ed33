using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Esp;
using Gateway.Dataplane.Nodes;
using Gateway.Dataplane.Tables;
using Gateway.Policy.Sa;
using Xunit;

namespace Gateway.Unit.Dataplane.Esp;

/// <summary>esp-encrypt and esp-decrypt against the slow twin, node by node.</summary>
public sealed unsafe class EspNodesTests : IDisposable
{
    private readonly EspLab _lab = new();
    private readonly int _seed = Random.Shared.Next();
    private readonly Random _random;

    public EspNodesTests() => _random = new Random(_seed);

    public void Dispose()
    {
        Assert.Equal(_lab.Pool.Capacity, _lab.Pool.Available);
        _lab.Dispose();
    }

    private static byte[] Inner4(int length, byte tos = 0, bool df = false, int seed = 0) =>
        PlainIp.Ip4(EspLab.Lan4, EspLab.Far4, 17, PlainIp.Udp(1000, 2000, length - 28, seed), tos, df);

    private static byte[] Inner6(int length, byte trafficClass = 0, int seed = 0) =>
        PlainIp.Ip6(EspLab.Lan6, EspLab.Far6, 17, PlainIp.Udp(1000, 2000, length - 48, seed), trafficClass);

    /// <summary>The same packet as the peer would send it to us.</summary>
    private static byte[] Back4(int length, byte tos = 0, int seed = 0) => PlainIp.Ip4(EspLab.Far4, EspLab.Lan4, 17, PlainIp.Udp(2000, 1000, length - 28, seed), tos);

    private static byte[] Back6(int length, byte trafficClass = 0, int seed = 0) => PlainIp.Ip6(EspLab.Far6, EspLab.Lan6, 17, PlainIp.Udp(2000, 1000, length - 48, seed), trafficClass);

    private (SlowEsp Out, SlowEsp In) Up(bool v6 = false, bool udp = false, bool esn = false, int keyBytes = 16, int icv = 16, SaHotState* hot = null, int window = 64, Func<ChildSaParameters, ChildSaParameters>? change = null)
    {
        var (outbound, inbound) = EspLab.Pair(_random, v6, udp, esn, keyBytes, icv);
        var parameters = EspLab.Parameters(1, outbound, inbound) with { ReplayWindow = window };
        Assert.Equal(SaInstallResult.Installed, _lab.Install(change?.Invoke(parameters) ?? parameters, outbound, inbound, hot));
        return (outbound, inbound);
    }

    public static TheoryData<bool, bool, bool, int, int> Combinations()
    {
        var data = new TheoryData<bool, bool, bool, int, int>();
        foreach (var v6 in (bool[])[false, true])
            foreach (var udp in (bool[])[false, true])
                foreach (var esn in (bool[])[false, true])
                    foreach (var (key, icv) in ((int, int)[])[(16, 16), (24, 16), (32, 16), (16, 8), (32, 12)])
                        data.Add(v6, udp, esn, key, icv);
        return data;
    }

    [Theory]
    [MemberData(nameof(Combinations))]
    public void Packets_of_every_length_cross_as_the_slow_twin_makes_and_reads_them(bool v6, bool udp, bool esn, int keyBytes, int icv)
    {
        var (outbound, inbound) = Up(v6, udp, esn, keyBytes, icv);
        EspPathMtu(9500);
        ulong sequence = 0;
        for (var length = 28; length <= 9000; length += length < 140 ? 1 : _random.Next(1, 700))
        {
            foreach (var six in (bool[])[false, true])
            {
                if (six && length < 48) continue;
                sequence++;
                var inner = six ? Inner6(length, (byte)_random.Next(256), length) : Inner4(length, (byte)_random.Next(256), _random.Next(2) == 0, length);
                var left = Assert.Single(_lab.Send(inner));
                Assert.Equal(v6 ? NodeNames.Ip6Rewrite : NodeNames.Ip4Rewrite, left.Node);
                Assert.Equal(PacketFlags.Own | PacketFlags.BypassSpd, left.Meta.Flags);
                var trafficClass = six ? (byte)(BinaryPrimitives.ReadUInt16BigEndian(inner) >> 4) : inner[1];
                var df = six ? inner.Length > 1280 : (inner[6] & 0x40) != 0;
                var id = v6 || df ? (ushort)0 : BinaryPrimitives.ReadUInt16BigEndian(left.Bytes.AsSpan(4));
                Assert.True(outbound.Wrap(inner, sequence, trafficClass, df, id).AsSpan().SequenceEqual(left.Bytes), $"seed {_seed}, length {length}, inner {(six ? 6 : 4)}: {Convert.ToHexString(left.Bytes)}");

                var back = six ? Back6(length, 0, length) : Back4(length, 0, length);
                var came = Assert.Single(_lab.Decrypt(inbound.Wrap(back, sequence)));
                Assert.Equal(six ? NodeNames.Ip6Input : NodeNames.Ip4Input, came.Node);
                Assert.True(back.AsSpan().SequenceEqual(came.Bytes), $"seed {_seed}, length {length}");
                Assert.Equal(PacketFlags.Decrypted, came.Meta.Flags);
                Assert.Equal(1u, came.Meta.Sa);
                Assert.Equal(3u, came.Meta.RxInterface);
            }
        }
        var status = _lab.Control.Sa(new ChildSaId(1))!;
        Assert.Equal(sequence, status.Outbound.Packets);
        Assert.Equal(sequence, status.Inbound.Packets);
        Assert.Equal(status.Outbound.Bytes, status.Inbound.Bytes);
        Assert.Equal(sequence, status.Inbound.Sequence);
        Assert.Equal(0UL, _lab.AllDrops());
    }

    /// <summary>Gives the peer a route whose MTU is so much.</summary>
    private void EspPathMtu(uint mtu)
    {
        var adjacency = _lab.Tables.Adjacencies.Add(new Adjacency { Kind = AdjacencyKind.Neighbor, Mtu = mtu, Interface = 1 });
        _lab.Tables.Fib4.Set(0, 0, 0, adjacency);
        _lab.Tables.Fib6.Set(0, 0, 0, 0, adjacency);
    }

    [Fact]
    public void Whole_frames_of_several_SAs_cross_in_order()
    {
        var pairs = new List<(SlowEsp Out, SlowEsp In)>();
        for (uint i = 0; i < 8; i++)
        {
            var (outbound, inbound) = EspLab.Pair(_random, v6: i % 2 == 1, udp: i % 3 == 1, esn: i % 4 == 2, spi: 0x2000 + i);
            var parameters = EspLab.Parameters(i + 1, outbound, inbound, ["10.1.0.0/16"], [$"10.2.{i}.0/24"]);
            Assert.Equal(SaInstallResult.Installed, _lab.Install(parameters, outbound, inbound));
            pairs.Add((outbound, inbound));
        }
        for (var i = 0; i < 600; i++)
            _lab.Put(NodeNames.Spd4Output, PlainIp.Ip4(EspLab.Lan4, new IPAddress([10, 2, (byte)(i % 8), 9]), 17, PlainIp.Udp(1, 2, 40 + i, i)));
        var sent = _lab.Run();
        Assert.Equal(600, sent.Count);
        for (var sa = 0; sa < 8; sa++)
        {
            var ofSa = sent.Where(s => SpiOf(s.Bytes) == pairs[sa].Out.Spi).ToArray();
            Assert.Equal(75, ofSa.Length);
            for (var n = 0; n < ofSa.Length; n++)
            {
                var esp = EspOf(ofSa[n].Bytes);
                Assert.Equal((uint)n + 1, BinaryPrimitives.ReadUInt32BigEndian(esp.AsSpan(4)));
                Assert.NotNull(pairs[sa].Out.Unseal(esp, (ulong)n + 1));
            }
        }
        foreach (var (i, pair) in pairs.Index())
            for (ulong n = 1; n <= 75; n++)
                _lab.Put(i % 2 == 1 ? NodeNames.Esp6Decrypt : NodeNames.Esp4Decrypt, pair.In.Wrap(PlainIp.Ip4(new IPAddress([10, 2, (byte)i, 9]), EspLab.Lan4, 17, PlainIp.Udp(2, 1, 40 + (int)n)), n));
        var came = _lab.Run();
        Assert.Equal(600, came.Count);
        Assert.All(came, c => Assert.Equal(NodeNames.Ip4Input, c.Node));
        Assert.Equal(0UL, _lab.AllDrops());
    }

    private static byte[] EspOf(byte[] outer)
    {
        var (header, protocol) = outer[0] >> 4 == 4 ? (20, outer[9]) : (40, outer[6]);
        return outer[(header + (protocol == 17 ? 8 : 0))..];
    }

    private static uint SpiOf(byte[] outer) => BinaryPrimitives.ReadUInt32BigEndian(EspOf(outer));

    // Every way in which a packet can be wrong, its drop reason, and whether the window has moved (the packet was authentic).
    public static TheoryData<string, bool> Faults() => new()
    {
        { "keepalive", false }, { "too-short", false }, { "bad-length", false }, { "fragmented", false }, { "unknown-spi", false }, { "impossible-sequence", false },
        { "too-old", false }, { "replayed", false }, { "forged", false }, { "bad-padding", true }, { "bad-next-header", true }, { "bad-inner-packet", true },
        { "congestion-untellable", true }, { "outside-selectors", true },
    };

    [Theory]
    [MemberData(nameof(Faults))]
    public void Each_malformed_packet_is_a_counted_drop_with_its_own_reason(string reason, bool authentic)
    {
        var (_, inbound) = Up(udp: reason == "keepalive");
        for (ulong n = 101; n <= 200; n++) Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), n)));
        var good = inbound.Wrap(Back4(60), 201);
        byte[] Text(byte[] text) => inbound.Outer(inbound.Seal(text, 201));
        byte[][] bad = reason switch
        {
            "keepalive" => [inbound.Outer([0xFF])],
            "too-short" =>
            [
                inbound.Outer([]), inbound.Outer(EspOf(good)[..1]), inbound.Outer(EspOf(good)[..15]), inbound.Outer(EspOf(good)[..16]), inbound.Outer(EspOf(good)[..27]),
                inbound.Outer(EspOf(good)[..35]), inbound.Outer([0xFF]),
            ],
            "bad-length" => [.. Enumerable.Range(1, 3).Select(cut => inbound.Outer(EspOf(good)[..^cut]))],
            "fragmented" => [Fragment(good)],
            "unknown-spi" => [(inbound with { Spi = 0x7777 }).Wrap(Back4(60), 201), (inbound with { Spi = 1 }).Wrap(Back4(60), 201), (inbound with { Spi = 0 }).Wrap(Back4(60), 201)],
            "impossible-sequence" => [inbound.Wrap(Back4(60), 0)],
            "too-old" => [inbound.Wrap(Back4(60), 136), inbound.Wrap(Back4(60), 1)],
            "replayed" => [inbound.Wrap(Back4(60), 137), inbound.Wrap(Back4(60), 200)],
            "forged" => [.. Enumerable.Range(0, EspOf(good).Length).Where(i => i >= 8 || i is 6 or 7).Select(i => Flip(good, i))],
            "bad-padding" => [Text([.. Back4(60), 2, 2, 2, 4]), Text([.. Back4(60), 0, 0, 2, 4]), Text([1, 2, 200, 4])],
            "bad-next-header" => [Text([.. Back4(60), 1, 2, 2, 6]), Text([.. Back4(60), 1, 2, 2, 0])],
            "bad-inner-packet" =>
            [
                Text([.. Back4(60), 1, 2, 2, 41]), Text([.. Back6(60), 1, 2, 2, 4]), Text([.. Back4(60)[..16], 1, 2, 2, 4]), Text([1, 2, 2, 4]), Text([1, 2, 2, 41]),
                Text([.. With(Back4(60), 3, 61), 1, 2, 2, 4]), Text([.. With(Back4(60), 3, 19), 1, 2, 2, 4]), Text([.. With(Back4(60), 0, 0x44), 1, 2, 2, 4]),
                Text([.. With(Back4(60), 0, 0x4F).AsSpan(0, 40), 1, 2, 2, 4]), Text([.. With(Back6(60), 5, 21), 1, 2, 2, 41]), Text([.. Back6(60)[..36], 1, 2, 2, 41]),
            ],
            "congestion-untellable" => [inbound.Wrap(Back4(60, tos: 0), 201, trafficClass: 3), inbound.Wrap(Back6(60, 0), 202, trafficClass: 3)],
            "outside-selectors" =>
            [
                inbound.Wrap(PlainIp.Ip4(IPAddress.Parse("10.3.0.1"), EspLab.Lan4, 17, PlainIp.Udp(1, 2, 8)), 201),
                inbound.Wrap(PlainIp.Ip4(EspLab.Far4, IPAddress.Parse("10.2.0.1"), 17, PlainIp.Udp(1, 2, 8)), 202),
                inbound.Wrap(PlainIp.Ip6(EspLab.Far6, IPAddress.Parse("fd03::1"), 17, PlainIp.Udp(1, 2, 8)), 203),
                inbound.Wrap(Inner4(60), 204),
            ],
            _ => throw new ArgumentOutOfRangeException(nameof(reason)),
        };
        ulong before = 0;
        foreach (var (i, packet) in bad.Index())
        {
            // Each one in turn is the packet that the SA waits for.
            if (authentic && i > 0 && reason is not ("congestion-untellable" or "outside-selectors"))
            {
                using var again = new EspLab();
                again.Install(EspLab.Parameters(1, inbound, inbound) with { InboundSpi = new Spi(inbound.Spi) }, inbound, inbound);
                Assert.Empty(again.Decrypt(packet));
                Assert.True(again.Drops(NodeNames.Esp4Decrypt, reason) == 1, $"packet {i}");
                before++;
                EspLab.Take();
                continue;
            }
            Assert.Empty(_lab.Decrypt(packet));
            Assert.True(_lab.AllDrops() == _lab.Drops(NodeNames.Esp4Decrypt, reason), $"packet {i} was dropped for another reason");
            before++;
        }
        Assert.Equal((ulong)bad.Length, before);
        // What was not authentic has changed nothing: the good packet is still welcome.
        if (!authentic) Assert.Single(_lab.Decrypt(good));
        else Assert.Empty(_lab.Decrypt(good));
    }

    private static byte[] With(byte[] packet, int at, byte value)
    {
        packet = [.. packet];
        packet[at] = value;
        return packet;
    }

    private static byte[] Flip(byte[] outer, int at)
    {
        outer = [.. outer];
        outer[outer.Length - EspOf(outer).Length + at] ^= 0x10;
        return outer;
    }

    private static byte[] Fragment(byte[] outer)
    {
        outer = [.. outer];
        outer[7] = 5;
        return outer;
    }

    [Fact]
    public void Every_reason_of_every_node_has_a_sentence()
    {
        foreach (var info in (Gateway.Dataplane.Graph.NodeInfo[])[EspDecrypt<OuterIp4>.Info, EspEncrypt<InnerIp4>.Info, SpdOutput<PolicyIp4, uint>.Info, SpdInput<PolicyIp4, uint>.Info])
            Assert.All(info.Drops, d => Assert.EndsWith(".", d.Sentence, StringComparison.Ordinal));
    }

    // RFC 4303 §3.4.3: the second of two equal packets is refused also when both come in one frame.
    [Fact]
    public void A_packet_that_comes_twice_in_one_frame_passes_once()
    {
        var (_, inbound) = Up();
        for (var i = 0; i < 5; i++) _lab.Put(NodeNames.Esp4Decrypt, inbound.Wrap(Back4(100), 7));
        Assert.Single(_lab.Run());
        Assert.Equal(4UL, _lab.Drops(NodeNames.Esp4Decrypt, "replayed"));
        Assert.Equal(4UL, _lab.Control.Sa(new ChildSaId(1))!.Replayed);
    }

    [Fact]
    public void A_forged_packet_does_not_move_the_window()
    {
        var (_, inbound) = Up();
        Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), 1)));
        Assert.Empty(_lab.Decrypt(Flip(inbound.Wrap(Back4(60), 1_000_000), 20)));
        Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), 2)));
        Assert.Equal(1UL, _lab.Control.Sa(new ChildSaId(1))!.Forged);
    }

    [Fact]
    public void Without_a_window_repeated_packets_pass()
    {
        var (_, inbound) = Up(window: 0);
        for (var i = 0; i < 3; i++) Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), 5)));
    }

    // RFC 4303 §2.6, §2.7.
    [Fact]
    public void Dummies_end_silently_and_padding_for_flow_confidentiality_is_cut_off()
    {
        var (_, inbound) = Up();
        Assert.Empty(_lab.Decrypt(inbound.Outer(inbound.Seal([9, 9, 9, 9, 9, 9, 0, 59], 1))));
        Assert.Equal(0UL, _lab.AllDrops());
        var padded = inbound.Outer(inbound.Seal([.. Back4(60), .. new byte[100], 1, 2, 2, 4], 2));
        Assert.Equal(Back4(60), Assert.Single(_lab.Decrypt(padded)).Bytes);
        padded = inbound.Outer(inbound.Seal([.. Back6(60), .. new byte[100], 1, 2, 2, 41], 3));
        Assert.Equal(Back6(60), Assert.Single(_lab.Decrypt(padded)).Bytes);
        Assert.Empty(_lab.Decrypt(inbound.Outer(inbound.Seal([9, 9, 9, 9, 9, 9, 0, 59], 1))));
        Assert.Equal(1UL, _lab.Drops(NodeNames.Esp4Decrypt, "replayed"));
    }

    [Fact]
    public void Long_padding_is_taken()
    {
        var (_, inbound) = Up();
        byte[] text = [.. Back4(60), .. Enumerable.Range(1, 254).Select(i => (byte)i), 254, 4];
        Assert.Equal(Back4(60), Assert.Single(_lab.Decrypt(inbound.Outer(inbound.Seal(text, 1)))).Bytes);
    }

    // RFC 6040 §4.2.
    [Fact]
    public void Congestion_marks_cross_the_tunnel_with_a_right_checksum()
    {
        var (_, inbound) = Up();
        ulong sequence = 0;
        for (byte inner = 0; inner < 4; inner++)
            for (byte outer = 0; outer < 4; outer++)
            {
                var expected = Ecn.Leave(inner, outer);
                foreach (var six in (bool[])[false, true])
                {
                    var packet = six ? Back6(60, (byte)(0x2C << 2 | inner)) : Back4(60, (byte)(0x2C << 2 | inner));
                    var came = _lab.Decrypt(inbound.Wrap(packet, ++sequence, outer));
                    if (expected == Ecn.Drop)
                    {
                        Assert.Empty(came);
                        continue;
                    }
                    Assert.Equal(six ? Back6(60, (byte)(0x2C << 2 | expected)) : Back4(60, (byte)(0x2C << 2 | expected)), Assert.Single(came).Bytes);
                }
            }
    }

    // RFC 4301 §5.1.2.1 and RFC 6040 §4.1.
    [Theory]
    [InlineData(true, true, true)]
    [InlineData(false, true, true)]
    [InlineData(true, false, false)]
    [InlineData(false, false, true)]
    public void Outer_DSCP_ECN_and_DF_follow_the_inner_ones_as_the_SA_says(bool dscp, bool ecn, bool df)
    {
        var (outbound, _) = Up(change: p => p with { CopyDscpOut = dscp, CopyEcn = ecn, CopyDf = df });
        var expected = (byte)((dscp ? 0xB8 : 0) | (ecn ? 2 : 0));
        var left = Assert.Single(_lab.Send(Inner4(100, 0xB8 | 2, df: true))).Bytes;
        Assert.Equal(expected, left[1]);
        Assert.Equal(df ? 0x40 : 0, left[6]);
        Assert.Equal(0, PlainIp.Sum(left[..20]));
        Assert.Equal(64, left[8]);
        Assert.NotNull(outbound.Unseal(EspOf(left), 1));
    }

    // RFC 2983: with the uniform model a DSCP that the network changed outlives the tunnel.
    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void The_DSCP_comes_out_of_the_tunnel_as_the_SA_says(bool copy, bool ecn)
    {
        var (_, inbound) = Up(change: p => p with { CopyDscpIn = copy, CopyEcn = ecn });
        ulong sequence = 0;
        foreach (var (inner, outer) in ((byte, byte)[])[(0x2C << 2 | 2, 0x0A << 2 | 3), (0x2C << 2 | 1, 0x0A << 2), (0, 0x3F << 2), (0xFC, 0), (0x2C << 2 | 3, 0x2C << 2 | 3)])
        {
            var mark = ecn ? Ecn.Leave(inner, outer) : inner & 3;
            var expected = (byte)((copy ? outer : inner) & 0xFC | mark);
            Assert.Equal(Back4(60, expected), Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60, inner), ++sequence, outer))).Bytes);
            Assert.Equal(Back6(60, expected), Assert.Single(_lab.Decrypt(inbound.Wrap(Back6(60, inner), ++sequence, outer))).Bytes);
        }
        // Congestion that cannot be told ends the packet, whatever becomes of the DSCP.
        Assert.Equal(ecn ? 0 : 1, _lab.Decrypt(inbound.Wrap(Back4(60), ++sequence, 0x0A << 2 | 3)).Count);
    }

    [Fact]
    public void Outer_packets_that_may_be_split_have_identifications_that_differ()
    {
        Up();
        var ids = Enumerable.Range(0, 100).Select(_ => BinaryPrimitives.ReadUInt16BigEndian(Assert.Single(_lab.Send(Inner4(100))).Bytes.AsSpan(4))).ToHashSet();
        Assert.Equal(100, ids.Count);
    }

    [Fact]
    public void Decrypted_packets_arrive_on_the_interface_of_their_SA()
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound), outbound, inbound, onInterface: 77);
        Assert.Equal(77u, Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), 1))).Meta.RxInterface);
    }

    // RFC 4301 §8.2.
    [Theory]
    [InlineData(1500, false, false)]
    [InlineData(1499, false, true)]
    [InlineData(1498, true, false)]
    [InlineData(1497, true, true)]
    [InlineData(9000, true, true)]
    [InlineData(1400, false, true)]
    public void Largest_inner_packet_fits_the_path_exactly_and_a_longer_one_comes_back(uint mtu, bool v6, bool udp)
    {
        EspPathMtu(mtu);
        Up(v6, udp);
        var most = 0;
        for (var length = 1290; length <= mtu; length++)
        {
            var left = Assert.Single(_lab.Send(Inner4(length, df: true)));
            if (left.Node is NodeNames.Icmp4Error)
            {
                if (most == 0) most = length - 1;
                Assert.Equal(IcmpError.FragmentationNeeded4((uint)most), left.Meta.Opaque0);
                if (length > most + 20) break;
                continue;
            }
            Assert.Equal(0, most);
            Assert.True(left.Bytes.Length <= mtu, $"{left.Bytes.Length} > {mtu}");
        }
        Assert.True(most > 1290);
        var largest = Assert.Single(_lab.Send(Inner4(most, df: true)));
        Assert.InRange(largest.Bytes.Length, (int)mtu - 3, (int)mtu);
        var tooBig = Assert.Single(_lab.Send(Inner6(most + 1)));
        Assert.Equal((NodeNames.Icmp6Error, IcmpError.PacketTooBig6((uint)most)), (tooBig.Node, tooBig.Meta.Opaque0));
        Assert.Single(_lab.Send(Inner6(most)));
    }

    [Fact]
    public void IPv6_packets_of_1280_bytes_always_go_and_may_be_split_outside()
    {
        EspPathMtu(1280);
        Up();
        var left = Assert.Single(_lab.Send(Inner6(1280)));
        Assert.Equal(NodeNames.Ip4Rewrite, left.Node);
        Assert.Equal(0, left.Bytes[6] & 0x40);
        Assert.Equal(IcmpError.PacketTooBig6(1280), Assert.Single(_lab.Send(Inner6(1281))).Meta.Opaque0);
    }

    [Fact]
    public void Packets_without_DF_are_split_before_encryption()
    {
        EspPathMtu(1400);
        var (outbound, _) = Up();
        var inner = Inner4(3000);
        var left = _lab.Send(inner);
        Assert.True(left.Count > 2);
        var whole = new byte[3000 - 20];
        ulong sequence = 0;
        foreach (var outer in left)
        {
            Assert.True(outer.Bytes.Length <= 1400);
            var text = outbound.Unseal(EspOf(outer.Bytes), ++sequence)!;
            var length = BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(2));
            Assert.Equal(0, PlainIp.Sum(text[..20]));
            text.AsSpan(20, length - 20).CopyTo(whole.AsSpan((BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(6)) & 0x1FFF) * 8));
        }
        Assert.Equal(inner[20..], whole);
    }

    [Fact]
    public void TCP_segment_sizes_are_lowered_to_the_tunnel()
    {
        EspPathMtu(1500);
        var (outbound, _) = Up();
        byte[] syn = [0x12, 0x34, 0, 80, 0, 0, 0, 1, 0, 0, 0, 0, 0x60, 2, 0xFF, 0xFF, 0, 0, 0, 0, 2, 4, 0x05, 0xB4];
        var left = Assert.Single(_lab.Send(PlainIp.Ip4(EspLab.Lan4, EspLab.Far4, 6, syn)));
        var text = outbound.Unseal(EspOf(left.Bytes), 1)!;
        var mss = BinaryPrimitives.ReadUInt16BigEndian(text.AsSpan(20 + 22));
        Assert.Equal(PathMtu.InnerOf(1500, 20 + 16, 16, 4) - 40, mss);
    }

    // RFC 4303 §3.3.3.
    [Fact]
    public void An_SA_asks_for_a_rekey_well_before_its_last_number_and_stops_at_it()
    {
        SaHotState hot = default;
        hot.OutboundMark = (1UL << 32) - (1UL << 29) - 2;
        var (outbound, inbound) = EspLab.Pair(_random);
        _lab.Install(EspLab.Parameters(1, outbound, inbound), outbound, inbound, &hot);
        Assert.Single(_lab.Send(Inner4(60)));
        Assert.Single(_lab.Send(Inner4(60)));
        Assert.Empty(_lab.Notices());
        Assert.Single(_lab.Send(Inner4(60)));
        Assert.Single(_lab.Send(Inner4(60)));
        Assert.Equal(new SaLimitNotice(new(1), SaLimit.SequenceNearEnd, true), Assert.Single(_lab.Notices()));
        Assert.True(_lab.Control.RemoveSa(new(1)));

        hot.OutboundMark = (1UL << 32) - 3;
        _lab.Install(EspLab.Parameters(2, outbound, inbound), outbound, inbound, &hot);
        for (var i = 0; i < 3; i++) Assert.Single(_lab.Send(Inner4(60)));
        for (var i = 0; i < 3; i++) Assert.Empty(_lab.Send(Inner4(60)));
        Assert.Equal(3UL, _lab.Drops(NodeNames.Esp4Encrypt, "sequence-ended"));
        Assert.Equal([SaLimit.SequenceNearEnd, SaLimit.SequenceEnded], _lab.Notices().Cast<SaLimitNotice>().Select(n => n.Limit));
        _lab.Control.RemoveSa(new(2));
    }

    [Fact]
    public void An_ESN_SA_goes_on_beyond_32_bits_in_both_directions()
    {
        SaHotState hot = default;
        hot.OutboundMark = (1UL << 32) - 2;
        hot.HighestInbound = (1UL << 32) - 3;
        var (outbound, inbound) = Up(esn: true, hot: &hot);
        for (var sequence = (1UL << 32) - 2; sequence < (1UL << 32) + 5; sequence++)
        {
            var left = Assert.Single(_lab.Send(Inner4(60))).Bytes;
            Assert.Equal((uint)sequence, BinaryPrimitives.ReadUInt32BigEndian(EspOf(left).AsSpan(4)));
            Assert.NotNull(outbound.Unseal(EspOf(left), sequence));
            Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), sequence)));
        }
        // One that was late by the wrap is still taken, once.
        Assert.Single(_lab.Decrypt(inbound.Wrap(Back4(60), (1UL << 32) - 10)));
        Assert.Empty(_lab.Decrypt(inbound.Wrap(Back4(60), (1UL << 32) - 10)));
        Assert.Equal((1UL << 32) + 4, hot.HighestInbound);
        _lab.Control.RemoveSa(new(1));
    }

    [Fact]
    public void An_SA_resumed_from_its_hot_state_repeats_no_number_and_accepts_no_replay()
    {
        SaHotState hot = default;
        var (outbound, inbound) = EspLab.Pair(_random);
        var parameters = EspLab.Parameters(1, outbound, inbound);
        var used = new HashSet<uint>();
        var received = new List<byte[]>();
        ulong sequence = 0;
        for (var life = 0; life < 4; life++)
        {
            using var lab = new EspLab();
            Assert.Equal(SaInstallResult.Installed, lab.Install(parameters, outbound, inbound, &hot));
            foreach (var old in received) Assert.Empty(lab.Decrypt(old));
            for (var i = 0; i < 40; i++)
            {
                Assert.True(used.Add(BinaryPrimitives.ReadUInt32BigEndian(EspOf(Assert.Single(lab.Send(Inner4(60))).Bytes).AsSpan(4))));
                received.Add(inbound.Wrap(Back4(60), ++sequence));
                Assert.Single(lab.Decrypt(received[^1]));
            }
        }
    }

    [Fact]
    public void Lifetimes_are_told_once_and_the_hard_one_ends_the_direction()
    {
        var (_, inbound) = Up(change: p => p with { Lifetime = new SaLifetime(500, 1000, 0, 0) });
        for (var i = 0; i < 20; i++) _lab.Send(Inner4(100));
        Assert.Equal([SaLimit.Soft, SaLimit.Hard], _lab.Notices().Cast<SaLimitNotice>().Where(n => n.Outbound).Select(n => n.Limit));
        Assert.Equal(10UL, _lab.Drops(NodeNames.Esp4Encrypt, "expired"));
        for (ulong n = 1; n <= 20; n++) _lab.Decrypt(inbound.Wrap(Back4(100), n));
        Assert.Equal([SaLimit.Soft, SaLimit.Hard], _lab.Notices().Cast<SaLimitNotice>().Where(n => !n.Outbound).Select(n => n.Limit));
        Assert.Equal(10UL, _lab.Drops(NodeNames.Esp4Decrypt, "expired"));
    }

    // RFC 7296 §2.23.
    [Fact]
    public void A_new_endpoint_is_told_after_authentication_only()
    {
        var (_, inbound) = Up(udp: true);
        var moved = inbound with { Source = IPAddress.Parse("192.0.2.99"), Udp = (5555, 4500) };
        Assert.Empty(_lab.Decrypt(Flip(moved.Wrap(Back4(60), 1), 20)));
        Assert.Empty(_lab.Notices());
        Assert.Single(_lab.Decrypt(moved.Wrap(Back4(60), 1)));
        Assert.Single(_lab.Decrypt(moved.Wrap(Back4(60), 2)));
        Assert.Equal(new SaEndpointNotice(new(1), new IPEndPoint(moved.Source, 5555)), Assert.Single(_lab.Notices()));

        Assert.True(_lab.Control.UpdateSaEndpoints(new(1), EspLab.Here4, moved.Source, new UdpEncapsulation(4500, 5555)));
        Assert.Single(_lab.Decrypt(moved.Wrap(Back4(60), 3)));
        Assert.Empty(_lab.Notices());
        var left = Assert.Single(_lab.Send(Inner4(60))).Bytes;
        Assert.Equal(moved.Source, new IPAddress(left.AsSpan(16, 4)));
        Assert.Equal(5555, BinaryPrimitives.ReadUInt16BigEndian(left.AsSpan(22)));
    }

    [Fact]
    public void Packets_of_a_removed_SA_have_no_SA()
    {
        using (var lab = new EspLab())
        {
            var (outbound, inbound) = EspLab.Pair(_random);
            lab.Install(EspLab.Parameters(1, outbound, inbound), outbound, inbound);
            Assert.True(lab.Control.RemoveSa(new(1)));
            Assert.False(lab.Control.RemoveSa(new(1)));
            Assert.Empty(lab.Decrypt(inbound.Wrap(Back4(60), 1)));
            Assert.Equal(1UL, lab.Drops(NodeNames.Esp4Decrypt, "unknown-spi"));
        }
    }

    [Fact]
    public void Wrong_installations_are_refused_with_their_reason()
    {
        var (outbound, inbound) = EspLab.Pair(_random);
        var good = EspLab.Parameters(1, outbound, inbound);
        Assert.Equal(SaInstallResult.UnsupportedTransform, _lab.Install(good with { Transforms = new(23, 128, 12) }, outbound, inbound));
        Assert.Equal(SaInstallResult.WrongKeyLength, _lab.Install(good with { Transforms = new(20, 256) }, outbound, inbound));
        Assert.Equal(SaInstallResult.InvalidParameters, _lab.Install(good with { RemoteAddress = EspLab.There6 }, outbound, inbound));
        Assert.Equal(SaInstallResult.InvalidParameters, _lab.Install(good with { InboundSpi = new(5) }, outbound, inbound));
        Assert.Equal(SaInstallResult.InvalidParameters, _lab.Install(good with { ReplayWindow = 5000 }, outbound, inbound));
        Assert.Equal(SaInstallResult.InvalidParameters, _lab.Install(good with { LocalSelectors = EspLab.Select("10.0.0.0/8"), RemoteSelectors = EspLab.Select("fd02::/64") }, outbound, inbound));
        Assert.Equal(SaInstallResult.Installed, _lab.Install(good, outbound, inbound));
        Assert.Equal(SaInstallResult.AlreadyInstalled, _lab.Install(good, outbound, inbound));
        Assert.Equal(SaInstallResult.SpiInUse, _lab.Install(good with { Id = new(2) }, outbound, inbound));
    }

    [Fact]
    public void Packets_cost_no_managed_memory()
    {
        var (outbound, inbound) = Up();
        EspPathMtu(1500);
        var frames = new byte[64][];
        var inner = Inner4(1000);
        ulong sequence = 0;
        EspLab.Quiet();
        EspLab.TakeCount();
        long allocated = 0;
        for (var round = 0; round < 50; round++)
        {
            for (var i = 0; i < frames.Length; i++) frames[i] = inbound.Wrap(Back4(1000), ++sequence);
            for (var i = 0; i < frames.Length; i++)
            {
                _lab.Put(NodeNames.Esp4Decrypt, frames[i]);
                _lab.Put(NodeNames.Spd4Output, inner);
            }
            var before = GC.GetAllocatedBytesForCurrentThread();
            _lab.Context.Run();
            // The first rounds may run code for the first time.
            if (round > 5) allocated += GC.GetAllocatedBytesForCurrentThread() - before;
        }
        Assert.Equal(50 * 128, EspLab.TakeCount());
        Assert.Equal(0, allocated);
        Assert.Equal(0UL, _lab.AllDrops());
        _ = outbound;
    }
}
