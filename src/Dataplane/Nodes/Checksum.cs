using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;

namespace Gateway.Dataplane.Nodes;

/// <summary>
/// The Internet checksum (RFC 1071). Sums are kept over 16-bit words as they lie in memory, which gives the right bytes on any processor; a partial sum is a plain number
/// until <see cref="Fold"/>.
/// </summary>
internal static unsafe class Checksum
{
    /// <summary>Adds bytes to a partial sum; an odd last byte is padded with zero.</summary>
    public static ulong Add(ulong sum, byte* at, int length)
    {
        ulong a = 0, b = 0;
        for (; length >= 16; length -= 16, at += 16)
        {
            var first = Unsafe.ReadUnaligned<ulong>(at);
            var second = Unsafe.ReadUnaligned<ulong>(at + 8);
            a += (first & 0xFFFF_FFFF) + (second & 0xFFFF_FFFF);
            b += (first >> 32) + (second >> 32);
        }
        sum += Half(a) + Half(b);
        for (; length >= 2; length -= 2, at += 2) sum += Unsafe.ReadUnaligned<ushort>(at);
        if (length != 0) sum += *at;
        return sum;
    }

    /// <summary>The partial sum of an IPv4 header without options, whose words are at hand.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Ip4Header(ulong first, ulong second, uint third) => (uint)first + (first >> 32) + (uint)second + (second >> 32) + third;

    /// <summary>The checksum of a partial sum, to be stored as it is; 0 over data that holds its right checksum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Fold(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    /// <summary>Adds bytes of a packet that may be a chain; the offset counts from the current header.</summary>
    public static ulong AddPacket(ulong sum, PacketPool pool, uint index, int offset, int length)
    {
        var odd = false;
        for (; index != 0 && length > 0; index = pool.Meta(index)->Next)
        {
            int here = pool.Meta(index)->Length;
            if (offset >= here)
            {
                offset -= here;
                continue;
            }
            var count = Math.Min(here - offset, length);
            ulong part = (ushort)~Fold(Add(0, pool.Data(index) + offset, count));
            // Behind an odd number of bytes the words lie the other way round.
            sum += odd ? (part << 8 | part >> 8) & 0xFFFF : part;
            odd ^= (count & 1) != 0;
            length -= count;
            offset = 0;
        }
        return sum;
    }

    /// <summary>The pseudo header of IPv4 with its addresses at that place (RFC 9293 §3.1, RFC 768).</summary>
    public static ulong Pseudo4(byte* addresses, byte protocol, int length) =>
        Add(0, addresses, 8) + BitConverterBig((ushort)protocol) + BitConverterBig((ushort)length);

    /// <summary>The pseudo header of IPv6 (RFC 8200 §8.1).</summary>
    public static ulong Pseudo6(byte* addresses, byte protocol, int length) =>
        Add(0, addresses, 32) + BitConverterBig((ushort)protocol) + BitConverterBig((ushort)length) + BitConverterBig((ushort)(length >> 16));

    /// <summary>RFC 1624 equation 3: the checksum after a 16-bit word (as in memory) changed.</summary>
    public static ushort Update(ushort checksum, ushort before, ushort after) => Fold((ulong)(ushort)~checksum + (ushort)~before + after);

    private static ulong Half(ulong sum) => (sum & 0xFFFF) + (sum >> 16 & 0xFFFF) + (sum >> 32 & 0xFFFF) + (sum >> 48);

    private static ulong BitConverterBig(ushort value) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(value);
}
