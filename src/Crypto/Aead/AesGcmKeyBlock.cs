using System.Runtime.InteropServices;

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

    internal const int RoundKeysOffset = 64;
    internal const int PowersOffset = 320;

    /// <summary>What one key costs, in bytes: 64 of header, 15 round keys padded to 256, and the powers of H.</summary>
    public const int Size = PowersOffset + Powers * 16;

    /// <summary>10, 12 or 14 (FIPS 197 §5).</summary>
    [FieldOffset(0)] internal int Rounds;

    /// <summary>Taken while a libcrypto context is in use: contexts, unlike tables, belong to one thread at a time.</summary>
    [FieldOffset(4)] internal int Gate;

    /// <summary>libcrypto contexts of the portable path; zero on the others.</summary>
    [FieldOffset(8)] internal nint EncryptContext;
    [FieldOffset(16)] internal nint DecryptContext;

    [FieldOffset(RoundKeysOffset)] internal fixed byte RoundKeys[240];

    /// <summary>
    /// H^128 … H^1 in that order, so that n blocks are multiplied by the last n entries in reading order.
    /// Byte order and the extra factor of x are explained in Ghash.cs.
    /// </summary>
    [FieldOffset(PowersOffset)] internal fixed byte HashPowers[Powers * 16];
}
