using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;
using System.Security.Cryptography;

namespace Gateway.Crypto.Hashing;

/// <summary>
/// SHA-256 (FIPS 180-4) of eight messages side by side, one in each lane of a vector: for checking many hashes that do not wait for each other. One message
/// alone is for <see cref="SHA256"/>. Where the processor has no vectors of that length, this is that.
/// </summary>
public static class Sha256Lanes
{
    /// <summary>Messages that are hashed at once.</summary>
    public const int Count = 8;

    /// <summary>Octets of a block.</summary>
    public const int BlockLength = 64;

    /// <summary>Octets of a hash.</summary>
    public const int HashLength = 32;

    // FIPS 180-4 §4.2.2
    private static readonly uint[] _k =
    [
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5, 0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da, 0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85, 0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3, 0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    ];

    // FIPS 180-4 §5.3.3
    private static readonly uint[] _start = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19];

    /// <summary>Octets that a message of <paramref name="length"/> octets takes with its padding.</summary>
    public static int PaddedLength(int length) => (length + 9 + BlockLength - 1) / BlockLength * BlockLength;

    /// <summary>Pads the message at the beginning of <paramref name="buffer"/> (FIPS 180-4 §5.1.1) and gives the length with the padding.</summary>
    public static int Pad(Span<byte> buffer, int length)
    {
        var padded = PaddedLength(length);
        buffer[length..padded].Clear();
        buffer[length] = 0x80;
        BinaryPrimitives.WriteInt64BigEndian(buffer[(padded - 8)..padded], (long)length * 8);
        return padded;
    }

    /// <summary>What <see cref="Pad"/> padded.</summary>
    public static ReadOnlySpan<byte> Unpadded(ReadOnlySpan<byte> padded) => padded[..(int)(BinaryPrimitives.ReadInt64BigEndian(padded[^8..]) / 8)];

    /// <summary>Hashes up to <see cref="Count"/> padded messages.</summary>
    /// <param name="octets">Holds the messages, each with its padding.</param>
    /// <param name="messages">Where each one begins, and its length with the padding.</param>
    /// <param name="hashes">Gets the hashes, one behind the other.</param>
    public static void Hash(ReadOnlySpan<byte> octets, ReadOnlySpan<(int Start, int Length)> messages, Span<byte> hashes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(messages.Length, Count);
        if (Vector256.IsHardwareAccelerated && messages.Length > 1)
        {
            HashVectors(octets, messages, hashes);
            return;
        }

        for (var i = 0; i < messages.Length; i++)
        {
            var (start, length) = messages[i];
            SHA256.HashData(Unpadded(octets.Slice(start, length)), hashes.Slice(i * HashLength, HashLength));
        }
    }

    private static void HashVectors(ReadOnlySpan<byte> octets, ReadOnlySpan<(int Start, int Length)> messages, Span<byte> hashes)
    {
        Span<int> at = stackalloc int[Count];
        Span<uint> blocks = stackalloc uint[Count];
        var most = 0u;
        for (var i = 0; i < Count; i++)
        {
            // A lane without a message goes along with the first one.
            var (start, length) = messages[i < messages.Length ? i : 0];
            if (length <= 0 || length % BlockLength != 0 || start < 0 || start > octets.Length - length) throw new ArgumentException("A message is not padded, or lies outside.", nameof(messages));
            (at[i], blocks[i]) = (start, (uint)(length / BlockLength));
            most = Math.Max(most, blocks[i]);
        }

        Span<Vector256<uint>> state = stackalloc Vector256<uint>[8];
        for (var i = 0; i < 8; i++) state[i] = Vector256.Create(_start[i]);
        Span<Vector256<uint>> words = stackalloc Vector256<uint>[16];
        var lengths = Vector256.Create<uint>(blocks);
        for (var block = 0u; block < most; block++)
        {
            for (var t = 0; t < 16; t++)
            {
                words[t] = Vector256.Create(
                    Word(octets, at[0], t), Word(octets, at[1], t), Word(octets, at[2], t), Word(octets, at[3], t),
                    Word(octets, at[4], t), Word(octets, at[5], t), Word(octets, at[6], t), Word(octets, at[7], t));
            }

            // A lane whose message has ended keeps what it has; it stays at its last block, so that nothing is read behind it.
            Compress(state, words, Vector256.GreaterThan(lengths, Vector256.Create(block)));
            for (var i = 0; i < Count; i++)
                if (block + 1 < blocks[i]) at[i] += BlockLength;
        }

        for (var i = 0; i < messages.Length; i++)
            for (var word = 0; word < 8; word++) BinaryPrimitives.WriteUInt32BigEndian(hashes[((i * HashLength) + (word * 4))..], state[word][i]);
    }

    // FIPS 180-4 §6.2.2
    private static void Compress(Span<Vector256<uint>> state, Span<Vector256<uint>> w, Vector256<uint> active)
    {
        var (a, b, c, d, e, f, g, h) = (state[0], state[1], state[2], state[3], state[4], state[5], state[6], state[7]);
        for (var t = 0; t < 64; t++)
        {
            ref var word = ref w[t & 15];
            if (t >= 16)
            {
                var (early, late) = (w[(t + 1) & 15], w[(t + 14) & 15]);
                word += Xor(RotateRight(early, 7), RotateRight(early, 18), early >>> 3) + w[(t + 9) & 15] + Xor(RotateRight(late, 17), RotateRight(late, 19), late >>> 10);
            }

            var one = h + Xor(RotateRight(e, 6), RotateRight(e, 11), RotateRight(e, 25)) + Vector256.ConditionalSelect(e, f, g) + Vector256.Create(_k[t]) + word;
            var two = Xor(RotateRight(a, 2), RotateRight(a, 13), RotateRight(a, 22)) + Majority(a, b, c);
            (h, g, f, e, d, c, b, a) = (g, f, e, d + one, c, b, a, one + two);
        }

        state[0] += a & active;
        state[1] += b & active;
        state[2] += c & active;
        state[3] += d & active;
        state[4] += e & active;
        state[5] += f & active;
        state[6] += g & active;
        state[7] += h & active;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint Word(ReadOnlySpan<byte> octets, int at, int word) => BinaryPrimitives.ReadUInt32BigEndian(octets[(at + (word * 4))..]);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> RotateRight(Vector256<uint> value, [ConstantExpected] byte bits) =>
        Avx512F.VL.IsSupported ? Avx512F.VL.RotateRight(value, bits) : (value >>> bits) | (value << (32 - bits));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Xor(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => a ^ b ^ c;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector256<uint> Majority(Vector256<uint> a, Vector256<uint> b, Vector256<uint> c) => (a & b) | (c & (a | b));
}
