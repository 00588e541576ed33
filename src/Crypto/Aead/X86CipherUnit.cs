using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using Aes = System.Runtime.Intrinsics.X86.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>AES-NI and PCLMULQDQ on 128-bit registers. The state between two rounds has the round key in it.</summary>
internal readonly unsafe struct X86CipherUnit : ICipherUnit
{
    internal static bool IsSupported => Aes.IsSupported && Pclmulqdq.IsSupported && Ssse3.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> FirstRound(Vector128<byte> block, Vector128<byte>* roundKeys) => Aes.Encrypt(block ^ roundKeys[0], roundKeys[1]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Round(Vector128<byte> state, Vector128<byte>* roundKey) => Aes.Encrypt(state, *roundKey);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey) => Aes.EncryptLast(state, *roundKey);

    // The text goes into the last round key: xor commutes with AddRoundKey.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LastRound(Vector128<byte> state, Vector128<byte>* roundKey, Vector128<byte> text) => Aes.EncryptLast(state, *roundKey ^ text);

    // AESKEYGENASSIST puts SubWord of word 1 of its source into word 0 of its result.
    public static uint SubWord(uint word) => Aes.KeygenAssist(Vector128.Create(0, word, 0, 0).AsByte(), 0).AsUInt32().ToScalar();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void AddProduct(Vector128<ulong> block, Vector128<ulong>* power, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high)
    {
        low ^= Pclmulqdq.CarrylessMultiply(block, *power, 0x00);
        middle ^= Pclmulqdq.CarrylessMultiply(block, *power, 0x01);
        middle ^= Pclmulqdq.CarrylessMultiply(block, *power, 0x10);
        high ^= Pclmulqdq.CarrylessMultiply(block, *power, 0x11);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> UpperTimesLower(Vector128<ulong> left, Vector128<ulong> right) => Pclmulqdq.CarrylessMultiply(left, right, 0x01);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> SwapHalves(Vector128<ulong> value) => Sse2.Shuffle(value.AsUInt32(), 0x4E).AsUInt64();

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> SwapBytes(Vector128<byte> block) =>
        Ssse3.Shuffle(block, Vector128.Create((byte)15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> LoadWord(uint* word) => Sse2.LoadScalarVector128(word).AsByte();
}
