using Gateway.Crypto.Ciphers;
using Gateway.Crypto.Integrity;
using Gateway.Crypto.KeyExchange;
using Gateway.Crypto.Prf;
using Gateway.Ike.Proposals;

namespace Gateway.Host.Import;

/// <summary>Which proposals of a foreign configuration the gateway can keep: those that it reads and whose every algorithm it can do.</summary>
internal static class SupportedProposals
{
    public static bool Check(string protocol, string proposal, out string reason)
    {
        var sa = protocol == "ike" ? SaProtocol.Ike : SaProtocol.Esp;
        if (!ProposalText.TryParse(sa, proposal, out var parsed, out var error))
        {
            reason = error.Sentence;
            return false;
        }

        var unable = parsed.SelectMany(p => p.Transforms).Where(t => !Can(sa, t)).Select(Name).FirstOrDefault();
        reason = unable is null ? "" : $"the gateway does not do its {unable} for {protocol.ToUpperInvariant()}";
        return unable is null;
    }

    /// <summary>Whether IKE or ESP can use the algorithm at all, in some strength.</summary>
    public static bool CanDo(TransformType type, ushort id) => ((ushort[])[0, 128, 192, 256]).Any(bits => Can(SaProtocol.Ike, new Transform(type, id, bits)) || Can(SaProtocol.Esp, new Transform(type, id, bits)));

    private static bool Can(SaProtocol sa, Transform transform) => transform.Type switch
    {
        // RFC 2410: ESP may encrypt nothing, IKE may not.
        TransformType.Encryption when sa == SaProtocol.Esp && (EncryptionAlgorithm)transform.Id == EncryptionAlgorithm.Null => true,
        TransformType.Encryption => CipherDescription.TryFind((EncryptionAlgorithm)transform.Id, out var cipher) && cipher.Allows(transform.KeyBits),
        TransformType.Prf => PseudoRandom.IsSupported((PrfAlgorithm)transform.Id),
        TransformType.Integrity => IntegrityChecks.TryDescribe((IntegrityAlgorithm)transform.Id, out _),
        TransformType.KeyExchange => transform.Id == 0 || KeyExchanges.IsSupported((KeyExchangeMethod)transform.Id),
        _ => true,
    };

    private static string Name(Transform transform) => transform.Type switch
    {
        TransformType.Encryption => "encryption",
        TransformType.Prf => "pseudo-random function",
        TransformType.Integrity => "integrity algorithm",
        TransformType.KeyExchange => "key exchange",
        _ => "transform",
    };
}
