using Gateway.Dataplane.Io.Offload;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed unsafe class LocalChecksumTests
{
    [Fact]
    public void A_checksum_that_was_left_open_is_completed_and_a_finished_one_stays()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        for (int round = 0; round < 500; round++)
        {
            SuperFrame super = SuperFrame.Random(random, payload: random.Next(1400), segmentSize: 2000);
            int field = super.L4 + (super.IsTcp ? 16 : 6);
            byte protocol = (byte)(super.IsTcp ? 6 : 17);
            SuperFrame.Be16(super.Frame, field, 0);
            ushort whole = SuperFrame.SlowL4Checksum(super.Frame, super.IsIpv6, super.L3, super.L4, protocol);
            if (whole == 0) whole = 0xFFFF;
            byte[] pseudo = [.. super.IsIpv6 ? super.Frame.AsSpan(super.L3 + 8, 32) : super.Frame.AsSpan(super.L3 + 12, 8), 0, protocol, 0, 0];
            SuperFrame.Be16(pseudo, pseudo.Length - 2, super.Frame.Length - super.L4);
            ushort open = (ushort)~SuperFrame.SlowChecksum(pseudo);
            SuperFrame.Be16(super.Frame, field, open);

            // A short frame is padded on the wire, with anything.
            byte[] frame = [.. super.Frame, .. new byte[random.Next(3) == 0 ? 9 : 0]];
            if (frame.Length > super.Frame.Length) frame[^1] = 0x55;
            Complete(frame);
            Assert.True(whole == SuperFrame.Read16(frame, field), $"seed {seed}, round {round}: it is completed");

            byte[] again = [.. frame];
            Complete(again);
            Assert.True(frame.AsSpan().SequenceEqual(again), $"seed {seed}, round {round}: a finished one stays");

            // The one in 65,536 whose finished checksum looks open is made anew, damaged or not.
            if (whole == open) continue;
            frame[super.L4 + random.Next(4)] ^= 1;
            again = [.. frame];
            Complete(again);
            Assert.True(frame.AsSpan().SequenceEqual(again), $"seed {seed}, round {round}: a wrong one stays wrong");
        }
    }

    [Fact]
    public void Bytes_of_any_kind_are_left_alone_beyond_the_field_and_the_frame()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        for (int round = 0; round < 20_000; round++)
        {
            SuperFrame super = SuperFrame.Random(random, payload: random.Next(60), segmentSize: 2000);
            byte[] frame = super.Frame[..random.Next(super.Frame.Length + 1)];
            for (int flips = random.Next(4); flips > 0 && frame.Length > 12; flips--) frame[random.Next(12, frame.Length)] = (byte)random.Next(256);
            byte[] guarded = [.. frame, 0xA5, 0xA5, 0xA5, 0xA5];
            fixed (byte* f = guarded) LocalChecksum.Complete(f, frame.Length);
            Assert.True(guarded.AsSpan(frame.Length).IndexOfAnyExcept((byte)0xA5) < 0, $"seed {seed}, round {round}");
            Assert.True(guarded.AsSpan(0, frame.Length).ToArray().Zip(frame).Count(b => b.First != b.Second) <= 2, $"seed {seed}, round {round}");
        }
    }

    private static void Complete(byte[] frame)
    {
        fixed (byte* f = frame) LocalChecksum.Complete(f, frame.Length);
    }
}
