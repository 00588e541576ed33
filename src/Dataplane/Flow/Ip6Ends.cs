using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;

namespace Gateway.Dataplane.Flow;

/// <summary>Both addresses of an IPv6 flow as its originator's packets have them, source first, in the order of the packet's bytes.</summary>
[StructLayout(LayoutKind.Sequential, Size = 32)]
internal unsafe struct Ip6Ends
{
    public fixed byte Bytes[32];

    /// <summary>Whether a packet has these addresses, or as an answer the same the other way round.</summary>
    /// <param name="stored">Of the flow.</param>
    /// <param name="seen">The source address in the packet, which the destination follows.</param>
    /// <param name="reply">The packet is an answer.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Match(Ip6Ends* stored, byte* seen, bool reply)
    {
        var addresses = Vector256.Load(seen);
        if (reply) addresses = Vector256.Create(addresses.GetUpper(), addresses.GetLower());
        return Vector256.Load((byte*)stored) == addresses;
    }

    /// <summary>Takes the addresses of a packet, or of one that would answer it.</summary>
    public static void Copy(Ip6Ends* to, byte* seen, bool reversed = false)
    {
        var addresses = Vector256.Load(seen);
        if (reversed) addresses = Vector256.Create(addresses.GetUpper(), addresses.GetLower());
        addresses.Store((byte*)to);
    }

    /// <summary>A worker by both addresses and ports, the same for both directions.</summary>
    public static int Owner(byte* ends, in FlowKey key, int workers)
    {
        if (workers <= 1) return 0;
        var both = Unsafe.ReadUnaligned<ulong>(ends) + Unsafe.ReadUnaligned<ulong>(ends + 16);
        both += (Unsafe.ReadUnaligned<ulong>(ends + 8) ^ Unsafe.ReadUnaligned<ulong>(ends + 24)) * 0xD6E8_FEB8_6659_FD93;
        both ^= (ulong)(key.Ports + (key.Ports >> 16 | key.Ports << 16)) << 13;
        return (int)((both * 0x9E37_79B9_7F4A_7C15 >> 33) % (ulong)workers);
    }
}

/// <summary>
/// What makes a <see cref="FlowKey"/> of IPv6 addresses: a hash of each stands in its place, so that an IPv6 flow lies in the same table as any other and is found in the same way. The addresses themselves lie
/// beside the table and are compared when the key was found. Nobody can aim at two addresses with one hash without knowing the seed; where chance makes such, the second flow is refused.
/// </summary>
internal readonly record struct Ip6Seed(ulong A, ulong B)
{
    /// <param name="ends">The source address, which the destination follows.</param>
    /// <param name="rest">The second word of the key.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public unsafe FlowKey Key(byte* ends, ulong rest) => new(Hash(ends) | (ulong)Hash(ends + 16) << 32, rest | FlowKey.Ip6Bit);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private unsafe uint Hash(byte* address)
    {
        var high = Math.BigMul(Unsafe.ReadUnaligned<ulong>(address) ^ A, Unsafe.ReadUnaligned<ulong>(address + 8) ^ B, out var low);
        return (uint)((high ^ low) >> 32);
    }
}
