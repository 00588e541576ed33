namespace Gateway.Dataplane.Nodes;

/// <summary>Writes IPv6 headers of packets that the gateway makes, and mends others.</summary>
internal static unsafe class Ip6Header
{
    public const int Length = 40;

    public static void Write(
        byte* ip,
        int payload,
        byte next,
        byte hopLimit,
        ulong sourceHigh,
        ulong sourceLow,
        ulong destinationHigh,
        ulong destinationLow,
        byte trafficClass = 0,
        uint flowLabel = 0)
    {
        Wire.Put32(ip, 6u << 28 | (uint)trafficClass << 20 | (flowLabel & 0xFFFFF));
        Wire.Put16(ip + 4, payload);
        ip[6] = next;
        ip[7] = hopLimit;
        Wire.Put64(ip + 8, sourceHigh);
        Wire.Put64(ip + 16, sourceLow);
        Wire.Put64(ip + 24, destinationHigh);
        Wire.Put64(ip + 32, destinationLow);
    }

    /// <summary>DSCP and ECN.</summary>
    public static byte TrafficClassOf(byte* ip) => (byte)(Wire.U16(ip) >> 4);

    /// <summary>Changes DSCP and ECN.</summary>
    public static void SetTrafficClass(byte* ip, byte trafficClass) => Wire.Put16(ip, Wire.U16(ip) & 0xF00F | trafficClass << 4);
}
