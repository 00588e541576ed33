using System.Buffers.Binary;
using Gateway.Dataplane.Io.Offload;
using Xunit;

namespace Gateway.Unit.Dataplane.Io;

public sealed unsafe class InternetChecksumTests
{
    [Fact]
    public void The_sum_of_any_range_is_that_of_the_obvious_loop()
    {
        int seed = Environment.TickCount;
        Random random = new(seed);
        byte[] bytes = new byte[4200];
        for (int round = 0; round < 3000; round++)
        {
            random.NextBytes(bytes);
            if (round % 7 == 0) Array.Fill(bytes, (byte)0xFF);
            int at = random.Next(64), length = random.Next(round < 200 ? 130 : 4100);
            ushort expected = SuperFrame.SlowChecksum(bytes[at..(at + length)]);
            fixed (byte* b = bytes)
                Assert.True(expected == Wire(InternetChecksum.Finish(InternetChecksum.Add(0, b + at, length))), $"seed {seed}, round {round}, length {length}");
        }
    }

    [Fact]
    public void The_worked_example_of_rfc_1071_comes_out()
    {
        // RFC 1071 §3: 00 01 f2 03 f4 f5 f6 f7 sum to ddf2.
        byte[] bytes = [0x00, 0x01, 0xF2, 0x03, 0xF4, 0xF5, 0xF6, 0xF7];
        fixed (byte* b = bytes) Assert.Equal(0xDDF2, (ushort)~Wire(InternetChecksum.Finish(InternetChecksum.Add(0, b, bytes.Length))));
    }

    private static ushort Wire(ushort stored) => BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(stored) : stored;
}
