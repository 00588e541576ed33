using System.Buffers.Binary;
using System.Net;

namespace Gateway.Bench.Io;

/// <summary>An Ethernet frame with a UDP datagram over IPv4.</summary>
internal static class UdpFrame
{
    /// <param name="size">Bytes of the IP packet.</param>
    internal static byte[] Make(byte[] to, byte[] from, string source, string destination, int size)
    {
        var frame = new byte[14 + size];
        to.CopyTo(frame, 0);
        from.CopyTo(frame, 6);
        frame[12] = 8;
        var ip = frame.AsSpan(14);
        ip[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(ip[2..], (ushort)size);
        (ip[8], ip[9]) = (64, 17);
        IPAddress.Parse(source).GetAddressBytes().CopyTo(ip[12..]);
        IPAddress.Parse(destination).GetAddressBytes().CopyTo(ip[16..]);
        var sum = 0u;
        for (var i = 0; i < 20; i += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(ip[i..]);
        BinaryPrimitives.WriteUInt16BigEndian(ip[10..], (ushort)~((sum & 0xFFFF) + (sum >> 16)));
        BinaryPrimitives.WriteUInt16BigEndian(ip[20..], 1000);
        BinaryPrimitives.WriteUInt16BigEndian(ip[22..], 2000);
        BinaryPrimitives.WriteUInt16BigEndian(ip[24..], (ushort)(size - 20));
        return frame;
    }
}
