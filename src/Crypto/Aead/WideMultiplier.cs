using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Crypto.Aead;

/// <summary>The four products of a schoolbook multiplication, on four blocks at once; tests put 128-bit products in its place.</summary>
internal interface IWideMultiplier
{
    static abstract Vector512<ulong> LowLow(Vector512<ulong> blocks, Vector512<ulong> powers);

    static abstract Vector512<ulong> HighLow(Vector512<ulong> blocks, Vector512<ulong> powers);

    static abstract Vector512<ulong> LowHigh(Vector512<ulong> blocks, Vector512<ulong> powers);

    static abstract Vector512<ulong> HighHigh(Vector512<ulong> blocks, Vector512<ulong> powers);
}

/// <summary>VPCLMULQDQ on 512-bit registers.</summary>
internal readonly struct Vpclmulqdq : IWideMultiplier
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> LowLow(Vector512<ulong> blocks, Vector512<ulong> powers) => Pclmulqdq.V512.CarrylessMultiply(blocks, powers, 0x00);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> HighLow(Vector512<ulong> blocks, Vector512<ulong> powers) => Pclmulqdq.V512.CarrylessMultiply(blocks, powers, 0x01);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> LowHigh(Vector512<ulong> blocks, Vector512<ulong> powers) => Pclmulqdq.V512.CarrylessMultiply(blocks, powers, 0x10);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<ulong> HighHigh(Vector512<ulong> blocks, Vector512<ulong> powers) => Pclmulqdq.V512.CarrylessMultiply(blocks, powers, 0x11);
}
