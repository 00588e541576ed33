using Gateway.Crypto.Interop;

namespace Gateway.Crypto.Signatures;

/// <summary>
/// Public keys that were read lately. libcrypto takes several times as long to read a key as to verify a signature with it, and a set-up needs the peer's key
/// and its authority's several times. A key is public and never changes, so that what is found is as good as read anew. Bounded: a key that falls to
/// the place of another one takes it.
/// </summary>
internal static class RecentKeys
{
    /// <summary>Places, a power of two; some kilobytes each.</summary>
    private const int Places = 256;

    private static readonly Entry?[] _entries = new Entry?[Places];

    /// <summary>A key as libcrypto knows it, with its description.</summary>
    internal sealed record Entry(byte[] Info, PkeyHandle Key, KeyKind Kind, int Bits, string? Curve);

    /// <summary>The key of a SubjectPublicKeyInfo, if it is remembered.</summary>
    internal static Entry? Find(ReadOnlySpan<byte> info) => Volatile.Read(ref PlaceOf(info)) is { } entry && info.SequenceEqual(entry.Info) ? entry : null;

    /// <summary>Remembers a key; what was in its place is freed when nobody uses it any more.</summary>
    internal static void Keep(Entry entry) => Volatile.Write(ref PlaceOf(entry.Info), entry);

    // Seeded at random by the process, so that nobody can aim keys at the same place.
    private static ref Entry? PlaceOf(ReadOnlySpan<byte> info)
    {
        var hash = new HashCode();
        hash.AddBytes(info);
        return ref _entries[hash.ToHashCode() & (Places - 1)];
    }
}
