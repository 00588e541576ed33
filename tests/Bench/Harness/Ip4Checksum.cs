using System.Buffers.Binary;

namespace Gateway.Bench.Harness;

/// <summary>The checksum of IPv4 headers that a benchmark makes.</summary>
internal static class Ip4Checksum
{
    /// <summary>Writes it into a header of 20 bytes.</summary>
    internal static void Set(Span<byte> header)
    {
        header[10] = header[11] = 0;
        uint sum = 0;
        for (var at = 0; at < 20; at += 2) sum += BinaryPrimitives.ReadUInt16BigEndian(header[at..]);
        sum = (sum & 0xFFFF) + (sum >> 16);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], (ushort)~((sum & 0xFFFF) + (sum >> 16)));
    }
}
