using System.Security.Cryptography;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Prf;

/// <summary>AES-CMAC (RFC 4493) by libcrypto, and the PRF made of it (RFC 4615).</summary>
internal static unsafe class AesCmac
{
    private const int BlockLength = 16;
    private static readonly nint Algorithm = LibCrypto.EVP_MAC_fetch(0, "CMAC", 0);

    /// <summary>RFC 4615 §3: a key that has not 16 bytes is first hashed with the key of zeros.</summary>
    internal static void Prf(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        Span<byte> fixedKey = stackalloc byte[BlockLength];
        if (key.Length == BlockLength) key.CopyTo(fixedKey);
        else Mac(new byte[BlockLength], key, fixedKey);
        Mac(fixedKey, data, output);
        CryptographicOperations.ZeroMemory(fixedKey);
    }

    /// <summary>The whole 16-byte MAC. The key has 16 bytes.</summary>
    internal static void Mac(ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        using var context = LibCrypto.EVP_MAC_CTX_new(Algorithm);
        var parameters = stackalloc LibCrypto.OsslParameter[2];
        fixed (byte* name = "cipher\0"u8, cipher = "AES-128-CBC\0"u8, k = key, d = data, o = output[..BlockLength])
        {
            parameters[0] = new() { Key = name, Type = LibCrypto.OsslParameter.Utf8String, Data = cipher, Size = 11 };
            parameters[1] = default;
            nuint written = 0;
            LibCrypto.Check(LibCrypto.EVP_MAC_init(context, k, (nuint)key.Length, parameters), "start a CMAC");
            LibCrypto.Check(LibCrypto.EVP_MAC_update(context, d, (nuint)data.Length), "compute a CMAC");
            LibCrypto.Check(LibCrypto.EVP_MAC_final(context, o, &written, BlockLength), "finish a CMAC");
        }
    }
}
