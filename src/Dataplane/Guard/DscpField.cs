using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Guard;

/// <summary>
/// The differentiated services code point (RFC 2474 §3): the upper six bits of IPv4's type of service and of IPv6's traffic class. The lower two are congestion's (RFC 3168 §5) and are left alone.
/// </summary>
internal static unsafe class DscpField
{
    public static int Read(byte* ip) => ip[0] >> 4 == 4 ? ip[1] >> 2 : (Wire.U16(ip) >> 6) & 0x3F;

    public static void Write(byte* ip, byte dscp)
    {
        if (ip[0] >> 4 != 4)
        {
            Wire.Put16(ip, (Wire.U16(ip) & ~0x0FC0) | dscp << 6);
            return;
        }

        var before = Wire.U16(ip);
        var after = (ushort)((before & 0xFF03) | dscp << 2);
        if (after == before) return;
        Wire.Put16(ip, after);
        // RFC 1624 §3.
        Wire.Put16(ip + 10, Checksum.Update(Wire.U16(ip + 10), before, after));
    }
}
