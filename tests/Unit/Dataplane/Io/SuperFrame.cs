using System.Buffers.Binary;

namespace Gateway.Unit.Dataplane.Io;

/// <summary>Makes super-packets as a kernel hands them over, and takes them apart in the slow, obvious way.</summary>
internal sealed record SuperFrame(byte[] Frame, bool IsIpv6, bool IsTcp, int L3, int L4, int HeaderLength, int SegmentSize)
{
    public int PayloadLength => Frame.Length - HeaderLength;

    public static SuperFrame Random(Random random, int? payload = null, int? segmentSize = null, bool? tcp = null, bool? ipv6 = null)
    {
        bool isTcp = tcp ?? random.Next(2) == 0, isIpv6 = ipv6 ?? random.Next(2) == 0;
        int tags = random.Next(3), l3 = 14 + tags * 4;
        int extension = isIpv6 ? random.Next(3) * 8 : 0, options = isIpv6 ? 0 : random.Next(4) * 4;
        int l4 = l3 + (isIpv6 ? 40 + extension : 20 + options);
        int header = l4 + (isTcp ? 20 + random.Next(11) * 4 : 8);
        int size = segmentSize ?? random.Next(40, 9000);
        byte[] frame = new byte[header + (payload ?? random.Next(0, Math.Min(65535 - header, size * 100)))];
        random.NextBytes(frame);
        for (int i = 0; i < tags; i++) Be16(frame, 12 + i * 4, i == 0 && tags == 2 ? 0x88A8 : 0x8100);
        Be16(frame, l3 - 2, isIpv6 ? 0x86DD : 0x0800);
        byte protocol = (byte)(isTcp ? 6 : 17);
        if (isIpv6)
        {
            frame[l3] = 0x60;
            Be16(frame, l3 + 4, frame.Length - l3 - 40);
            frame[l3 + 6] = extension > 0 ? (byte)60 : protocol;
            if (extension > 0)
            {
                frame[l3 + 40] = protocol;
                frame[l3 + 41] = (byte)(extension / 8 - 1);
            }
        }
        else
        {
            frame[l3] = (byte)(0x40 | ((l4 - l3) / 4));
            Be16(frame, l3 + 2, frame.Length - l3);
            Be16(frame, l3 + 6, 0x4000);
            frame[l3 + 9] = protocol;
        }

        if (isTcp) frame[l4 + 12] = (byte)((header - l4) / 4 << 4);
        return new(frame, isIpv6, isTcp, l3, l4, header, size);
    }

    /// <summary>Byte by byte, each segment as if it had been sent alone.</summary>
    public List<byte[]> SlowSegments()
    {
        List<byte[]> segments = [];
        int at = 0;
        do
        {
            int size = Math.Min(SegmentSize, PayloadLength - at);
            bool last = at + size == PayloadLength;
            byte[] segment = [.. Frame.AsSpan(0, HeaderLength), .. Frame.AsSpan(HeaderLength + at, size)];
            if (IsIpv6)
            {
                Be16(segment, L3 + 4, segment.Length - L3 - 40);
            }
            else
            {
                Be16(segment, L3 + 2, segment.Length - L3);
                Be16(segment, L3 + 4, (ushort)(Read16(Frame, L3 + 4) + segments.Count));
                Be16(segment, L3 + 10, 0);
                Be16(segment, L3 + 10, SlowChecksum(segment.AsSpan(L3, L4 - L3).ToArray()));
            }

            if (IsTcp)
            {
                BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(L4 + 4), BinaryPrimitives.ReadUInt32BigEndian(Frame.AsSpan(L4 + 4)) + (uint)at);
                if (!last) segment[L4 + 13] &= 0xF6;
                if (at > 0) segment[L4 + 13] &= 0x7F;
            }
            else
            {
                Be16(segment, L4 + 4, segment.Length - L4);
            }

            int field = L4 + (IsTcp ? 16 : 6);
            Be16(segment, field, 0);
            ushort sum = SlowL4Checksum(segment, IsIpv6, L3, L4, IsTcp ? 6 : 17);
            Be16(segment, field, sum == 0 && !IsTcp ? 0xFFFF : sum);
            segments.Add(segment);
            at += size;
        }
        while (at < PayloadLength);
        return segments;
    }

    public static ushort SlowL4Checksum(byte[] frame, bool ipv6, int l3, int l4, int protocol)
    {
        List<byte> all = [.. ipv6 ? frame.AsSpan(l3 + 8, 32) : frame.AsSpan(l3 + 12, 8)];
        int length = frame.Length - l4;
        all.AddRange([0, (byte)protocol, (byte)(length >> 8), (byte)length]);
        all.AddRange(frame[l4..]);
        return SlowChecksum([.. all]);
    }

    /// <summary>RFC 1071 §4.1, one word at a time.</summary>
    public static ushort SlowChecksum(byte[] bytes)
    {
        uint sum = 0;
        for (int i = 0; i < bytes.Length; i += 2)
        {
            sum += (uint)(bytes[i] << 8 | (i + 1 < bytes.Length ? bytes[i + 1] : 0));
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    public static void Be16(byte[] bytes, int at, int value) => BinaryPrimitives.WriteUInt16BigEndian(bytes.AsSpan(at), (ushort)value);

    public static ushort Read16(byte[] bytes, int at) => BinaryPrimitives.ReadUInt16BigEndian(bytes.AsSpan(at));
}
