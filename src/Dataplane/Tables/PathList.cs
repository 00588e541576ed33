using System.Runtime.CompilerServices;
using Gateway.Dataplane.Flow;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Tables;

/// <summary>
/// Several next hops between a route and their adjacencies: buckets that each hold an adjacency. A flow always meets the same bucket, so its packets keep their order; which one differs from gateway to gateway, so that
/// gateways in a row do not choose alike.
/// </summary>
internal static unsafe class PathList
{
    /// <summary>Of each list; the top eight bits of a flow's hash choose one.</summary>
    public const int Buckets = 256;

    private static readonly ulong _seed = (ulong)Random.Shared.NextInt64() | 1;

    /// <summary>Where the buckets are, in an adjacency of kind <see cref="AdjacencyKind.Multipath"/>.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static uint* BucketsOf(Adjacency* list) => (uint*)list->NextHopLow;

    /// <summary>The adjacency for the flow of an IPv4 packet.</summary>
    /// <param name="list">The list.</param>
    /// <param name="ip">The packet.</param>
    /// <param name="length">Bytes that lie in one piece.</param>
    /// <param name="origin">The source that the flow is known by (<see cref="FlowOrigin"/>); 0 that of the packet.</param>
    public static uint Choose4(Adjacency* list, byte* ip, int length, ulong origin = 0)
    {
        var header = (ip[0] & 15) * 4;
        uint ports = 0;
        // Fragments show no ports, and all of a datagram are one flow.
        if (ShowsPorts(ip[9]) && (Wire.U16(ip + 6) & 0x3FFF) == 0 && length >= header + 4) ports = Unsafe.ReadUnaligned<uint>(ip + header);
        var addresses = Unsafe.ReadUnaligned<ulong>(ip + 12);
        if (origin != 0)
        {
            addresses = (addresses & ~0xFFFF_FFFFul) | FlowOrigin.RawAddress(origin);
            if (ports != 0 && (ip[9] is 6 or 17)) ports = (ports & 0xFFFF_0000) | FlowOrigin.RawPort(origin);
        }
        return Choose(list, addresses, ports, ip[9]);
    }

    /// <summary>The adjacency for the flow of an IPv6 packet.</summary>
    /// <param name="list">The list.</param>
    /// <param name="ip">The packet.</param>
    /// <param name="length">Bytes that lie in one piece.</param>
    public static uint Choose6(Adjacency* list, byte* ip, int length)
    {
        uint ports = 0;
        if (ShowsPorts(ip[6]) && length >= Ip6Header.Length + 4) ports = Unsafe.ReadUnaligned<uint>(ip + Ip6Header.Length);
        var source = Unsafe.ReadUnaligned<ulong>(ip + 8) ^ (Unsafe.ReadUnaligned<ulong>(ip + 16) * 0x9E37_79B9_7F4A_7C15);
        var destination = Unsafe.ReadUnaligned<ulong>(ip + 24) ^ (Unsafe.ReadUnaligned<ulong>(ip + 32) * 0xC2B2_AE3D_27D4_EB4F);
        return Choose(list, source ^ System.Numerics.BitOperations.RotateLeft(destination, 29), ports, ip[6]);
    }

    /// <summary>TCP, UDP, DCCP, SCTP; the SPI of ESP stands in the same place.</summary>
    private static bool ShowsPorts(byte protocol) => protocol is 6 or 17 or 33 or 132 or 50;

    private static uint Choose(Adjacency* list, ulong addresses, uint ports, byte protocol)
    {
        var hash = (addresses ^ _seed) * 0xBF58_476D_1CE4_E5B9;
        hash = (hash ^ hash >> 31 ^ ports ^ (ulong)protocol << 32) * 0x94D0_49BB_1331_11EB;
        hash ^= hash >> 29;
        return Volatile.Read(ref BucketsOf(list)[(hash * 0x9E37_79B9_7F4A_7C15) >> 56]);
    }
}
