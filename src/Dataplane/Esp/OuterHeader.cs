using System.Runtime.CompilerServices;
using Gateway.Dataplane.Graph;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>Writes the headers in front of an outbound ESP packet from the SA's <see cref="SaPath"/> (RFC 4301 §5.1.2, RFC 3948 §2.1).</summary>
internal static unsafe class OuterHeader
{
    private const int Ip4 = 20, Ip6 = 40;
    private const byte Protocol = 17;

    /// <param name="total">Length of the outer packet.</param>
    /// <param name="class">Traffic class of the inner packet.</param>
    /// <param name="maySplit">The inner packet has no DF, or is so small that routers must be able to carry it.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* at, SaPath* path, SaFlags flags, int total, byte @class, bool maySplit, WorkerContext context)
    {
        // RFC 4301 §5.1.2.1: DSCP and DF are copied or not as the SA says; RFC 6040 §4.1: ECN is copied in normal mode, 0 in compatibility mode.
        var dscp = (flags & SaFlags.CopyDscpOut) != 0 ? @class & 0xFC : 0;
        var outer = dscp | ((flags & SaFlags.CopyEcn) != 0 ? @class & 3 : 0);
        Copy(at, path);
        if (path->V6)
        {
            Wire.Put16(at, 0x6000 | outer << 4);
            Wire.Put16(at + 4, total - Ip6);
            if (path->Udp) Wire.Put16(at + Ip6 + 4, total - Ip6);
            return;
        }
        var dontSplit = !maySplit && (flags & SaFlags.CopyDf) != 0;
        // RFC 6864 §4.1: only what can be fragmented needs an identification.
        var identification = dontSplit ? 0u : context.NextIp4Id();
        var fragment = dontSplit ? 0x4000u : 0;
        at[1] = (byte)outer;
        Wire.Put16(at + 2, total);
        Wire.Put16(at + 4, (int)identification);
        Wire.Put16(at + 6, (int)fragment);
        var sum = path->Sum + (uint)outer + (uint)total + identification + fragment;
        sum = (sum & 0xFFFF) + (sum >> 16);
        Wire.Put16(at + 10, (int)~((sum & 0xFFFF) + (sum >> 16)));
        // RFC 3948 §2.1: the UDP checksum over IPv4 is zero, as the header has it.
        if (path->Udp) Wire.Put16(at + Ip4 + 4, total - Ip4);
    }

    /// <summary>20, 28, 40 or 48 bytes: lengths that the compiler knows take a few instructions, one that it does not takes a call.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy(byte* at, SaPath* path)
    {
        if (!path->V6) Unsafe.CopyBlockUnaligned(at, path->Header, Ip4);
        else Unsafe.CopyBlockUnaligned(at, path->Header, Ip6);
        if (path->Udp) Unsafe.WriteUnaligned(at + path->IpLength, Unsafe.ReadUnaligned<ulong>(path->Header + path->IpLength));
    }

    /// <summary>RFC 8200 §8.1: over IPv6 UDP has a checksum.</summary>
    /// <param name="header">Bytes before UDP.</param>
    public static void SumUdp6(byte* at, int header)
    {
        var udp = at + header;
        int length = Wire.U16(udp + 4);
        Unsafe.WriteUnaligned(udp + 6, (ushort)0);
        var sum = Checksum.Fold(Checksum.Pseudo6(at + 8, Protocol, length) + Checksum.Add(0, udp, length));
        // RFC 768: a sum of zero is sent as all ones, since zero says that there is none.
        Unsafe.WriteUnaligned(udp + 6, sum == 0 ? ushort.MaxValue : sum);
    }
}
