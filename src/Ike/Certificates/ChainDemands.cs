using Gateway.Crypto.Signatures;
using Gateway.Ike.Sa;
using Gateway.Policy;
using Gateway.Policy.Items;

namespace Gateway.Ike.Certificates;

/// <summary>What a peer's certificate must hold up to.</summary>
public sealed record ChainDemands
{
    public static ChainDemands Default { get; } = new();

    /// <summary>Strengths and signatures, as <c>auth</c> says.</summary>
    public AuthenticationWord Word { get; init; } = AuthenticationWord.Pubkey;

    /// <summary>The certificate must be one of these; none = any.</summary>
    public ValueList<string> Certs { get; init; }

    /// <summary>One of these must be in the chain; none = any.</summary>
    public ValueList<string> Cacerts { get; init; }

    public Identity? CaId { get; init; }

    /// <summary>The certificate must have one of these policies; none = any.</summary>
    public ValueList<string> Policies { get; init; }

    public RevocationPolicy Revocation { get; init; } = RevocationPolicy.Relaxed;

    /// <summary>Whether <c>auth</c> allows a signature.</summary>
    public static bool Allows(ValueList<SignatureRule> rules, SignatureScheme scheme) =>
        rules.Count == 0 || rules.Any(r => (r.Family is null || FamilyOf(scheme.Key) == r.Family) && (r.Pss is null || r.Pss == scheme.Pss)
            && (r.Hash is null || scheme.Hash == HashKind.Identity || scheme.Hash.ToString().Equals(r.Hash, StringComparison.OrdinalIgnoreCase)));

    /// <summary>Whether <c>auth</c> allows a key.</summary>
    public static bool Allows(AuthenticationWord word, KeyKind kind, int bits)
    {
        if (word.Strengths.Count == 0) return true;
        var ofKind = word.Strengths.Where(s => s.Family == FamilyOf(kind)).ToList();
        // Edwards curves have one strength; they are shut out only where other families are named and they are not.
        return ofKind.Count > 0 ? ofKind.TrueForAll(s => bits >= s.Bits) : word.Chain.Any(r => r.Family == FamilyOf(kind));
    }

    private static KeyFamily FamilyOf(KeyKind kind) => kind switch
    {
        KeyKind.Rsa => KeyFamily.Rsa,
        KeyKind.Ecdsa => KeyFamily.Ecdsa,
        KeyKind.Ed25519 => KeyFamily.Ed25519,
        _ => KeyFamily.Ed448,
    };
}

/// <summary>One thing to fetch about revocation.</summary>
/// <param name="Body">An OCSP request to post; empty = get the URI.</param>
public sealed record Lookup(string Uri, Octets Body)
{
    /// <summary>What is asked for, so that it is asked once.</summary>
    public string Key => Body.IsEmpty ? Uri : $"{Uri} {Body}";
}

/// <summary>The judgement on a chain: a closed family.</summary>
public abstract record ChainVerdict
{
    private ChainVerdict()
    {
    }

    /// <param name="Chain">The certificate, its issuers, the anchor last.</param>
    public sealed record Trusted(IReadOnlyList<Certificate> Chain) : ChainVerdict;

    /// <param name="Reason">One sentence without a capital, for the journal.</param>
    public sealed record Untrusted(string Reason) : ChainVerdict;

    /// <summary>It depends on what these places say.</summary>
    public sealed record Asks(Lookup Lookup) : ChainVerdict;
}
