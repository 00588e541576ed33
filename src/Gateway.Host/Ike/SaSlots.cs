using System.Diagnostics.CodeAnalysis;
using Gateway.Crypto;
using Gateway.Host.Vault;
using Gateway.Policy.Sa;

namespace Gateway.Host.Ike;

/// <summary>All slots of SAs in the vault, unwrapped together: at the start that can go on beside the replay of the journal.</summary>
internal sealed class SaSlots : IDisposable
{
    private readonly Dictionary<KeyHandle, Secret> _contents = [];

    /// <summary>Slots of IKE SAs that can be read.</summary>
    public List<(KeyHandle Handle, Secret Content)> IkeSas { get; } = [];

    /// <summary>All others: of CHILD SAs, and what cannot be read.</summary>
    public HashSet<KeyHandle> Others { get; } = [];

    public static SaSlots Read(VaultFile vault)
    {
        var slots = new SaSlots();
        foreach (var (handle, kind) in vault.Slots())
        {
            if (kind is not (SlotKind.IkeSa or SlotKind.ChildSa)) continue;
            var there = vault.TryRead(handle, out var content);
            if (there) slots._contents.Add(handle, content!);
            if (there && kind == SlotKind.IkeSa) slots.IkeSas.Add((handle, content!));
            else slots.Others.Add(handle);
        }

        return slots;
    }

    public bool TryGet(KeyHandle handle, [NotNullWhen(true)] out Secret? content) => _contents.TryGetValue(handle, out content);

    public void Dispose()
    {
        foreach (var content in _contents.Values) content.Dispose();
        _contents.Clear();
    }
}
