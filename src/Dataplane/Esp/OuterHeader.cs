using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Esp;

/// <summary>Writes the headers in front of an outbound ESP packet from the SA's <see cref="SaPath"/> (RFC 4301 §5.1.2, RFC 3948 §2.1).</summary>
internal static unsafe class OuterHeader
{
    private const int Ip4 = 20, Ip6 = 40, Udp = 8;

    /// <param name="total">Length of the outer packet.</param>
    /// <param name="class">Traffic class of the inner packet.</param>
    /// <param name="maySplit">The inner packet has no DF, or is so small that routers must be able to carry it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* at, SaPath* path, SaEntry* sa, int total, byte @class, bool maySplit)
    {
        // RFC 4301 §5.1.2.1: DSCP and DF are copied or not as the SA says; RFC 6040 §4.1: ECN is copied in normal mode, 0 in compatibility mode.
        var dscp = (sa->Flags & SaFlags.CopyDscpOut) != 0 ? @class & 0xFC : 0;
        var outer = dscp | ((sa->Flags & SaFlags.CopyEcn) != 0 ? @class & 3 : 0);
        Unsafe.CopyBlockUnaligned(at, path->Header, (uint)path->HeaderLength);
        if (path->V6)
        {
            BigEndian.Write16(at, (ushort)(0x6000 | outer << 4));
            BigEndian.Write16(at + 4, (ushort)(total - Ip6));
            if (path->Udp) BigEndian.Write16(at + Ip6 + 4, (ushort)(total - Ip6));
            return;
        }
        var dontSplit = !maySplit && (sa->Flags & SaFlags.CopyDf) != 0;
        // RFC 6864 §4.1: only what can be fragmented needs an identification.
        var identification = dontSplit ? 0u : (ushort)sa->Out.Identification++;
        var fragment = dontSplit ? 0x4000u : 0;
        at[1] = (byte)outer;
        BigEndian.Write16(at + 2, (ushort)total);
        BigEndian.Write16(at + 4, (ushort)identification);
        BigEndian.Write16(at + 6, (ushort)fragment);
        var sum = path->Sum + (uint)outer + (uint)total + identification + fragment;
        sum = (sum & 0xFFFF) + (sum >> 16);
        BigEndian.Write16(at + 10, (ushort)~((sum & 0xFFFF) + (sum >> 16)));
        // RFC 3948 §2.1: the UDP checksum over IPv4 is zero, as the header has it.
        if (path->Udp) BigEndian.Write16(at + Ip4 + 4, (ushort)(total - Ip4));
    }

    /// <summary>RFC 8200 §8.1: over IPv6 UDP has a checksum.</summary>
    public static void SumUdp6(byte* at, SaPath* path)
    {
        var udp = at + Ip6;
        int length = BigEndian.Read16(udp + 4);
        // The pseudo header and the ports are in the path's sum; the length counts twice, in the pseudo header and in the header.
        var sum = path->Sum + 2 * (ulong)length;
        for (var i = Udp; i + 1 < length; i += 2) sum += BigEndian.Read16(udp + i);
        if ((length & 1) != 0) sum += (uint)udp[length - 1] << 8;
        while (sum >> 16 != 0) sum = (sum & 0xFFFF) + (sum >> 16);
        BigEndian.Write16(udp + 6, sum == 0xFFFF ? ushort.MaxValue : (ushort)~sum);
    }
}
