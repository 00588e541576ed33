using Gateway.Host.Vici.Wire;
using Gateway.Ike.Proposals;

namespace Gateway.Host.Vici.Views;

/// <summary>strongSwan's names of algorithms, as <c>swanctl --list-sas</c> prints them: one row per transform of IANA's registries.</summary>
internal static class AlgorithmWords
{
    public static IReadOnlyList<(TransformType Type, ushort Id, string Word)> Rows { get; } =
    [
        (TransformType.Encryption, 3, "3DES_CBC"), (TransformType.Encryption, 11, "NULL"), (TransformType.Encryption, 12, "AES_CBC"), (TransformType.Encryption, 13, "AES_CTR"),
        (TransformType.Encryption, 14, "AES_CCM_8"), (TransformType.Encryption, 15, "AES_CCM_12"), (TransformType.Encryption, 16, "AES_CCM_16"),
        (TransformType.Encryption, 18, "AES_GCM_8"), (TransformType.Encryption, 19, "AES_GCM_12"), (TransformType.Encryption, 20, "AES_GCM_16"),
        (TransformType.Encryption, 21, "NULL_AES_GMAC"), (TransformType.Encryption, 23, "CAMELLIA_CBC"), (TransformType.Encryption, 28, "CHACHA20_POLY1305"),
        (TransformType.Prf, 2, "PRF_HMAC_SHA1"), (TransformType.Prf, 4, "PRF_AES128_XCBC"), (TransformType.Prf, 5, "PRF_HMAC_SHA2_256"),
        (TransformType.Prf, 6, "PRF_HMAC_SHA2_384"), (TransformType.Prf, 7, "PRF_HMAC_SHA2_512"), (TransformType.Prf, 8, "PRF_AES128_CMAC"),
        (TransformType.Integrity, 2, "HMAC_SHA1_96"), (TransformType.Integrity, 5, "AES_XCBC_96"), (TransformType.Integrity, 7, "HMAC_SHA1_160"),
        (TransformType.Integrity, 8, "AES_CMAC_96"), (TransformType.Integrity, 12, "HMAC_SHA2_256_128"), (TransformType.Integrity, 13, "HMAC_SHA2_384_192"),
        (TransformType.Integrity, 14, "HMAC_SHA2_512_256"),
        (TransformType.KeyExchange, 2, "MODP_1024"), (TransformType.KeyExchange, 5, "MODP_1536"), (TransformType.KeyExchange, 14, "MODP_2048"),
        (TransformType.KeyExchange, 15, "MODP_3072"), (TransformType.KeyExchange, 16, "MODP_4096"), (TransformType.KeyExchange, 17, "MODP_6144"),
        (TransformType.KeyExchange, 18, "MODP_8192"), (TransformType.KeyExchange, 19, "ECP_256"), (TransformType.KeyExchange, 20, "ECP_384"),
        (TransformType.KeyExchange, 21, "ECP_521"), (TransformType.KeyExchange, 27, "ECP_224_BP"), (TransformType.KeyExchange, 28, "ECP_256_BP"),
        (TransformType.KeyExchange, 29, "ECP_384_BP"), (TransformType.KeyExchange, 30, "ECP_512_BP"), (TransformType.KeyExchange, 31, "CURVE_25519"),
        (TransformType.KeyExchange, 32, "CURVE_448"),
    ];

    private static readonly Dictionary<(TransformType, ushort), string> _words = Rows.ToDictionary(r => (r.Type, r.Id), r => r.Word);

    /// <summary>The name; where there is none, the number in brackets as strongSwan does it.</summary>
    public static string Of(Transform transform) => _words.GetValueOrDefault((transform.Type, transform.Id), $"({transform.Id})");

    /// <summary>Adds the algorithms of a proposal that was chosen, as list-sa names them.</summary>
    public static void Add(ViciSection to, SaProtocol protocol, string? chosen)
    {
        if (chosen is null || !ProposalText.TryParse(protocol, chosen, out var parsed, out _) || parsed is not [{ } proposal, ..]) return;
        if (proposal.First(TransformType.Encryption) is { } cipher)
        {
            to.Add("encr-alg", Of(cipher));
            if (cipher.KeyBits > 0) to.Add("encr-keysize", cipher.KeyBits);
        }

        if (proposal.First(TransformType.Integrity) is { Id: > 0 } integrity) to.Add("integ-alg", Of(integrity));
        if (proposal.First(TransformType.Prf) is { } prf) to.Add("prf-alg", Of(prf));
        if (proposal.First(TransformType.KeyExchange) is { Id: > 0 } group) to.Add("dh-group", Of(group));
        if (proposal.First(TransformType.SequenceNumbers) is { Id: 1 }) to.Add("esn", 1);
    }
}
