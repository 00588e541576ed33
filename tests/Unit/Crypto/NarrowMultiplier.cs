using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gateway.Crypto.Aead;

namespace Gateway.Unit.Crypto;

/// <summary>The slow twin of the wide multiplier: lane by lane, on any processor with PCLMULQDQ.</summary>
internal readonly unsafe struct NarrowMultiplier : IWideMultiplier
{
    public static Vector512<ulong> LowLow(Vector512<ulong> blocks, Vector512<ulong> powers)
    {
        for (var i = 0; i < 4; i++) Lane(&blocks, i) = Pclmulqdq.CarrylessMultiply(Lane(&blocks, i), Lane(&powers, i), 0x00);
        return blocks;
    }

    public static Vector512<ulong> HighLow(Vector512<ulong> blocks, Vector512<ulong> powers)
    {
        for (var i = 0; i < 4; i++) Lane(&blocks, i) = Pclmulqdq.CarrylessMultiply(Lane(&blocks, i), Lane(&powers, i), 0x01);
        return blocks;
    }

    public static Vector512<ulong> LowHigh(Vector512<ulong> blocks, Vector512<ulong> powers)
    {
        for (var i = 0; i < 4; i++) Lane(&blocks, i) = Pclmulqdq.CarrylessMultiply(Lane(&blocks, i), Lane(&powers, i), 0x10);
        return blocks;
    }

    public static Vector512<ulong> HighHigh(Vector512<ulong> blocks, Vector512<ulong> powers)
    {
        for (var i = 0; i < 4; i++) Lane(&blocks, i) = Pclmulqdq.CarrylessMultiply(Lane(&blocks, i), Lane(&powers, i), 0x11);
        return blocks;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static ref Vector128<ulong> Lane(Vector512<ulong>* vector, int i) => ref ((Vector128<ulong>*)vector)[i];
}
