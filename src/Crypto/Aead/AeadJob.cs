using System.Runtime.InteropServices;

namespace Gateway.Crypto.Aead;

/// <summary>What became of an <see cref="AeadJob"/>.</summary>
public enum AeadStatus
{
    /// <summary>Not run yet.</summary>
    Pending = 0,

    /// <summary>Encrypted, or decrypted with a tag that fits.</summary>
    Done = 1,

    /// <summary>The tag does not fit; the destination holds zeros.</summary>
    Forged = 2,
}

/// <summary>
/// One packet to encrypt or decrypt. Workers keep an array of these in native memory and hand over a whole frame at once.
/// Source and destination are the same or do not overlap. Buffers need no alignment and no slack: not a byte outside them is read or written.
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct AeadJob
{
    /// <summary>Null: the job is done already, by other means; a batch passes it over.</summary>
    public AesGcmKeyBlock* Key;

    /// <summary>Looked at only in batches with an <see cref="AesGcmKeyCache"/>: the key whose tables are made for this packet alone, when its time comes; null when <see cref="Key"/> is ready.</summary>
    public AesGcmSeed* Seed;

    public byte* Source;

    public byte* Destination;

    /// <summary>The tag to write (encrypt) or to compare with (decrypt).</summary>
    public byte* Tag;

    /// <summary>Additional data; null means <see cref="InlineAad"/>.</summary>
    public byte* Aad;

    /// <summary>Bytes of text, 0 or more.</summary>
    public int Length;

    /// <summary>Bytes of additional data; 8 and 12 (RFC 4106 §5) are the fast cases.</summary>
    public int AadLength;

    /// <summary>8, 12 or 16 (RFC 4106 §6).</summary>
    public int TagLength;

    public AeadStatus Status;

    /// <summary>The first 4 bytes of the nonce, as they lie in memory (RFC 4106 §4).</summary>
    public uint Salt;

    /// <summary>Room for ESP's additional data, so that it needs no scratch memory of its own: SPI and sequence number, with ESN 12 bytes.</summary>
    public fixed byte InlineAad[12];

    /// <summary>The last 8 bytes of the nonce, as they lie in the packet.</summary>
    public ulong Iv;
}
