using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Nodes;

/// <summary>Writes the IPv4 header of a packet that the gateway makes.</summary>
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
}
