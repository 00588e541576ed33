using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Gateway.Crypto.Aead;

namespace Gateway.Unit.Crypto;

/// <summary>The slow twin of the wide multiplier: lane by lane, on any processor with PCLMULQDQ.</summary>
internal readonly struct NarrowMultiplier : IWideMultiplier
{
    public static Vector512<ulong> LowLow(Vector512<ulong> blocks, Vector512<ulong> powers) => Each(blocks, powers, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x00));

    public static Vector512<ulong> HighLow(Vector512<ulong> blocks, Vector512<ulong> powers) => Each(blocks, powers, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x01));

    public static Vector512<ulong> LowHigh(Vector512<ulong> blocks, Vector512<ulong> powers) => Each(blocks, powers, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x10));

    public static Vector512<ulong> HighHigh(Vector512<ulong> blocks, Vector512<ulong> powers) => Each(blocks, powers, static (a, b) => Pclmulqdq.CarrylessMultiply(a, b, 0x11));

    private static Vector512<ulong> Each(Vector512<ulong> a, Vector512<ulong> b, Func<Vector128<ulong>, Vector128<ulong>, Vector128<ulong>> product) => Vector512.Create(
        Vector256.Create(product(a.GetLower().GetLower(), b.GetLower().GetLower()), product(a.GetLower().GetUpper(), b.GetLower().GetUpper())),
        Vector256.Create(product(a.GetUpper().GetLower(), b.GetUpper().GetLower()), product(a.GetUpper().GetUpper(), b.GetUpper().GetUpper())));
}
