using Gateway.Policy.Sa;

namespace Gateway.Host.Vault;

/// <summary>Where a CHILD SA's worker keeps its hot state.</summary>
internal static unsafe class VaultHotState
{
    /// <summary>Address of the slot's hot state, aligned to 64 octets; 0 when there is none.</summary>
    public static nint Of(VaultFile vault, KeyHandle handle) => (nint)vault.HotState(handle, out _);
}
