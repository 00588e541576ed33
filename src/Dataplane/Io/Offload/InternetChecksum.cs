using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Dataplane.Io.Offload;

/// <summary>
/// The ones' complement sum of RFC 1071. Words are read in the machine's order and the result is stored in the same way, which gives the right bytes on any machine (§2 (B)).
/// </summary>
internal static unsafe class InternetChecksum
{
    /// <summary>Adds the 16-bit words of a range to a running sum; an odd last byte counts as a word with a zero after it. Ranges must begin at even distances from each other.</summary>
    public static ulong Add(ulong sum, byte* data, int length)
    {
        byte* end = data + length;
        if (Vector256.IsHardwareAccelerated && length >= 64)
        {
            // Two lanes of 32-bit halves in 64-bit counters: no carry is lost below 2^32 rounds.
            Vector256<ulong> low = Vector256.Create(0xFFFF_FFFFul), even = default, odd = default;
            for (; end - data >= 32; data += 32)
            {
                Vector256<ulong> words = Unsafe.ReadUnaligned<Vector256<ulong>>(data);
                even += words & low;
                odd += words >>> 32;
            }

            sum = AddWithCarry(sum, Vector256.Sum(even));
            sum = AddWithCarry(sum, Vector256.Sum(odd));
        }

        for (; end - data >= 4; data += 4) sum = AddWithCarry(sum, Unsafe.ReadUnaligned<uint>(data));
        if (end - data >= 2)
        {
            sum = AddWithCarry(sum, Unsafe.ReadUnaligned<ushort>(data));
            data += 2;
        }

        if (data < end) sum = AddWithCarry(sum, BitConverter.IsLittleEndian ? *data : (ulong)*data << 8);
        return sum;
    }

    /// <summary>Adds a number that stands in network order on the wire.</summary>
    public static ulong AddNetwork(ulong sum, ushort value) =>
        AddWithCarry(sum, BitConverter.IsLittleEndian ? BinaryPrimitives.ReverseEndianness(value) : value);

    /// <summary>The checksum field for a sum, to be stored in the machine's order.</summary>
    public static ushort Finish(ulong sum)
    {
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF_FFFF) + (sum >> 32);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~sum;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ulong AddWithCarry(ulong sum, ulong value)
    {
        sum += value;
        return sum < value ? sum + 1 : sum;
    }
}
