using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// What the packets of one direction of a flow have in common, in two words.
/// <code>
/// Addresses  source (0..31), destination (32..63), as they lie in the packet
/// Rest       source port (0..15) and destination port (16..31) as in the packet, protocol (32..39), VRF (40..51), kind of ICMP query (52..55), IPv6 (56)
/// </code>
/// An ICMP query has its identifier as source port and none as destination, its answer the other way round (RFC 5508 §3.1): so an answer is the reverse of its query as with any other protocol.
/// Of IPv6 a hash stands for each address (<see cref="Ip6Seed"/>).
/// </summary>
[StructLayout(LayoutKind.Sequential, Size = 16)]
internal readonly record struct FlowKey(ulong Addresses, ulong Rest)
{
    public const int MaxVrf = 0xFFF;

    public const ulong Ip6Bit = 1ul << 56;

    /// <summary>Where the VRF stands in <see cref="Rest"/>.</summary>
    public const ulong VrfMask = (ulong)MaxVrf << 40;

    public static FlowKey Of(uint source, uint destination, ushort sourcePort, ushort destinationPort, byte protocol, uint vrf, byte icmpKind = 0) =>
        new(Raw(source) | (ulong)Raw(destination) << 32, Pack(Raw(sourcePort) | (uint)Raw(destinationPort) << 16, protocol, vrf, icmpKind));

    /// <summary>The second word, of ports as in the packet.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Pack(uint ports, byte protocol, uint vrf, byte icmpKind) => ports | (ulong)protocol << 32 | (ulong)(vrf & MaxVrf) << 40 | (ulong)icmpKind << 52;

    /// <summary>The key of what goes the other way.</summary>
    public FlowKey Reverse
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => new(Addresses >> 32 | Addresses << 32, (Rest & ~0xFFFF_FFFFul) | (Rest >> 16 & 0xFFFF) | (Rest & 0xFFFF) << 16);
    }

    public uint Source => Raw((uint)Addresses);

    public uint Destination => Raw((uint)(Addresses >> 32));

    /// <summary>Both ports as they lie in the packet.</summary>
    public uint Ports => (uint)Rest;

    public ushort SourcePort => Raw((ushort)Rest);

    public ushort DestinationPort => Raw((ushort)(Rest >> 16));

    public byte Protocol => (byte)(Rest >> 32);

    public uint Vrf => (uint)(Rest >> 40) & MaxVrf;

    public byte IcmpKind => (byte)(Rest >> 52 & 15);

    public bool IsIp6 => (Rest & Ip6Bit) != 0;

    /// <summary>The same with another source.</summary>
    public FlowKey WithSource(uint address, ushort port) => new((Addresses & ~0xFFFF_FFFFul) | Raw(address), (Rest & ~0xFFFFul) | Raw(port));

    /// <summary>The same with another destination.</summary>
    public FlowKey WithDestination(uint address, ushort port) =>
        new((uint)Addresses | (ulong)Raw(address) << 32, (Rest & ~0xFFFF_0000ul) | (ulong)Raw(port) << 16);

    /// <summary>The same in another VRF.</summary>
    public FlowKey WithVrf(uint vrf) => new(Addresses, (Rest & ~VrfMask) | (ulong)(vrf & MaxVrf) << 40);

    /// <summary>A hash that nobody can aim at without knowing the seed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public ulong Hash(ulong seed)
    {
        var high = Math.BigMul(Addresses ^ seed, (Rest + seed) ^ 0x9E37_79B9_7F4A_7C15, out var low);
        high = Math.BigMul(high ^ low ^ seed, 0xD6E8_FEB8_6659_FD93, out low);
        return high ^ low;
    }

    private static uint Raw(uint value) => BinaryPrimitives.ReverseEndianness(value);

    private static ushort Raw(ushort value) => BinaryPrimitives.ReverseEndianness(value);
}
