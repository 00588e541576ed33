using System.Runtime.CompilerServices;
using Gateway.Dataplane.Buffers;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Esp;

/// <summary>What esp-encrypt reads of the inner header.</summary>
internal unsafe interface IInnerFamily
{
    static abstract string EncryptNode { get; }
    static abstract string IcmpNode { get; }
    static abstract string FragmentNode { get; }
    static abstract byte NextHeader { get; }

    /// <summary>Every link must carry packets of this size unfragmented: an error that asks for less would be refused.</summary>
    static abstract int SmallestMtu { get; }
    static abstract byte TrafficClassOf(byte* ip);

    /// <summary>Whether the packet was put together on its way and has to leave in fragments again, although a router must not split it.</summary>
    static abstract bool CameInFragments(PacketMeta* meta);

    /// <summary>Whether a router must not split the packet.</summary>
    static abstract bool MustNotSplit(byte* ip);

    /// <summary>Whether routers on the outer way may split: what the inner header says, or for IPv6, which says nothing, that the packet is one that every way must carry.</summary>
    static abstract bool OuterMaySplit(byte* ip, int length);

    /// <summary>The error that asks the sender for smaller packets.</summary>
    static abstract ulong TooBig(uint mtu);

    /// <summary>Offset of the TCP header when the packet is TCP and begins with it; else 0.</summary>
    static abstract int TcpAt(byte* ip);

    /// <summary>IP and TCP headers without options.</summary>
    static abstract int TcpOverhead { get; }
}

/// <inheritdoc/>
internal readonly unsafe struct InnerIp4 : IInnerFamily
{
    public static string EncryptNode => NodeNames.Esp4Encrypt;
    public static string IcmpNode => NodeNames.Icmp4Error;
    public static string FragmentNode => NodeNames.Ip4Fragment;
    public static byte NextHeader => EspPayload.NextIp4;

    // RFC 791 §3.2.
    public static int SmallestMtu => 68;
    public static int TcpOverhead => 40;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte TrafficClassOf(byte* ip) => ip[1];

    public static bool CameInFragments(PacketMeta* meta) => false;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MustNotSplit(byte* ip) => (ip[6] & 0x40) != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OuterMaySplit(byte* ip, int length) => (ip[6] & 0x40) == 0;

    public static ulong TooBig(uint mtu) => IcmpError.FragmentationNeeded4(mtu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TcpAt(byte* ip) => ip[9] == 6 && (Wire.U16(ip + 6) & 0x1FFF) == 0 ? (ip[0] & 15) * 4 : 0;
}

/// <inheritdoc/>
internal readonly unsafe struct InnerIp6 : IInnerFamily
{
    public static string EncryptNode => NodeNames.Esp6Encrypt;
    public static string IcmpNode => NodeNames.Icmp6Error;
    public static string FragmentNode => NodeNames.Ip6Fragment;
    public static byte NextHeader => EspPayload.NextIp6;

    // RFC 8200 §5.
    public static int SmallestMtu => 1280;
    public static int TcpOverhead => 60;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static byte TrafficClassOf(byte* ip) => (byte)(Wire.U16(ip) >> 4);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool CameInFragments(PacketMeta* meta) => meta->FragmentSize != 0;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool MustNotSplit(byte* ip) => true;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool OuterMaySplit(byte* ip, int length) => length <= SmallestMtu;

    public static ulong TooBig(uint mtu) => IcmpError.PacketTooBig6(mtu);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int TcpAt(byte* ip) => ip[6] == 6 ? 40 : 0;
}
