using static Gateway.Ike.Proposals.TransformType;

namespace Gateway.Ike.Proposals;

/// <summary>One word of a proposal string and the transforms that it stands for.</summary>
/// <param name="Keyword">strongSwan's keyword, lower case.</param>
/// <param name="Type">The transform type.</param>
/// <param name="Id">The transform id of IANA's registry for that type.</param>
/// <param name="KeyBits">The key length, 0 where it is not negotiated.</param>
/// <param name="Source">The RFC that gives the algorithm its number.</param>
internal readonly record struct AlgorithmName(string Keyword, TransformType Type, ushort Id, ushort KeyBits, string Source)
{
    public Transform Transform => new(Type, Id, KeyBits);
}

/// <summary>The vocabulary of proposal strings: one row per keyword; of several for one transform, the first is printed.</summary>
internal static class AlgorithmNames
{
    public static IReadOnlyList<AlgorithmName> Rows { get; } =
    [
        // Transform Type 1. Combined-mode ciphers: AEAD with 8, 12 or 16 octets of ICV.
        new("aes128gcm16", Encryption, 20, 128, "RFC 5282"), new("aes192gcm16", Encryption, 20, 192, "RFC 5282"), new("aes256gcm16", Encryption, 20, 256, "RFC 5282"),
        new("aes128gcm12", Encryption, 19, 128, "RFC 5282"), new("aes192gcm12", Encryption, 19, 192, "RFC 5282"), new("aes256gcm12", Encryption, 19, 256, "RFC 5282"),
        new("aes128gcm8", Encryption, 18, 128, "RFC 5282"), new("aes192gcm8", Encryption, 18, 192, "RFC 5282"), new("aes256gcm8", Encryption, 18, 256, "RFC 5282"),
        new("aes128gcm128", Encryption, 20, 128, "RFC 5282"), new("aes192gcm128", Encryption, 20, 192, "RFC 5282"), new("aes256gcm128", Encryption, 20, 256, "RFC 5282"),
        new("aes128gcm96", Encryption, 19, 128, "RFC 5282"), new("aes192gcm96", Encryption, 19, 192, "RFC 5282"), new("aes256gcm96", Encryption, 19, 256, "RFC 5282"),
        new("aes128gcm64", Encryption, 18, 128, "RFC 5282"), new("aes192gcm64", Encryption, 18, 192, "RFC 5282"), new("aes256gcm64", Encryption, 18, 256, "RFC 5282"),
        new("aes128gcm", Encryption, 20, 128, "RFC 5282"), new("aes192gcm", Encryption, 20, 192, "RFC 5282"), new("aes256gcm", Encryption, 20, 256, "RFC 5282"),
        new("aes128ccm16", Encryption, 16, 128, "RFC 5282"), new("aes192ccm16", Encryption, 16, 192, "RFC 5282"), new("aes256ccm16", Encryption, 16, 256, "RFC 5282"),
        new("aes128ccm12", Encryption, 15, 128, "RFC 5282"), new("aes192ccm12", Encryption, 15, 192, "RFC 5282"), new("aes256ccm12", Encryption, 15, 256, "RFC 5282"),
        new("aes128ccm8", Encryption, 14, 128, "RFC 5282"), new("aes192ccm8", Encryption, 14, 192, "RFC 5282"), new("aes256ccm8", Encryption, 14, 256, "RFC 5282"),
        new("aes128ccm128", Encryption, 16, 128, "RFC 5282"), new("aes192ccm128", Encryption, 16, 192, "RFC 5282"), new("aes256ccm128", Encryption, 16, 256, "RFC 5282"),
        new("aes128ccm96", Encryption, 15, 128, "RFC 5282"), new("aes192ccm96", Encryption, 15, 192, "RFC 5282"), new("aes256ccm96", Encryption, 15, 256, "RFC 5282"),
        new("aes128ccm64", Encryption, 14, 128, "RFC 5282"), new("aes192ccm64", Encryption, 14, 192, "RFC 5282"), new("aes256ccm64", Encryption, 14, 256, "RFC 5282"),
        new("aes128ccm", Encryption, 16, 128, "RFC 5282"), new("aes192ccm", Encryption, 16, 192, "RFC 5282"), new("aes256ccm", Encryption, 16, 256, "RFC 5282"),
        new("chacha20poly1305", Encryption, 28, 0, "RFC 7634"), new("chacha20poly1305compat", Encryption, 28, 256, "RFC 7634"),

        // Transform Type 1. Ciphers that need an integrity algorithm beside them.
        new("aes128", Encryption, 12, 128, "RFC 3602"), new("aes192", Encryption, 12, 192, "RFC 3602"), new("aes256", Encryption, 12, 256, "RFC 3602"),
        new("aes", Encryption, 12, 128, "RFC 3602"),
        new("aes128ctr", Encryption, 13, 128, "RFC 5930"), new("aes192ctr", Encryption, 13, 192, "RFC 5930"), new("aes256ctr", Encryption, 13, 256, "RFC 5930"),
        new("3des", Encryption, 3, 0, "RFC 2451"),
        new("null", Encryption, 11, 0, "RFC 2410"),

        // Transform Type 2.
        new("prfsha256", Prf, 5, 0, "RFC 4868"), new("prfsha384", Prf, 6, 0, "RFC 4868"), new("prfsha512", Prf, 7, 0, "RFC 4868"),
        new("prfsha1", Prf, 2, 0, "RFC 2104"),
        new("prfaesxcbc", Prf, 4, 0, "RFC 4434"), new("prfaescmac", Prf, 8, 0, "RFC 4615"),

        // Transform Type 3.
        new("sha256", Integrity, 12, 0, "RFC 4868"), new("sha2_256", Integrity, 12, 0, "RFC 4868"),
        new("sha384", Integrity, 13, 0, "RFC 4868"), new("sha2_384", Integrity, 13, 0, "RFC 4868"),
        new("sha512", Integrity, 14, 0, "RFC 4868"), new("sha2_512", Integrity, 14, 0, "RFC 4868"),
        new("sha1", Integrity, 2, 0, "RFC 2404"), new("sha", Integrity, 2, 0, "RFC 2404"), new("sha1_160", Integrity, 7, 0, "RFC 4595"),
        new("aesxcbc", Integrity, 5, 0, "RFC 3566"), new("aescmac", Integrity, 8, 0, "RFC 4494"),

        // Transform Type 4.
        new("x25519", KeyExchange, 31, 0, "RFC 8031"), new("curve25519", KeyExchange, 31, 0, "RFC 8031"),
        new("x448", KeyExchange, 32, 0, "RFC 8031"), new("curve448", KeyExchange, 32, 0, "RFC 8031"),
        new("ecp256", KeyExchange, 19, 0, "RFC 5903"), new("ecp384", KeyExchange, 20, 0, "RFC 5903"), new("ecp521", KeyExchange, 21, 0, "RFC 5903"),
        new("ecp224bp", KeyExchange, 27, 0, "RFC 6954"), new("ecp256bp", KeyExchange, 28, 0, "RFC 6954"),
        new("ecp384bp", KeyExchange, 29, 0, "RFC 6954"), new("ecp512bp", KeyExchange, 30, 0, "RFC 6954"),
        new("modp2048", KeyExchange, 14, 0, "RFC 3526"), new("modp3072", KeyExchange, 15, 0, "RFC 3526"), new("modp4096", KeyExchange, 16, 0, "RFC 3526"),
        new("modp6144", KeyExchange, 17, 0, "RFC 3526"), new("modp8192", KeyExchange, 18, 0, "RFC 3526"),
        new("modp1536", KeyExchange, 5, 0, "RFC 3526"), new("modp1024", KeyExchange, 2, 0, "RFC 7296"),
        new("modpnone", KeyExchange, 0, 0, "RFC 7296"), new("none", KeyExchange, 0, 0, "RFC 7296"),

        // Transform Type 5.
        new("noesn", SequenceNumbers, 0, 0, "RFC 7296"), new("esn", SequenceNumbers, 1, 0, "RFC 7296"),
    ];

    private static readonly Dictionary<string, AlgorithmName> _byKeyword = Rows.ToDictionary(r => r.Keyword, StringComparer.OrdinalIgnoreCase);

    private static readonly Dictionary<Transform, string> _byTransform = Rows.DistinctBy(r => r.Transform).ToDictionary(r => r.Transform, r => r.Keyword);

    public static bool TryFind(string keyword, out AlgorithmName name) => _byKeyword.TryGetValue(keyword, out name);

    /// <summary>The keyword of a transform; where there is none, its numbers.</summary>
    public static string Print(Transform transform) => _byTransform.TryGetValue(transform with { HasUnknownAttribute = false }, out var keyword)
        ? keyword
        : $"{transform.Type.ToString().ToLowerInvariant()}:{transform.Id}{(transform.KeyBits == 0 ? "" : $"/{transform.KeyBits}")}";
}
