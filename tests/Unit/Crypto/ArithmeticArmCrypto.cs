using System.Numerics;
using System.Runtime.Intrinsics;
using Gateway.Crypto.Aead;

namespace Gateway.Unit.Crypto;

/// <summary>The slow twin of ARM's cryptographic extension: FIPS 197 and polynomials written out, on any processor.</summary>
internal readonly unsafe struct ArithmeticArmCrypto : IArmCrypto
{
    private static readonly byte[] _substitutes = [.. Enumerable.Range(0, 256).Select(i => Substitute((byte)i))];

    public static Vector128<byte> Aese(Vector128<byte> state, Vector128<byte> key)
    {
        state ^= key;
        Vector128<byte> result = default;
        byte* from = (byte*)&state, to = (byte*)&result;
        // FIPS 197 §5.1.2: row r moves by r columns; a column is four bytes.
        for (var column = 0; column < 4; column++)
            for (var row = 0; row < 4; row++)
                to[4 * column + row] = _substitutes[from[(4 * (column + row) + row) % 16]];
        return result;
    }

    public static Vector128<byte> Aesmc(Vector128<byte> state)
    {
        Vector128<byte> result = default;
        byte* from = (byte*)&state, to = (byte*)&result;
        // FIPS 197 §5.1.3: 2, 3, 1, 1 times the bytes of the column from this one on.
        for (var column = 0; column < 16; column += 4)
            for (var row = 0; row < 4; row++)
            {
                var (a, b) = (from[column + row], from[column + (row + 1) % 4]);
                to[column + row] = (byte)(Twice(a) ^ Twice(b) ^ b ^ from[column + (row + 2) % 4] ^ from[column + (row + 3) % 4]);
            }
        return result;
    }

    public static Vector128<ulong> Pmull2(Vector128<ulong> left, Vector128<ulong> right) => Product(left[1], right[1]);

    private static Vector128<ulong> Product(ulong left, ulong right)
    {
        ulong low = 0, high = 0;
        for (; right != 0; right &= right - 1)
        {
            var bit = BitOperations.TrailingZeroCount(right);
            low ^= left << bit;
            high ^= bit == 0 ? 0 : left >> (64 - bit);
        }
        return Vector128.Create(low, high);
    }

    // FIPS 197 §5.1.1: the inverse in the field, then an affine map.
    private static byte Substitute(byte value)
    {
        byte inverse = 0;
        for (var i = 1; i < 256; i++)
            if (Product(value, (byte)i) == 1) inverse = (byte)i;
        var rotated = inverse * 0x0101;
        return (byte)(inverse ^ (rotated >> 7) ^ (rotated >> 6) ^ (rotated >> 5) ^ (rotated >> 4) ^ 0x63);
    }

    private static byte Product(byte left, byte right)
    {
        byte product = 0;
        for (; right != 0; right >>= 1, left = Twice(left))
            if ((right & 1) != 0) product ^= left;
        return product;
    }

    private static byte Twice(byte value) => (byte)((value << 1) ^ (value >= 0x80 ? 0x1B : 0));
}
