using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;

namespace Gateway.Crypto.Aead;

/// <summary>
/// The cryptographic extension of ARMv8. AESE adds a key, then substitutes and shifts; AESMC mixes columns, and cores fuse it with the AESE before it. The
/// state between two rounds is therefore what MixColumns left, and the key of that round is added by the next.
/// </summary>
internal readonly unsafe struct ArmCipherUnit<TArm> : ICipherUnit
    where TArm : struct, IArmCrypto
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> FirstRound(Vector128<byte> block, Vector128<byte>* roundKeys) => TArm.Aesmc(TArm.Aese(block, roundKeys[0]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> state, Vector128<byte>* roundKey) => TArm.Aesmc(TArm.Aese(state, roundKey[-1]));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey) => TArm.Aese(state, roundKey[-1]) ^ *roundKey;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey, Vector128<byte> text) =>
        TArm.Aese(state, roundKey[-1]) ^ (*roundKey ^ text);

    // With four equal columns ShiftRows changes nothing.
    public static uint SubWord(uint word) => TArm.Aese(Vector128.Create(word).AsByte(), default).AsUInt32().ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(Vector128<ulong> block, Vector128<ulong>* power, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high)
    {
        // PMULL takes halves of registers, for which the JIT copies whole ones; PMULL2 on swapped operands does the same without.
        var (x, y) = (SwapHalves(block), SwapHalves(*power));
        low ^= TArm.Pmull2(x, y);
        middle ^= TArm.Pmull2(block, y);
        middle ^= TArm.Pmull2(x, *power);
        high ^= TArm.Pmull2(block, *power);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> UpperTimesLower(Vector128<ulong> left, Vector128<ulong> right) => TArm.Pmull2(left, SwapHalves(right));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> SwapHalves(Vector128<ulong> value) =>
        AdvSimd.IsSupported ? AdvSimd.ExtractVector128(value, value, 1) : Vector128.Shuffle(value, Vector128.Create(1UL, 0UL));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SwapBytes(Vector128<byte> block) =>
        Vector128.Shuffle(block, Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LoadWord(uint* word) =>
        (AdvSimd.IsSupported ? AdvSimd.LoadAndInsertScalar(Vector128<uint>.Zero, 0, word) : Vector128.CreateScalar(*word)).AsByte();
}
