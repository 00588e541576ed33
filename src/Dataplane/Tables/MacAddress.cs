using System.Runtime.CompilerServices;

namespace Gateway.Dataplane.Tables;

/// <summary>MAC addresses as numbers: the six bytes in memory order, the first in the lowest eight bits.</summary>
internal static unsafe class MacAddress
{
    public const ulong Broadcast = 0xFFFF_FFFF_FFFF;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong Read(byte* at) => Unsafe.ReadUnaligned<uint>(at) | (ulong)Unsafe.ReadUnaligned<ushort>(at + 4) << 32;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* at, ulong mac)
    {
        Unsafe.WriteUnaligned(at, (uint)mac);
        Unsafe.WriteUnaligned(at + 4, (ushort)(mac >> 32));
    }

    /// <summary>Multicast or broadcast: the lowest bit of the first byte.</summary>
    public static bool IsGroup(ulong mac) => (mac & 1) != 0;

    public static ulong FromBytes(ReadOnlySpan<byte> bytes)
    {
        ulong mac = 0;
        for (var i = 5; i >= 0; i--) mac = mac << 8 | bytes[i];
        return mac;
    }

    public static byte[] ToBytes(ulong mac)
    {
        var bytes = new byte[6];
        for (var i = 0; i < 6; i++) bytes[i] = (byte)(mac >> (8 * i));
        return bytes;
    }
}
