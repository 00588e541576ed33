using System.Runtime.InteropServices;

namespace Gateway.Host.Vault;

/// <summary>
/// First page of the vault's file.
/// <code>
///   0  magic "GWVAULT1"      8  version u32          12  units u32
///  16  vault id (16)        32  boot id (16)         48  journal position i64
///  56  journal hash (32)    88  check nonce (12)    100  check tag (16): AES-256-GCM of nothing under the key-encryption key,
///                                                        with magic, version, vault id and the gateway's id as associated data
/// 116  used u32: no unit from here on was ever taken; the file is sparse, and reading a hole would make it resident
/// </code>
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal unsafe struct VaultHeader
{
    public const ulong MagicValue = 0x31_54_4c_55_41_56_57_47;
    public const uint CurrentVersion = 1;

    public ulong Magic;
    public uint Version;
    public uint Units;
    public fixed byte VaultId[16];
    public fixed byte BootId[16];
    public long JournalPosition;
    public fixed byte JournalHash[32];
    public fixed byte CheckNonce[12];
    public fixed byte CheckTag[16];
    public uint Used;
}
