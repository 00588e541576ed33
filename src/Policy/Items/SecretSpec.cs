using Gateway.Policy.Sa;

namespace Gateway.Policy.Items;

/// <summary>What a secret is for, in swanctl's words (<c>secrets.ike-…</c>).</summary>
public enum SecretType
{
    /// <summary>Pre-shared key of IKE.</summary>
    Ike,

    /// <summary>A password of EAP.</summary>
    Eap,

    /// <summary>The MD4 hash of a password, for EAP-MSCHAPv2: 16 octets.</summary>
    Ntlm,

    /// <summary>A post-quantum pre-shared key (RFC 8784); its identities are its names.</summary>
    Ppk,

    /// <summary>A private key: PKCS#8, PKCS#1 or SEC 1, as PEM or DER, not encrypted. It goes with the certificates that have its public key.</summary>
    Private,
}

/// <summary>
/// A secret as it is kept (<c>secret</c>): whose it is, and the vault's handle for the value. The value itself arrives in the command as <c>secret</c>
/// (plain text, <c>0s…</c> base64 or <c>0x…</c> hexadecimal) and is taken out before anything is decided.
/// </summary>
public sealed record SecretSpec : ItemSpec
{
    public required SecretType Type { get; init; }

    /// <summary>Identities that share it; none = anybody's.</summary>
    public ValueList<string> Ids { get; init; }

    /// <summary>The slot of the vault that holds the value.</summary>
    [Reading.NotFromCommands]
    public KeyHandle Handle { get; init; }
}
