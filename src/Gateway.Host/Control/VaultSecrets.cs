using System.Security.Cryptography;
using Gateway.Crypto;
using Gateway.Host.Vault;
using Gateway.Policy;
using Gateway.Policy.Sa;

namespace Gateway.Host.Control;

/// <summary>The vault file as keeper of secret items, and of the key under which command bodies are digested.</summary>
public sealed class VaultSecrets : ISecretVault, IBodyDigest, IDisposable
{
    /// <summary>The one slot of the digest key; a fixed name, because nothing in the journal tells it.</summary>
    private static readonly KeyHandle _digestSlot = new(new UInt128(0x636f6d6d616e6420, 0x646967657374203a));

    private readonly VaultFile _vault;
    private readonly Secret _digestKey;

    public VaultSecrets(VaultFile vault)
    {
        _vault = vault;
        if (!vault.TryRead(_digestSlot, out var key))
        {
            Span<byte> fresh = stackalloc byte[32];
            RandomNumberGenerator.Fill(fresh);
            vault.Write(_digestSlot, SlotKind.Own, fresh, synced: true);
            key = Secret.FromBytes(fresh);
            CryptographicOperations.ZeroMemory(fresh);
        }

        _digestKey = key;
    }

    public void Put(KeyHandle slot, ReadOnlySpan<byte> value) => _vault.Write(slot, SlotKind.Secret, value, synced: true);

    public void Shred(KeyHandle slot) => _vault.Shred(slot);

    public Secret? Open(KeyHandle slot) => _vault.TryRead(slot, out var held) ? held : null;

    public bool Holds(KeyHandle slot) => _vault.Holds(slot);

    public bool Matches(KeyHandle slot, ReadOnlySpan<byte> value)
    {
        if (!_vault.TryRead(slot, out var held)) return false;
        using (held) return CryptographicOperations.FixedTimeEquals(held.Span, value);
    }

    public Octets Of(ReadOnlySpan<byte> canonicalBody) => new(HMACSHA256.HashData(_digestKey.Span, canonicalBody));

    public void Dispose() => _digestKey.Dispose();

    /// <summary>Shreds the secrets that no item of the configuration names: left by a crash between vault and journal. Gives how many.</summary>
    public int ShredStrays(IReadOnlySet<KeyHandle> named)
    {
        var strays = Strays(named);
        foreach (var stray in strays) _vault.Shred(stray);
        return strays.Count;
    }

    /// <summary>The secrets that no item of the configuration names.</summary>
    public IReadOnlyList<KeyHandle> Strays(IReadOnlySet<KeyHandle> named) =>
        [.. _vault.Slots().Where(s => s.Kind == SlotKind.Secret && !named.Contains(s.Handle)).Select(s => s.Handle)];
}
