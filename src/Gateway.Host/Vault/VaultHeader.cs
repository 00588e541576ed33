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
/// 120  second journal position i64 and hash (32); with the first: the journal's head is one of the two
/// 160  inode u64          168  birth of the file, ns i64      176  device u64
/// 184  pulse: wall clock, ms i64      192  the same moment since boot, ms i64      200  void u32, see VaultDoubt
/// </code>
/// What lies behind 120 is zero in a vault of an earlier version, from which no SA is resumed.
/// </summary>
[StructLayout(LayoutKind.Sequential, Pack = 1)]
internal unsafe struct VaultHeader
{
    public const ulong MagicValue = 0x31_54_4c_55_41_56_57_47;
    public const uint CurrentVersion = 2;

    /// <summary>Its units are pages; all else is the same.</summary>
    public const uint VersionOfPages = 1;

    /// <summary>Octets of a unit of <see cref="VersionOfPages"/>.</summary>
    public const int PageUnit = 4096;

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
    public long OtherPosition;
    public fixed byte OtherHash[32];
    public ulong Inode;
    public long Birth;
    public ulong Device;
    public long PulseWall;
    public long PulseBoot;
    public uint Void;
}
