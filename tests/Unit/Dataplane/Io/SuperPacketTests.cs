using Gateway.Dataplane.Io.Offload;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed unsafe class SuperPacketTests
{
    [Fact]
    public void Every_segment_is_the_one_that_the_slow_twin_makes()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        for (int round = 0; round < 400; round++)
        {
            SuperFrame super = SuperFrame.Random(random);
            List<byte[]> expected = super.SlowSegments(), actual = Segments(super.Frame, Header(super));
            Assert.True(expected.Count == actual.Count, $"seed {seed}, round {round}: {expected.Count} segments expected, {actual.Count} made");
            for (int i = 0; i < expected.Count; i++) Assert.True(expected[i].AsSpan().SequenceEqual(actual[i]), $"seed {seed}, round {round}, segment {i} of {super}");
        }
    }

    [Fact]
    public void A_burst_smaller_than_its_segment_size_is_one_segment()
    {
        SuperFrame super = SuperFrame.Random(new Random(1), payload: 100, segmentSize: 1448);
        Assert.Single(Segments(super.Frame, Header(super)));
    }

    [Fact]
    public void A_trailer_behind_the_ip_packet_is_left_out()
    {
        SuperFrame super = SuperFrame.Random(new Random(2), payload: 3000, segmentSize: 1000, tcp: true, ipv6: false);
        byte[] padded = [.. super.Frame, .. new byte[13]];
        Assert.Equal(super.SlowSegments(), Segments(padded, Header(super)));
    }

    [Fact]
    public void A_udp_burst_without_checksum_stays_without()
    {
        SuperFrame super = SuperFrame.Random(new Random(3), payload: 3000, segmentSize: 1000, tcp: false, ipv6: false);
        SuperFrame.Be16(super.Frame, super.L4 + 6, 0);
        List<byte[]> made = Segments(super.Frame, Header(super) with { Flags = VnetFlags.None });
        Assert.All(made, s => Assert.Equal(0, SuperFrame.Read16(s, super.L4 + 6)));
    }

    [Fact]
    public void Each_way_in_which_headers_can_lie_is_named()
    {
        SuperFrame tcp4 = SuperFrame.Random(new Random(4), payload: 3000, segmentSize: 1000, tcp: true, ipv6: false);
        SuperFrame udp6 = SuperFrame.Random(new Random(5), payload: 3000, segmentSize: 1000, tcp: false, ipv6: true);
        VnetHeader good = Header(tcp4);
        Assert.Equal(OffloadFault.None, Fault(tcp4.Frame, good));
        Assert.Equal(OffloadFault.UnknownKind, Fault(tcp4.Frame, good with { Gso = VnetGso.UdpFragments }));
        Assert.Equal(OffloadFault.UnknownKind, Fault(tcp4.Frame, good with { Gso = (VnetGso)9 }));
        Assert.Equal(OffloadFault.SegmentSize, Fault(tcp4.Frame, good with { SegmentSize = 0 }));
        Assert.Equal(OffloadFault.SegmentSize, Fault(tcp4.Frame, good with { SegmentSize = 1 }));
        Assert.Equal(OffloadFault.HeadersDisagree, Fault(tcp4.Frame, good with { Gso = VnetGso.Tcp6 }));
        Assert.Equal(OffloadFault.HeadersDisagree, Fault(tcp4.Frame, good with { ChecksumStart = 3 }));
        Assert.Equal(OffloadFault.HeadersDisagree, Fault(udp6.Frame, Header(udp6) with { Gso = VnetGso.Tcp6 }));
        Assert.Equal(OffloadFault.Truncated, Fault(tcp4.Frame[..^1], good));
    }

    [Fact]
    public void Random_bytes_never_read_or_write_outside_the_frame()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        for (int round = 0; round < 20000; round++)
        {
            SuperFrame super = SuperFrame.Random(random, payload: random.Next(300), segmentSize: random.Next(0, 200));
            byte[] bytes = super.Frame[..random.Next(super.Frame.Length)];
            for (int i = random.Next(4); i > 0 && bytes.Length > 0; i--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            VnetHeader header = random.Next(3) == 0
                ? new VnetHeader { Flags = (VnetFlags)random.Next(4), Gso = (VnetGso)random.Next(256), SegmentSize = (ushort)random.Next(65536), ChecksumStart = (ushort)random.Next(80) }
                : Header(super);
            try
            {
                foreach (byte[] segment in Segments(bytes, header)) Assert.True(segment.Length <= bytes.Length);
            }
            catch (InvalidOperationException)
            {
                // A fault with a name: the frame is counted and dropped.
            }
            catch (Exception e)
            {
                Assert.Fail($"seed {seed}, round {round}: {e.Message}");
            }
        }
    }

    internal static VnetHeader Header(SuperFrame super) => new()
    {
        Flags = VnetFlags.NeedsChecksum,
        Gso = super.IsTcp ? super.IsIpv6 ? VnetGso.Tcp6 : VnetGso.Tcp4 | VnetGso.Ecn : VnetGso.UdpDatagrams,
        SegmentSize = (ushort)super.SegmentSize,
        ChecksumStart = (ushort)super.L4,
        ChecksumOffset = (ushort)(super.IsTcp ? 16 : 6),
    };

    private static OffloadFault Fault(byte[] frame, VnetHeader header)
    {
        fixed (byte* f = frame) return SuperPacket.Begin(f, frame.Length, header, out _);
    }

    /// <summary>Segments a frame that ends right before a guard of known bytes, into a buffer with guards of its own.</summary>
    private static List<byte[]> Segments(byte[] frame, VnetHeader header)
    {
        const int guard = 64;
        const byte mark = 0xA5;
        List<byte[]> made = [];
        byte[] into = new byte[guard + 65536 + guard];
        fixed (byte* f = frame)
        fixed (byte* t = into)
        {
            OffloadFault fault = SuperPacket.Begin(f, frame.Length, header, out SuperPacket super);
            if (fault != OffloadFault.None) throw new InvalidOperationException(fault.ToString());
            while (!super.Done)
            {
                Array.Fill(into, mark);
                int size = super.NextPayload, headers = super.HeaderLength;
                byte* payload = super.Payload;
                Assert.True(payload >= f && payload + size <= f + frame.Length);
                super.WriteHeaders(t + guard);
                for (int i = 0; i < guard; i++) Assert.True(into[i] == mark && into[guard + headers + i] == mark);
                made.Add([.. into.AsSpan(guard, headers), .. new ReadOnlySpan<byte>(payload, size)]);
            }
        }

        return made;
    }
}
