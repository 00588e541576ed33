using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using Aes = System.Runtime.Intrinsics.Arm.Aes;

namespace Gateway.Crypto.Aead;

/// <summary>The three instructions of ARM's cryptographic extension that AES-GCM takes; tests put plain arithmetic in their place.</summary>
internal interface IArmCrypto
{
    /// <summary>ShiftRows(SubBytes(state ^ key)).</summary>
    static abstract Vector128<byte> Aese(Vector128<byte> state, Vector128<byte> key);

    /// <summary>MixColumns.</summary>
    static abstract Vector128<byte> Aesmc(Vector128<byte> state);

    /// <summary>The carry-less product of the upper halves.</summary>
    static abstract Vector128<ulong> Pmull2(Vector128<ulong> left, Vector128<ulong> right);
}

/// <summary>The instructions themselves.</summary>
internal readonly struct Armv8Crypto : IArmCrypto
{
    internal static bool IsSupported => Aes.IsSupported && AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Aese(Vector128<byte> state, Vector128<byte> key) => Aes.Encrypt(state, key);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<byte> Aesmc(Vector128<byte> state) => Aes.MixColumns(state);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<ulong> Pmull2(Vector128<ulong> left, Vector128<ulong> right) => Aes.PolynomialMultiplyWideningUpper(left, right);
}
