using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Nodes;

/// <summary>Writes IPv4 headers of packets that the gateway makes, and mends others.</summary>
internal static unsafe class Ip4Header
{
    /// <summary>A header without options, with its checksum; addresses in host order.</summary>
    public static void Write(byte* ip, int totalLength, ushort id, byte ttl, byte protocol, uint source, uint destination, byte trafficClass = 0, bool dontFragment = false)
    {
        ip[0] = 0x45;
        ip[1] = trafficClass;
        Wire.Put16(ip + 2, totalLength);
        Wire.Put16(ip + 4, id);
        Wire.Put16(ip + 6, dontFragment ? 0x4000 : 0);
        ip[8] = ttl;
        ip[9] = protocol;
        Unsafe.WriteUnaligned(ip + 10, (ushort)0);
        Wire.Put32(ip + 12, source);
        Wire.Put32(ip + 16, destination);
        Unsafe.WriteUnaligned(ip + 10, Checksum.Fold(Checksum.Add(0, ip, 20)));
    }

    /// <summary>Changes DSCP and ECN, and the checksum with them (RFC 1624).</summary>
    public static void SetTrafficClass(byte* ip, byte trafficClass)
    {
        var before = Unsafe.ReadUnaligned<ushort>(ip);
        ip[1] = trafficClass;
        Unsafe.WriteUnaligned(ip + 10, Checksum.Update(Unsafe.ReadUnaligned<ushort>(ip + 10), before, Unsafe.ReadUnaligned<ushort>(ip)));
    }
}
