using System.Runtime.InteropServices;

namespace Gateway.Crypto.Interop;

/// <summary>The hash functions themselves, on a state that the caller keeps: no fetching of an algorithm, no context of the heap.</summary>
internal static unsafe partial class LibCrypto
{
    [LibraryImport(Library)] internal static partial int SHA1_Init(byte* state);
    [LibraryImport(Library)] internal static partial int SHA1_Update(byte* state, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int SHA1_Final(byte* hash, byte* state);
    [LibraryImport(Library)] internal static partial int SHA256_Init(byte* state);
    [LibraryImport(Library)] internal static partial int SHA256_Update(byte* state, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int SHA256_Final(byte* hash, byte* state);
    [LibraryImport(Library)] internal static partial int SHA384_Init(byte* state);
    [LibraryImport(Library)] internal static partial int SHA384_Update(byte* state, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int SHA384_Final(byte* hash, byte* state);
    [LibraryImport(Library)] internal static partial int SHA512_Init(byte* state);
    [LibraryImport(Library)] internal static partial int SHA512_Update(byte* state, byte* data, nuint length);
    [LibraryImport(Library)] internal static partial int SHA512_Final(byte* hash, byte* state);
}
