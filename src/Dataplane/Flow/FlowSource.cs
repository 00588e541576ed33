using System.Runtime.CompilerServices;
using Gateway.Dataplane.Nodes;

namespace Gateway.Dataplane.Flow;

/// <summary>
/// Who a flow is counted for: an IPv4 address; of IPv6 the network that one site has (RFC 6177), since whoever has a /64 has as many addresses as they like.
/// </summary>
/// <param name="Address">IPv6 left-aligned, the host's bits 0.</param>
/// <param name="Vrf">With the highest bit for IPv6.</param>
internal readonly record struct FlowSource(UInt128 Address, uint Vrf)
{
    private const uint Ip6 = 0x8000_0000;

    public static FlowSource Of(in FlowKey key) => new(key.Source, key.Vrf);

    /// <param name="address">The source in the packet.</param>
    /// <param name="vrf">The packet's VRF.</param>
    /// <param name="prefix">Bits of the address that count.</param>
    public static unsafe FlowSource Of(byte* address, uint vrf, int prefix)
    {
        var whole = new UInt128(Wire.U64(address), Wire.U64(address + 8));
        return new FlowSource(prefix >= 128 ? whole : whole & ~(UInt128.MaxValue >> prefix), vrf | Ip6);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public uint Hash(ulong seed)
    {
        var high = Math.BigMul((ulong)(Address >> 64) ^ seed, ((ulong)Address ^ (ulong)Vrf << 32) + 0x9E37_79B9_7F4A_7C15, out var low);
        high = Math.BigMul(high ^ low ^ (ulong)Address ^ (ulong)Vrf << 32 ^ seed, 0x9E37_79B9_7F4A_7C15, out low);
        return (uint)(high ^ low);
    }
}
