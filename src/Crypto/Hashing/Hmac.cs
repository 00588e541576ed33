using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Hashing;

/// <summary>The hash under an HMAC.</summary>
public enum HmacHash
{
    Sha1,
    Sha256,
    Sha384,
    Sha512,
}

/// <summary>
/// HMAC (RFC 2104) over libcrypto's hash functions. An IKE SA takes some dozen of them over a hundred octets each, and finding the algorithm and making its
/// contexts, which a call of <see cref="HMACSHA256"/> does each time, costs twice what the hashes do. A libcrypto that does not offer the
/// bare functions is asked the other way.
/// </summary>
public static unsafe class Hmac
{
    private const byte Inner = 0x36;
    private const byte Outer = 0x5c;
    private const int MostState = 256;
    private const int MostBlock = 128;

    private static readonly bool _isBare = NativeLibrary.TryLoad("libcrypto.so.3", out var library)
        && NativeLibrary.TryGetExport(library, nameof(LibCrypto.SHA1_Init), out _)
        && NativeLibrary.TryGetExport(library, nameof(LibCrypto.SHA256_Init), out _)
        && NativeLibrary.TryGetExport(library, nameof(LibCrypto.SHA512_Init), out _);

    /// <summary>Octets of the value.</summary>
    public static int Length(HmacHash hash) => hash switch
    {
        HmacHash.Sha1 => SHA1.HashSizeInBytes,
        HmacHash.Sha256 => SHA256.HashSizeInBytes,
        HmacHash.Sha384 => SHA384.HashSizeInBytes,
        HmacHash.Sha512 => SHA512.HashSizeInBytes,
        _ => throw new UnreachableException(),
    };

    /// <summary>HMAC(key, data) into the first <see cref="Length"/> octets of <paramref name="output"/>, which may lie over the data.</summary>
    public static void Compute(HmacHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        output = output[..Length(hash)];
        if (_isBare) Bare(hash, key, data, output);
        else Whole(hash, key, data, output);
    }

    /// <summary>The same by .NET's types.</summary>
    internal static void Whole(HmacHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        switch (hash)
        {
            case HmacHash.Sha1: HMACSHA1.HashData(key, data, output); break;
            case HmacHash.Sha256: HMACSHA256.HashData(key, data, output); break;
            case HmacHash.Sha384: HMACSHA384.HashData(key, data, output); break;
            case HmacHash.Sha512: HMACSHA512.HashData(key, data, output); break;
            default: throw new UnreachableException();
        }
    }

    private static void Bare(HmacHash hash, ReadOnlySpan<byte> key, ReadOnlySpan<byte> data, Span<byte> output)
    {
        var (block, length) = (hash is HmacHash.Sha384 or HmacHash.Sha512 ? 128 : 64, output.Length);
        // State and pad hold what the key can be told from.
        var secrets = stackalloc byte[MostState + MostBlock];
        var state = secrets;
        var pad = secrets + MostState;
        var padded = new Span<byte>(pad, block);
        padded.Clear();
        fixed (byte* k = key, d = data, o = output)
        {
            // RFC 2104 §2: a key that is longer than a block is hashed first.
            if (key.Length <= block) key.CopyTo(padded);
            else Hash(hash, state, null, 0, k, key.Length, pad);
            for (var i = 0; i < block; i++) pad[i] ^= Inner;
            Hash(hash, state, pad, block, d, data.Length, o);
            for (var i = 0; i < block; i++) pad[i] ^= Inner ^ Outer;
            Hash(hash, state, pad, block, o, length, o);
        }

        CryptographicOperations.ZeroMemory(new Span<byte>(secrets, MostState + MostBlock));
    }

    private static void Hash(HmacHash hash, byte* state, byte* first, int firstLength, byte* second, int secondLength, byte* into)
    {
        var (a, b) = ((nuint)firstLength, (nuint)secondLength);
        var done = hash switch
        {
            HmacHash.Sha1 => LibCrypto.SHA1_Init(state) & LibCrypto.SHA1_Update(state, first, a) & LibCrypto.SHA1_Update(state, second, b) & LibCrypto.SHA1_Final(into, state),
            HmacHash.Sha256 => LibCrypto.SHA256_Init(state) & LibCrypto.SHA256_Update(state, first, a) & LibCrypto.SHA256_Update(state, second, b) & LibCrypto.SHA256_Final(into, state),
            HmacHash.Sha384 => LibCrypto.SHA384_Init(state) & LibCrypto.SHA384_Update(state, first, a) & LibCrypto.SHA384_Update(state, second, b) & LibCrypto.SHA384_Final(into, state),
            HmacHash.Sha512 => LibCrypto.SHA512_Init(state) & LibCrypto.SHA512_Update(state, first, a) & LibCrypto.SHA512_Update(state, second, b) & LibCrypto.SHA512_Final(into, state),
            _ => throw new UnreachableException(),
        };
        LibCrypto.Check(done, "hash");
    }
}
