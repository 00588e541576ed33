using System.Buffers.Binary;
using System.Numerics;
using System.Security.Cryptography;

namespace Gateway.Crypto.Eap;

/// <summary>
/// MD4 (RFC 1320), which MSCHAPv2 is built on and which libcrypto has only in a provider that need not be installed. For nothing else.
/// </summary>
internal static class Md4
{
    public const int Size = 16;

    private const int Block = 64;

    public static void Hash(ReadOnlySpan<byte> data, Span<byte> into)
    {
        Span<uint> state = [0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476];
        Span<byte> last = stackalloc byte[2 * Block];
        last.Clear();
        var whole = data.Length / Block * Block;
        for (var at = 0; at < whole; at += Block) Transform(state, data.Slice(at, Block));
        var rest = data[whole..];
        rest.CopyTo(last);
        // RFC 1320 §3.1, §3.2: a one bit, zeros, and the length in bits.
        last[rest.Length] = 0x80;
        var end = rest.Length < Block - 8 ? Block : 2 * Block;
        BinaryPrimitives.WriteUInt64LittleEndian(last[(end - 8)..], (ulong)data.Length * 8);
        for (var at = 0; at < end; at += Block) Transform(state, last.Slice(at, Block));
        for (var i = 0; i < 4; i++) BinaryPrimitives.WriteUInt32LittleEndian(into[(4 * i)..], state[i]);
        CryptographicOperations.ZeroMemory(last);
    }

    private static void Transform(Span<uint> state, ReadOnlySpan<byte> block)
    {
        Span<uint> x = stackalloc uint[16];
        for (var i = 0; i < 16; i++) x[i] = BinaryPrimitives.ReadUInt32LittleEndian(block[(4 * i)..]);
        var (a, b, c, d) = (state[0], state[1], state[2], state[3]);
        for (var i = 0; i < 48; i++)
        {
            // RFC 1320 §3.4: three rounds, each with its function, constant, order of words and shifts.
            var (mix, word, shift) = (i / 16) switch
            {
                0 => ((b & c) | (~b & d), i, (i % 4) switch { 0 => 3, 1 => 7, 2 => 11, _ => 19 }),
                1 => (((b & c) | (b & d) | (c & d)) + 0x5a827999, (i % 4 * 4) + (i % 16 / 4), (i % 4) switch { 0 => 3, 1 => 5, 2 => 9, _ => 13 }),
                _ => ((b ^ c ^ d) + 0x6ed9eba1, Reverse(i % 16), (i % 4) switch { 0 => 3, 1 => 9, 2 => 11, _ => 15 }),
            };
            var next = BitOperations.RotateLeft(a + mix + x[word], shift);
            (a, d, c, b) = (d, c, b, next);
        }

        state[0] += a;
        state[1] += b;
        state[2] += c;
        state[3] += d;
        x.Clear();
    }

    // The third round takes the words in the order of their four bits read backwards.
    private static int Reverse(int i) => ((i & 1) << 3) | ((i & 2) << 1) | ((i & 4) >> 1) | ((i & 8) >> 3);
}
