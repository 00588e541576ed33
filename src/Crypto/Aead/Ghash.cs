using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Gateway.Crypto.Aead;

/// <summary>
/// GHASH (NIST SP 800-38D §6.4) with the carry-less multiplier.
/// <para>
/// GCM numbers bits from the left, the multiplier from the right. Blocks are therefore byte-swapped when loaded, and what remains of the
/// reflection is one factor of x per product. It is put into the key once: a power here is H^i · x, and then (X) · (H^i · x) comes out right.
/// </para>
/// <para>
/// X1·H^n + X2·H^(n-1) + … + Xn·H is summed without reduction in three parts (low, middle, high: the schoolbook products of the halves),
/// and reduced once per run of up to <see cref="AesGcmKeyBlock.Powers"/> blocks.
/// </para>
/// </summary>
internal static unsafe class Ghash
{
    /// <summary>x^128 + x^127 + x^126 + x^121 + 1, the field's polynomial in the reflected order, without its top bit.</summary>
    private static Vector128<ulong> Polynomial
    {
        [MethodImpl(MethodImplOptions.AggressiveInlining)]
        get => Vector128.Create(0x0000000000000001UL, 0xC200000000000000UL);
    }

    /// <summary>Adds block · power to the three sums. The block is already swapped.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static void Add<TUnit>(Vector128<byte> block, Vector128<ulong>* power, ref Vector128<ulong> low, ref Vector128<ulong> middle, ref Vector128<ulong> high)
        where TUnit : struct, ICipherUnit =>
        TUnit.AddProduct(block.AsUInt64(), power, ref low, ref middle, ref high);

    /// <summary>
    /// The 256-bit sum modulo the polynomial. The low quarter is cleared by adding a multiple of the polynomial, which moves it up by 64 bits;
    /// the same once more, and the upper half is the result.
    /// </summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static Vector128<byte> Reduce<TUnit>(Vector128<ulong> low, Vector128<ulong> middle, Vector128<ulong> high)
        where TUnit : struct, ICipherUnit
    {
        middle ^= TUnit.SwapHalves(low) ^ TUnit.UpperTimesLower(Polynomial, low);
        return (high ^ TUnit.SwapHalves(middle) ^ TUnit.UpperTimesLower(Polynomial, middle)).AsByte();
    }

    /// <summary>
    /// Fills the end of the table, which is where <paramref name="end"/> points, with H^n … H^1 (each times x) from H = E(K, 0). The powers known so far times the highest of them are as many again,
    /// and these products do not wait for each other.
    /// </summary>
    internal static void PreparePowers<TUnit>(Vector128<byte> h, Vector128<ulong>* end, int count)
        where TUnit : struct, ICipherUnit
    {
        end[-1] = TimesX(TUnit.SwapBytes(h).AsUInt64());
        for (var known = 1; known < count; known *= 2)
        {
            var highest = end - known;
            for (var i = 1; i <= Math.Min(known, count - known); i++)
            {
                Vector128<ulong> low = default, middle = default, high = default;
                Add<TUnit>(end[-i].AsByte(), highest, ref low, ref middle, ref high);
                highest[-i] = Reduce<TUnit>(low, middle, high).AsUInt64();
            }
        }
    }

    // A shift left by one; the bit that falls out at the top is replaced by the polynomial, without a branch on the key.
    private static Vector128<ulong> TimesX(Vector128<ulong> value)
    {
        var top = value.GetElement(1) >> 63;
        var carry = Vector128.Create(0UL, value.GetElement(0) >> 63);
        var mask = Vector128.Create(0UL - top);
        return ((value << 1) | carry) ^ (Polynomial & mask);
    }
}
