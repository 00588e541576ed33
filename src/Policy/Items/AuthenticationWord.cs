using System.Diagnostics.CodeAnalysis;
using System.Globalization;

namespace Gateway.Policy.Items;

/// <summary>How a side proves who it is.</summary>
public enum AuthenticationMethod
{
    Psk,

    /// <summary>By a signature, with a certificate or a raw public key.</summary>
    Pubkey,

    Eap,
}

/// <summary>EAP methods, with their numbers of RFC 3748 and the IANA registry.</summary>
public enum EapMethod : byte
{
    /// <summary>Whichever both sides know.</summary>
    Any = 0,

    Identity = 1,
    Notification = 2,
    Nak = 3,
    Md5 = 4,
    Tls = 13,
    MsChapV2 = 26,
}

/// <summary>Families of public keys that constraints name.</summary>
public enum KeyFamily
{
    Rsa,
    Ecdsa,
    Ed25519,
    Ed448,
}

/// <summary>The least strength of a family of keys, in bits.</summary>
public sealed record KeyStrength(KeyFamily Family, int Bits);

/// <summary>A signature that is allowed: null stands for any.</summary>
/// <param name="Hash"><c>sha1</c>, <c>sha256</c>, <c>sha384</c> or <c>sha512</c>.</param>
public sealed record SignatureRule(KeyFamily? Family, bool? Pss, string? Hash);

/// <summary>
/// The word <c>auth</c> of a round as swanctl.conf writes it: <c>psk</c>, <c>pubkey</c>, <c>eap</c>, <c>eap-mschapv2</c>, <c>eap-tls:ecdsa-384-sha384</c>, and for public
/// keys with constraints <c>rsa-3072-sha256</c>, <c>ecdsa-256</c>, <c>rsa/pss-sha256</c>, <c>ed25519</c>; after <c>ike:</c> they concern the signature in IKE_AUTH alone,
/// as in <c>rsa-3072-sha256-ike:rsa-sha512</c>. Parts may also stand between commas.
/// </summary>
public sealed class AuthenticationWord : IEquatable<AuthenticationWord>
{
    private static readonly string[] _hashes = ["sha1", "sha256", "sha384", "sha512"];

    private AuthenticationWord(string text, AuthenticationMethod method, EapMethod eap, ValueList<KeyStrength> strengths, ValueList<SignatureRule> chain, ValueList<SignatureRule> ike) =>
        (Text, Method, Eap, Strengths, Chain, Ike) = (text, method, eap, strengths, chain, ike);

    public static AuthenticationWord Psk { get; } = new("psk", AuthenticationMethod.Psk, EapMethod.Any, [], [], []);

    public static AuthenticationWord Pubkey { get; } = new("pubkey", AuthenticationMethod.Pubkey, EapMethod.Any, [], [], []);

    public string Text { get; }

    public AuthenticationMethod Method { get; }

    public EapMethod Eap { get; }

    /// <summary>Least strengths of the keys in the chain of certificates.</summary>
    public ValueList<KeyStrength> Strengths { get; }

    /// <summary>Signatures that certificates may have; none = any.</summary>
    public ValueList<SignatureRule> Chain { get; }

    /// <summary>Signatures that AUTH may have where they are named apart; see <see cref="Proof"/>.</summary>
    public ValueList<SignatureRule> Ike { get; }

    /// <summary>Signatures that AUTH may have: those after <c>ike:</c>, else, as in strongSwan, those of the certificates.</summary>
    public ValueList<SignatureRule> Proof => Ike.Count > 0 ? Ike : Chain;

    public static bool TryParse(string? text, [NotNullWhen(true)] out AuthenticationWord? word) => TryParse(text, out word, out _);

    /// <summary>Reads a word; the error is one sentence.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out AuthenticationWord? word, [NotNullWhen(false)] out string? error)
    {
        word = null;
        var lower = text?.Trim().ToLowerInvariant() ?? "";
        if (lower == "psk")
        {
            (word, error) = (Psk, null);
            return true;
        }

        if (lower == "eap" || lower.StartsWith("eap-", StringComparison.Ordinal)) return TryEap(lower, out word, out error);
        if (!TryConstraints(lower, out var strengths, out var chain, out var ike, out error)) return false;
        word = lower == "pubkey" ? Pubkey : new AuthenticationWord(lower, AuthenticationMethod.Pubkey, EapMethod.Any, strengths, chain, ike);
        return true;
    }

    public bool Equals(AuthenticationWord? other) => other is not null && Text == other.Text;

    public override bool Equals(object? obj) => Equals(obj as AuthenticationWord);

    public override int GetHashCode() => Text.GetHashCode(StringComparison.Ordinal);

    public override string ToString() => Text;

    private static bool TryEap(string text, out AuthenticationWord? word, out string? error)
    {
        word = null;
        var colon = text.IndexOf(':', StringComparison.Ordinal);
        var name = colon < 0 ? text : text[..colon];
        EapMethod? method = name switch { "eap" => EapMethod.Any, "eap-md5" => EapMethod.Md5, "eap-tls" => EapMethod.Tls, "eap-mschapv2" => EapMethod.MsChapV2, _ => null };
        if (method is null) return Fail("EAP is spoken with the methods md5, mschapv2 and tls.", out error);
        (ValueList<KeyStrength> Strengths, ValueList<SignatureRule> Chain) constraints = ([], []);
        if (colon >= 0)
        {
            if (method != EapMethod.Tls) return Fail("Only eap-tls takes constraints of certificates.", out error);
            if (!TryConstraints(text[(colon + 1)..], out constraints.Strengths, out constraints.Chain, out _, out error)) return false;
        }

        (word, error) = (new AuthenticationWord(text, AuthenticationMethod.Eap, method.Value, constraints.Strengths, constraints.Chain, []), null);
        return true;
    }

    private static bool TryConstraints(
        string text, out ValueList<KeyStrength> strengths, out ValueList<SignatureRule> chain, out ValueList<SignatureRule> ike, [NotNullWhen(false)] out string? error)
    {
        var (bits, ofChain, ofIke) = (new List<KeyStrength>(), new List<SignatureRule>(), new List<SignatureRule>());
        (strengths, chain, ike, error) = ([], [], [], null);
        foreach (var part in text.Split(','))
        {
            if (!TryPart(part, bits, ofChain, ofIke))
                return Fail("Expected psk, eap, pubkey, rsa, rsa/pss, ecdsa, ed25519 or ed448, keys perhaps with their bits and hashes, as rsa-3072-sha256.", out error);
        }

        (strengths, chain, ike) = (bits.ToValueList(), ofChain.ToValueList(), ofIke.ToValueList());
        return true;
    }

    private static bool TryPart(string part, List<KeyStrength> strengths, List<SignatureRule> chain, List<SignatureRule> ike)
    {
        var rules = chain;
        (KeyFamily? family, bool? pss, bool isNamed, bool hasHash) = (null, null, false, true);
        foreach (var word in part.Split('-'))
        {
            var isIke = word.StartsWith("ike:", StringComparison.Ordinal);
            var token = isIke ? word[4..] : word;
            if (token is "pubkey" or "rsa" or "rsa/pss" or "ecdsa" or "ed25519" or "ed448")
            {
                // A family without a hash allows it with any.
                if (!hasHash && family is not null) rules.Add(new SignatureRule(family, pss, null));
                if (isIke) rules = ike;
                family = token switch { "rsa" or "rsa/pss" => KeyFamily.Rsa, "ecdsa" => KeyFamily.Ecdsa, "ed25519" => KeyFamily.Ed25519, "ed448" => KeyFamily.Ed448, _ => null };
                pss = token == "rsa/pss" ? true : null;
                (isNamed, hasHash) = (true, false);
            }
            else if (!isIke && Array.IndexOf(_hashes, token) >= 0 && isNamed)
            {
                rules.Add(new SignatureRule(family, pss, token));
                hasHash = true;
            }
            else if (!isIke && family is KeyFamily.Rsa or KeyFamily.Ecdsa && int.TryParse(token, NumberStyles.None, CultureInfo.InvariantCulture, out var bits) && bits is >= 128 and <= 16384)
            {
                strengths.Add(new KeyStrength(family.Value, bits));
            }
            else
            {
                return false;
            }
        }

        if (!hasHash && family is not null) rules.Add(new SignatureRule(family, pss, null));
        return isNamed;
    }

    private static bool Fail(string sentence, out string error)
    {
        error = sentence;
        return false;
    }
}
