using Gateway.Policy.Sa;

namespace Gateway.Host.Control;

/// <summary>Where the values of secret items go. A slot is written before the event that names it is stored; a slot that no event names is shredded at the next start.</summary>
public interface ISecretVault
{
    /// <summary>Keeps a value under a fresh handle, on stable storage when it returns.</summary>
    void Put(KeyHandle slot, ReadOnlySpan<byte> value);

    /// <summary>Overwrites the slot; nothing happens when there is none.</summary>
    void Shred(KeyHandle slot);

    bool Holds(KeyHandle slot);

    /// <summary>The value, or null; the caller owns it.</summary>
    Gateway.Crypto.Secret? Open(KeyHandle slot);

    /// <summary>True when the slot holds just this value; compares in constant time.</summary>
    bool Matches(KeyHandle slot, ReadOnlySpan<byte> value);
}

/// <summary>
/// Makes the digest by which the second delivery of a command is told from another command under the same id. The digest is stored in the clear beside the
/// journal and covers the command's secrets, so a plain hash would let a thief of the disk try out passphrases at leisure; it is therefore an HMAC under a
/// key that only the vault of this gateway has. With the key lost, a repeated command is refused as <c>id-reused</c>: it is never carried out twice.
/// </summary>
public interface IBodyDigest
{
    /// <summary>HMAC-SHA-256 of the canonical body, 32 octets.</summary>
    Policy.Octets Of(ReadOnlySpan<byte> canonicalBody);
}
