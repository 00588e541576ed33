using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Io;
using Gateway.Dataplane.Io.Offload;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed unsafe class FrameIntakeTests : IDisposable
{
    private readonly PacketPool _pool = new(256, hugepages: false);
    private readonly int _level;

    public FrameIntakeTests() => _level = _pool.Available;

    public void Dispose()
    {
        Assert.Equal(_level, _pool.Available);
        _pool.Dispose();
    }

    [Fact]
    public void An_ordinary_frame_becomes_one_packet_with_the_same_bytes()
    {
        byte[] frame = new byte[1514];
        new Random(1).NextBytes(frame);
        Assert.Equal([frame], Take(frame, default));
    }

    [Fact]
    public void A_long_frame_becomes_a_chain()
    {
        byte[] frame = new byte[9018];
        new Random(2).NextBytes(frame);
        Assert.Equal([frame], Take(frame, default));
    }

    [Fact]
    public void An_open_checksum_is_completed()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        for (int round = 0; round < 200; round++)
        {
            SuperFrame super = SuperFrame.Random(random, payload: random.Next(1400), segmentSize: 2000);
            int field = super.L4 + (super.IsTcp ? 16 : 6);

            // What a sender leaves: the folded sum of the pseudo header, not inverted.
            SuperFrame.Be16(super.Frame, field, 0);
            ushort whole = SuperFrame.SlowL4Checksum(super.Frame, super.IsIpv6, super.L3, super.L4, super.IsTcp ? 6 : 17);
            byte[] pseudo = [.. super.IsIpv6 ? super.Frame.AsSpan(super.L3 + 8, 32) : super.Frame.AsSpan(super.L3 + 12, 8), 0, (byte)(super.IsTcp ? 6 : 17), 0, 0];
            SuperFrame.Be16(pseudo, pseudo.Length - 2, super.Frame.Length - super.L4);
            SuperFrame.Be16(super.Frame, field, (ushort)~SuperFrame.SlowChecksum(pseudo));
            byte[] made = Take(super.Frame, SuperPacketTests.Header(super) with { Gso = VnetGso.None, SegmentSize = 0 }).Single();
            Assert.True((whole == 0 ? 0xFFFF : whole) == SuperFrame.Read16(made, field), $"seed {seed}, round {round}");
        }
    }

    [Fact]
    public void A_vlan_tag_that_the_kernel_kept_apart_comes_back_behind_the_addresses()
    {
        byte[] frame = new byte[100];
        new Random(3).NextBytes(frame);
        byte[] tagged = [.. frame[..12], 0x81, 0x00, 0x20, 0x2A, .. frame[12..]];
        Assert.Equal([tagged], Take(frame, default, 0x8100_202A));

        SuperFrame super = SuperFrame.Random(new Random(4), payload: 4000, segmentSize: 1400);
        List<byte[]> segments = super.SlowSegments();
        Assert.Equal([.. segments.Select(s => (byte[])[.. s[..12], 0x88, 0xA8, 0x00, 0x07, .. s[12..]])], Take(super.Frame, SuperPacketTests.Header(super), 0x88A8_0007));
    }

    [Fact]
    public void A_burst_larger_than_the_callers_room_is_continued()
    {
        SuperFrame super = SuperFrame.Random(new Random(5), payload: 60000, segmentSize: 1000);
        Assert.Equal(super.SlowSegments(), Take(super.Frame, SuperPacketTests.Header(super), room: 7));
    }

    [Fact]
    public void Segments_longer_than_a_chunk_are_chained()
    {
        SuperFrame super = SuperFrame.Random(new Random(6), payload: 60000, segmentSize: 8948);
        Assert.Equal(super.SlowSegments(), Take(super.Frame, SuperPacketTests.Header(super)));
    }

    [Fact]
    public void With_an_empty_pool_packets_are_lost_and_counted_and_the_frame_ends()
    {
        uint[] all = new uint[_pool.Available - 3];
        Assert.Equal(all.Length, _pool.Allocate(all));
        SuperFrame super = SuperFrame.Random(new Random(7), payload: 10000, segmentSize: 1000);
        PortCounters counters = default;
        FrameIntake intake = new(_pool);
        uint[] got = new uint[256];
        int count;
        fixed (byte* f = super.Frame)
        {
            Assert.Equal(OffloadFault.None, intake.Begin(f, super.Frame.Length, SuperPacketTests.Header(super), 0));
            count = intake.Drain(got, ref counters);
        }

        Assert.False(intake.Busy);
        Assert.Equal(3, count);
        Assert.Equal(7ul, counters.RxDropped);
        _pool.Free(got.AsSpan(0, count));
        _pool.Free(all);
    }

    [Fact]
    public void Nothing_is_allocated_on_the_managed_heap()
    {
        SuperFrame super = SuperFrame.Random(new Random(8), payload: 60000, segmentSize: 1448);
        VnetHeader header = SuperPacketTests.Header(super);
        FrameIntake intake = new(_pool);
        PortCounters counters = default;
        Span<uint> got = stackalloc uint[64];
        fixed (byte* f = super.Frame)
        {
            Turn(f, super.Frame.Length, header, ref intake, got, ref counters);
            long before = GC.GetAllocatedBytesForCurrentThread();
            for (int i = 0; i < 500; i++) Turn(f, super.Frame.Length, header, ref intake, got, ref counters);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    private void Turn(byte* frame, int length, in VnetHeader header, ref FrameIntake intake, Span<uint> got, ref PortCounters counters)
    {
        intake.Begin(frame, length, header, 0);
        while (intake.Busy) _pool.Free(got[..intake.Drain(got, ref counters)]);
    }

    private List<byte[]> Take(byte[] frame, VnetHeader header, uint tag = 0, int room = 256)
    {
        List<byte[]> made = [];
        FrameIntake intake = new(_pool);
        PortCounters counters = default;
        uint[] got = new uint[room];
        fixed (byte* f = frame)
        {
            Assert.Equal(OffloadFault.None, intake.Begin(f, frame.Length, header, tag));
            while (intake.Busy)
            {
                int count = intake.Drain(got, ref counters);
                foreach (uint index in got.AsSpan(0, count)) made.Add(PacketCopy.ToArray(_pool, index));
                _pool.Free(got.AsSpan(0, count));
            }
        }

        Assert.Equal((ulong)made.Count, counters.RxPackets);
        Assert.Equal((ulong)made.Sum(m => m.Length), counters.RxBytes);
        return made;
    }
}
