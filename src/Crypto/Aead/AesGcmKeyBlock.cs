using System.Runtime.InteropServices;
using System.Runtime.Intrinsics.X86;

namespace Gateway.Crypto.Aead;

/// <summary>
/// One AES-GCM key made ready for the kernels: native, locked memory that an SA's table entry points to.
/// The kernels only read it, so several threads may use one block.
/// </summary>
[StructLayout(LayoutKind.Explicit, Size = Size)]
public unsafe struct AesGcmKeyBlock
{
    /// <summary>Blocks hashed between two reductions on the widest path; so many powers of H are kept.</summary>
    public const int Powers = 128;

    internal const int OwnerOffset = 24;
    internal const int RoundKeysOffset = 64;
    internal const int FirstRoundOffset = 320;
    internal const int PowersOffset = FirstRoundOffset + 17 * 64;

    /// <summary>What one key costs, in bytes: 64 of header, 15 round keys padded to 256, the counters' first round padded to 1088, and the powers of H.</summary>
    public const int Size = PowersOffset + Powers * 16;

    /// <summary>10, 12 or 14 (FIPS 197 §5).</summary>
    [FieldOffset(0)] internal int Rounds;

    /// <summary>Taken while a libcrypto context is in use: contexts, unlike tables, belong to one thread at a time.</summary>
    [FieldOffset(4)] internal int Gate;

    /// <summary>libcrypto contexts of the portable path; zero on the others.</summary>
    [FieldOffset(8)] internal nint EncryptContext;
    [FieldOffset(16)] internal nint DecryptContext;

    /// <summary>Whose table it is in an <see cref="AesGcmKeyCache"/>.</summary>
    [FieldOffset(OwnerOffset)] internal ulong Owner;

    /// <summary>The frame of packets that took it last, and whether one took it that did not make it.</summary>
    [FieldOffset(32)] internal uint Frame;
    [FieldOffset(36)] internal uint Again;

    /// <summary>How many of <see cref="HashPowers"/> are there.</summary>
    [FieldOffset(40)] internal int MadePowers;

    [FieldOffset(RoundKeysOffset)] internal fixed byte RoundKeys[240];

    /// <summary>See <see cref="CounterStart"/>.</summary>
    [FieldOffset(FirstRoundOffset)] internal fixed uint FirstRound[CounterStart.TableLength];

    /// <summary>
    /// H^128 … H^1 in that order, so that n blocks are multiplied by the last n entries in reading order.
    /// Byte order and the extra factor of x are explained in Ghash.cs.
    /// </summary>
    [FieldOffset(PowersOffset)] internal fixed byte HashPowers[Powers * 16];

    /// <summary>
    /// Brings what a packet of this length will read towards the cache. With many SAs in a frame their keys come from far away;
    /// asked for while the packet before is at work, they are there in time.
    /// </summary>
    internal static void Prefetch(AesGcmKeyBlock* key, int length)
    {
        if (!Sse.IsSupported) return;
        const int line = 64;
        var block = (byte*)key;
        var blocks = length / 16 + 3;
        for (var i = 0; i < FirstRoundOffset; i += line) Sse.Prefetch0(block + i);
        var words = Math.Min(blocks * sizeof(uint), PowersOffset - FirstRoundOffset);
        for (var i = 0; i < words; i += line) Sse.Prefetch0(block + FirstRoundOffset + i);
        var powers = Math.Min(blocks * 16, Powers * 16);
        for (var i = Size - line; i > Size - line - powers; i -= line) Sse.Prefetch0(block + i);
    }
}
