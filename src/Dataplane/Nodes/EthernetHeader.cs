using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using Gateway.Dataplane.Tables;

namespace Gateway.Dataplane.Nodes;

/// <summary>Makes and writes Ethernet headers.</summary>
internal static unsafe class EthernetHeader
{
    /// <summary>A header as <see cref="Adjacency.Header"/> holds it.</summary>
    public static Vector128<byte> Make(ulong destination, ulong source, ushort type)
    {
        Span<byte> bytes = stackalloc byte[16];
        bytes.Clear();
        fixed (byte* at = bytes)
        {
            MacAddress.Write(at, destination);
            MacAddress.Write(at + 6, source);
            Wire.Put16(at + 12, type);
        }
        return Vector128.Create<byte>(bytes);
    }

    /// <summary>Writes a next hop's header. It is read in one piece: the control side may change it at any moment.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Write(byte* at, Adjacency* adjacency)
    {
        var header = adjacency->Header;
        var words = header.AsUInt64();
        Unsafe.WriteUnaligned(at, words.GetElement(0));
        Unsafe.WriteUnaligned(at + 8, (uint)words.GetElement(1));
        Unsafe.WriteUnaligned(at + 12, (ushort)(words.GetElement(1) >> 32));
    }
}
