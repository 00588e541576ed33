using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>Loads and stores of 0 to 15 bytes that touch nothing beyond them.</summary>
internal static unsafe class PartialBlock
{
    /// <summary>The bytes, followed by zeros.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Load(byte* from, int length) => length >= 8
        ? Vector128.Create(*(ulong*)from, Word(from + 8, length - 8)).AsByte()
        : Vector128.Create(Word(from, length), 0UL).AsByte();

    /// <summary>Stores the first <paramref name="length"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Store(byte* to, Vector128<byte> block, int length)
    {
        var words = block.AsUInt64();
        var word = words.ToScalar();
        if (length >= 8)
        {
            *(ulong*)to = word;
            to += 8;
            length -= 8;
            word = words.GetElement(1);
        }
        if ((length & 4) != 0)
        {
            *(uint*)to = (uint)word;
            to += 4;
            word >>= 32;
        }
        if ((length & 2) != 0)
        {
            *(ushort*)to = (ushort)word;
            to += 2;
            word >>= 16;
        }
        if ((length & 1) != 0) *to = (byte)word;
    }

    /// <summary>All ones in the first <paramref name="length"/> bytes, zeros after.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Mask(int length) =>
        Vector128.GreaterThan(Vector128.Create((sbyte)length), Vector128<sbyte>.Indices).AsByte();

    // Up to 7 bytes in two loads that may overlap.
    private static ulong Word(byte* from, int length) => length switch
    {
        >= 4 => *(uint*)from | ((ulong)*(uint*)(from + length - 4) << (8 * (length - 4))),
        >= 2 => *(ushort*)from | ((ulong)*(ushort*)(from + length - 2) << (8 * (length - 2))),
        1 => *from,
        _ => 0,
    };
}
