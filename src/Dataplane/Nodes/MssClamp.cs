using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Nodes;

/// <summary>Lowers the maximum segment size that a TCP SYN announces (RFC 9293 §3.7.1), so that no segment is too big for the way behind.</summary>
internal static unsafe class MssClamp
{
    /// <param name="tcp">The TCP header of a packet that is no later fragment.</param>
    /// <param name="available">Bytes from there on in this chunk.</param>
    /// <param name="most">Largest segment that fits: the path's MTU less the IP and TCP headers.</param>
    /// <returns>Whether the segment size was changed.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Apply(byte* tcp, int available, int most) => available >= 24 && (tcp[13] & 2) != 0 && Lower(tcp, available, most);

    private static bool Lower(byte* tcp, int available, int most)
    {
        var header = (tcp[12] >> 4) * 4;
        if (header > available || most < 0) return false;
        for (var at = 20; at + 1 < header;)
        {
            var kind = tcp[at];
            if (kind == 0) return false;
            if (kind == 1)
            {
                at++;
                continue;
            }
            var length = tcp[at + 1];
            if (length < 2 || at + length > header) return false;
            if (kind == 2 && length == 4)
            {
                var mss = Wire.U16(tcp + at + 2);
                if (mss <= most) return false;
                Replace(tcp, at + 2, (ushort)most);
                return true;
            }
            at += length;
        }
        return false;
    }

    /// <summary>Writes the option and mends the checksum; the option may stand at an odd offset, so the change is made on bytes.</summary>
    private static void Replace(byte* tcp, int at, ushort value)
    {
        var from = at & ~1;
        var to = (at + 3) & ~1;
        var sum = Unsafe.ReadUnaligned<ushort>(tcp + 16);
        ulong change = (ushort)~sum;
        for (var i = from; i < to; i += 2) change += (ushort)~Unsafe.ReadUnaligned<ushort>(tcp + i);
        Wire.Put16(tcp + at, value);
        for (var i = from; i < to; i += 2) change += Unsafe.ReadUnaligned<ushort>(tcp + i);
        Unsafe.WriteUnaligned(tcp + 16, Checksum.Fold(change));
    }
}
