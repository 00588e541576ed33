using System.Buffers.Binary;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Packet;

/// <summary>How a cipher is driven.</summary>
internal enum PacketCipherKind
{
    /// <summary>RFC 2410.</summary>
    Clear,

    /// <summary>RFC 7634.</summary>
    ChaCha,

    /// <summary>RFC 4309.</summary>
    Ccm,

    /// <summary>RFC 3686.</summary>
    Counter,

    /// <summary>RFC 3602, RFC 2451.</summary>
    Chained,
}

/// <summary>
/// One direction of a CHILD SA under libcrypto: seals and opens whole ESP packets in place, without allocating managed memory.
/// <code>
/// packet = SPI | sequence number | IV (IvLength) | text: payload, padding, pad length, next header | ICV (IcvLength)
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct PacketCipherBlock
{
    private const int HeaderLength = 8, BlockLength = 16, AddedLength = 4;

    internal nint Cipher;
    internal nint Mac;

    /// <summary>Makes IVs of sequence numbers.</summary>
    internal nint IvMaker;

    /// <summary>AES-CBC under XCBC's K1.</summary>
    internal nint Chain;
    internal PacketCipherKind Kind;
    internal int IvLength;
    internal int IcvLength;
    internal int SaltLength;
    internal fixed byte Salt[4];

    /// <summary>XCBC's K2 and K3.</summary>
    internal fixed byte LastKeys[32];

    /// <summary>Writes the IV, encrypts the text and writes the ICV. SPI, sequence number and text are there. False when libcrypto fails, which only a broken library does.</summary>
    /// <param name="packet">The ESP header.</param>
    /// <param name="text">Bytes of text, a multiple of the alignment.</param>
    /// <param name="sequence">All 64 bits.</param>
    /// <param name="esn">Whether the high half is covered too (RFC 4303 §2.2.1).</param>
    public static bool Seal(PacketCipherBlock* block, byte* packet, int text, ulong sequence, bool esn)
    {
        var iv = packet + HeaderLength;
        var start = iv + block->IvLength;
        var icv = start + text;
        switch (block->Kind)
        {
            case PacketCipherKind.ChaCha or PacketCipherKind.Ccm:
                PutSequence(iv, sequence);
                return Aead(block, packet, start, text, icv, sequence, esn, encrypt: true);
            case PacketCipherKind.Counter:
                PutSequence(iv, sequence);
                break;
            case PacketCipherKind.Chained:
                if (!MakeIv(block, iv, sequence)) return false;
                break;
        }
        // RFC 4303 §3.3.2: encryption first; the ICV covers what is sent.
        return Run(block, iv, start, text) && Check(block, packet, (int)(icv - packet), (uint)(sequence >> 32), esn, icv);
    }

    /// <summary>Checks the ICV in constant time and decrypts the text. False: the packet is forged; the text is then unusable.</summary>
    public static bool Open(PacketCipherBlock* block, byte* packet, int text, ulong sequence, bool esn)
    {
        var iv = packet + HeaderLength;
        var start = iv + block->IvLength;
        var icv = start + text;
        if (block->Kind is PacketCipherKind.ChaCha or PacketCipherKind.Ccm) return Aead(block, packet, start, text, icv, sequence, esn, encrypt: false);
        var expected = stackalloc byte[64];
        return Check(block, packet, (int)(icv - packet), (uint)(sequence >> 32), esn, expected)
            && CryptographicOperations.FixedTimeEquals(new ReadOnlySpan<byte>(expected, block->IcvLength), new ReadOnlySpan<byte>(icv, block->IcvLength))
            && Run(block, iv, start, text);
    }

    // RFC 4309 §3.1, RFC 3686 §3.1, RFC 7634 §2: never the same twice under one key; the sequence number is not.
    private static void PutSequence(byte* iv, ulong sequence) => Unsafe.WriteUnaligned(iv, BinaryPrimitives.ReverseEndianness(sequence));

    [SkipLocalsInit]
    private static bool MakeIv(PacketCipherBlock* block, byte* iv, ulong sequence)
    {
        var number = stackalloc byte[BlockLength];
        Unsafe.WriteUnaligned(number, sequence);
        Unsafe.WriteUnaligned(number + 8, 0UL);
        int written;
        if (LibCrypto.EVP_CipherUpdate(block->IvMaker, number, &written, number, BlockLength) <= 0) return false;
        Unsafe.CopyBlockUnaligned(iv, number, (uint)block->IvLength);
        return true;
    }

    private static bool Run(PacketCipherBlock* block, byte* iv, byte* text, int length)
    {
        if (block->Kind == PacketCipherKind.Clear) return true;
        var counter = stackalloc byte[BlockLength];
        if (block->Kind == PacketCipherKind.Counter)
        {
            // RFC 3686 §4: nonce (our salt) | IV | counter, which starts at one.
            Unsafe.CopyBlockUnaligned(counter, block->Salt, 4);
            Unsafe.CopyBlockUnaligned(counter + 4, iv, 8);
            Unsafe.WriteUnaligned(counter + 12, 0x01000000);
            iv = counter;
        }
        int written;
        return LibCrypto.EVP_CipherInit_ex(block->Cipher, 0, 0, null, iv, -1) > 0 && LibCrypto.EVP_CipherUpdate(block->Cipher, text, &written, text, length) > 0;
    }

    [SkipLocalsInit]
    private static bool Aead(PacketCipherBlock* block, byte* packet, byte* text, int length, byte* icv, ulong sequence, bool esn, bool encrypt)
    {
        var (salt, iv, tag) = (block->SaltLength, block->IvLength, block->IcvLength);
        var nonce = stackalloc byte[BlockLength];
        Unsafe.CopyBlockUnaligned(nonce, block->Salt, (uint)salt);
        Unsafe.CopyBlockUnaligned(nonce + salt, packet + HeaderLength, (uint)iv);
        // RFC 4303 §2.2.1, RFC 4106 §5: SPI and the sequence number, 32 bits, or with ESN all 64.
        var aad = stackalloc byte[12];
        var aadLength = HeaderLength;
        Unsafe.CopyBlockUnaligned(aad, packet, HeaderLength);
        if (esn)
        {
            Unsafe.WriteUnaligned(aad + 4, BinaryPrimitives.ReverseEndianness(sequence));
            aadLength = 12;
        }
        var context = block->Cipher;
        int written;
        if (!encrypt && LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.EVP_CTRL_AEAD_SET_TAG, tag, icv) <= 0) return Failed();
        if (LibCrypto.EVP_CipherInit_ex(context, 0, 0, null, nonce, -1) <= 0) return Failed();
        if (block->Kind == PacketCipherKind.Ccm && LibCrypto.EVP_CipherUpdate(context, null, &written, null, length) <= 0) return Failed();
        if (LibCrypto.EVP_CipherUpdate(context, null, &written, aad, aadLength) <= 0) return Failed();
        // CCM tells of a forged packet here, Poly1305 at the end.
        if (LibCrypto.EVP_CipherUpdate(context, text, &written, text, length) <= 0) return Failed();
        if (block->Kind == PacketCipherKind.ChaCha && LibCrypto.EVP_CipherFinal_ex(context, text + length, &written) <= 0) return Failed();
        return !encrypt || LibCrypto.EVP_CIPHER_CTX_ctrl(context, LibCrypto.EVP_CTRL_AEAD_GET_TAG, tag, icv) > 0 || Failed();
    }

    // libcrypto keeps a queue of errors per thread; an attacker must not make it grow.
    private static bool Failed()
    {
        LibCrypto.ERR_clear_error();
        return false;
    }

    /// <summary>The ICV over <paramref name="length"/> bytes, and with ESN the high half behind them. Writes IcvLength bytes.</summary>
    [SkipLocalsInit]
    private static bool Check(PacketCipherBlock* block, byte* packet, int length, uint high, bool esn, byte* icv)
    {
        high = BinaryPrimitives.ReverseEndianness(high);
        var whole = stackalloc byte[64];
        if (block->Chain != 0)
        {
            if (!Xcbc(block, packet, length, high, esn, whole)) return Failed();
        }
        else
        {
            nuint written;
            if (LibCrypto.EVP_MAC_init(block->Mac, null, 0, null) <= 0
                || LibCrypto.EVP_MAC_update(block->Mac, packet, (nuint)length) <= 0
                || (esn && LibCrypto.EVP_MAC_update(block->Mac, (byte*)&high, AddedLength) <= 0)
                || LibCrypto.EVP_MAC_final(block->Mac, whole, &written, 64) <= 0)
                return Failed();
        }
        Unsafe.CopyBlockUnaligned(icv, whole, (uint)block->IcvLength);
        return true;
    }

    /// <summary>AES-XCBC-MAC (RFC 3566 §4): CBC over all whole blocks but the last, which takes K2, or padded K3.</summary>
    [SkipLocalsInit]
    private static bool Xcbc(PacketCipherBlock* block, byte* data, int length, uint high, bool esn, byte* mac)
    {
        const int piece = 512;
        var chained = stackalloc byte[piece];
        var tail = stackalloc byte[2 * BlockLength];
        Unsafe.InitBlockUnaligned(tail, 0, 2 * BlockLength);
        int written;
        if (LibCrypto.EVP_CipherInit_ex(block->Chain, 0, 0, null, tail, -1) <= 0) return false;

        var total = length + (esn ? AddedLength : 0);
        var bulk = Math.Min((total - 1) & ~(BlockLength - 1), length & ~(BlockLength - 1));
        for (var at = 0; at < bulk; at += piece)
            if (LibCrypto.EVP_CipherUpdate(block->Chain, chained, &written, data + at, Math.Min(piece, bulk - at)) <= 0) return false;

        // What is left: at most a block of data and the high half, so one block or two.
        Unsafe.CopyBlockUnaligned(tail, data + bulk, (uint)(length - bulk));
        if (esn) Unsafe.WriteUnaligned(tail + length - bulk, high);
        var left = total - bulk;
        var last = tail;
        if (left > BlockLength)
        {
            if (LibCrypto.EVP_CipherUpdate(block->Chain, chained, &written, tail, BlockLength) <= 0) return false;
            last += BlockLength;
            left -= BlockLength;
        }
        var key = block->LastKeys;
        if (left < BlockLength)
        {
            last[left] = 0x80;
            key += BlockLength;
        }
        for (var i = 0; i < BlockLength; i++) last[i] ^= key[i];
        return LibCrypto.EVP_CipherUpdate(block->Chain, mac, &written, last, BlockLength) > 0;
    }
}
