using System.Buffers.Binary;
using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using Gateway.Crypto;
using Gateway.Host.Vault.Interop;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Gateway.Policy.Sa;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Vault;

/// <summary>
/// The vault: one file, mapped shared, of slots that hold secrets and SA state wrapped with AES-256-GCM under a key-encryption key. What is stored here
/// survives <c>kill -9</c> at any instruction, because a store into the mapping is a store into the kernel's page; only the power can take it,
/// and what must survive that too is synced. A slot is one or more units of <see cref="UnitLength"/> octets, and its handle never serves again.
/// </summary>
public sealed unsafe class VaultFile : IDisposable
{
    /// <summary>Octets of one unit: small, so that the keys of a CHILD SA do not cost a page each.</summary>
    public const int UnitLength = 512;

    /// <summary>Units that a vault can hold by default (256 MiB of sparse file; blocks are taken as slots are).</summary>
    public const int DefaultUnits = 524_288;

    /// <summary>Octets for which blocks of the disk are reserved at once.</summary>
    private const int Chunk = 1 << 17;

    /// <summary>Most octets of one slot's content.</summary>
    public const int MaxContent = 1 << 20;

    private readonly Lock _gate = new();
    private readonly SafeFileHandle _file;
    private readonly KeyEncryptionKey _key;
    private readonly byte* _base;
    private readonly nuint _length;
    private readonly int _unit;
    private readonly bool[] _taken;
    private readonly bool[] _reserved;
    private readonly Dictionary<KeyHandle, uint> _index = [];
    private readonly ErasedRange _erased;
    private VaultPulse? _pulse;
    private bool _storedSecond;
    private int _next = 1;
    private bool _disposed;

    private VaultFile(SafeFileHandle file, KeyEncryptionKey key, int units, int unit)
    {
        (_file, _key, _unit) = (file, key, unit);
        _length = (nuint)units * (nuint)unit;
        _base = Libc.MapShared0(file, _length);
        _taken = new bool[units];
        _taken[0] = true;
        _reserved = new bool[(_length + Chunk - 1) / Chunk];
        var start = _base;
        _erased = new ErasedRange((from, to) => Libc.Sync(start + from, to - from));
    }

    /// <summary>Drawn when the file was made.</summary>
    public Guid VaultId => new(new ReadOnlySpan<byte>(Header->VaultId, 16));

    /// <summary>The kernel's boot under which the vault was written last, before this process opened it; hot state counts only on the same one.</summary>
    public Guid PreviousBootId { get; private set; }

    /// <summary>True when the file was made by this call of <see cref="Open"/>.</summary>
    public bool IsNew { get; private set; }

    /// <summary>Why no SA of this vault may go on. Kept in the file until <see cref="Trust"/>, so that a start which ends early does not lose it.</summary>
    public VaultDoubt Doubt => (VaultDoubt)Header->Void;

    private VaultHeader* Header => (VaultHeader*)_base;

    /// <summary>Opens or makes the vault.</summary>
    /// <exception cref="VaultException">The file is damaged, of another gateway, open elsewhere, or the key is not the one that made it.</exception>
    public static VaultFile Open(string path, KeyEncryptionKey key, string gatewayId, Guid bootId, int units = DefaultUnits) =>
        OpenAs(path, key, gatewayId, bootId, units, VaultHeader.CurrentVersion);

    /// <summary>The same; a vault that is made has that version.</summary>
    internal static VaultFile OpenAs(string path, KeyEncryptionKey key, string gatewayId, Guid bootId, int units, uint version)
    {
        SafeFileHandle? file = null;
        VaultFile? opened = null;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
            var isNew = !File.Exists(path) || new FileInfo(path).Length == 0;
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            var unit = UnitOf(version);
            if (isNew) Make(path, file, key, gatewayId, units, version);
            else (units, unit) = CheckLength(path, file);
            var vault = new VaultFile(file, key, units, unit) { IsNew = isNew };
            file = null;
            opened = vault;
            vault.Check(path, gatewayId);
            vault.TakeOver(bootId);
            vault.Scan();
            opened = null;
            return vault;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new VaultException($"The vault {path} cannot be opened: {e.Message}", e);
        }
        finally
        {
            opened?.Abandon();
            file?.Dispose();
        }
    }

    /// <summary>The boot id of the running kernel.</summary>
    public static Guid CurrentBootId() => Guid.Parse(File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim());

    /// <summary>All slots in use.</summary>
    public IReadOnlyList<(KeyHandle Handle, SlotKind Kind)> Slots()
    {
        lock (_gate) return [.. _index.Select(e => (e.Key, Slot(e.Value)->Kind))];
    }

    /// <summary>True when the slot exists.</summary>
    public bool Holds(KeyHandle handle)
    {
        lock (_gate) return _index.ContainsKey(handle);
    }

    /// <summary>
    /// Makes the slot or replaces its content; the old content stays in force until the new one is whole. With <paramref name="synced"/> it is on the
    /// disk when the call returns. <paramref name="hotLength"/> octets of hot state are kept beside it (zeroed at first; fixed for the slot's life).
    /// </summary>
    /// <exception cref="VaultException">The vault or its disk is full.</exception>
    public void Write(KeyHandle handle, SlotKind kind, ReadOnlySpan<byte> content, int hotLength = 0, bool synced = false)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(content.Length, MaxContent);
        ArgumentOutOfRangeException.ThrowIfEqual(handle.IsNone, true);
        lock (_gate)
        {
            ObjectDisposedException.ThrowIf(_disposed, this);
            if (_index.TryGetValue(handle, out var at) && Slot(at)->BufferLength < content.Length)
            {
                MoveToLarger(handle, at, kind, content);
                at = _index[handle];
            }
            else
            {
                if (at == 0) at = Allocate(handle, kind, content.Length, hotLength);
                Fill(at, content);
            }

            if (!synced) return;
            Libc.Sync((byte*)Slot(at), Slot(at)->Units * (nuint)_unit);
            // The header tells up to where slots lie.
            Libc.Sync(_base, UnitLength);
        }
    }

    /// <summary>The content of a slot, unwrapped into locked memory; false when there is none or it does not verify.</summary>
    public bool TryRead(KeyHandle handle, [NotNullWhen(true)] out Secret? content)
    {
        lock (_gate)
        {
            content = null;
            if (_disposed || !_index.TryGetValue(handle, out var at)) return false;
            var slot = Slot(at);
            var newerIsB = slot->B.Generation > slot->A.Generation;
            return TryUnwrap(slot, newerIsB, out content) || TryUnwrap(slot, !newerIsB, out content);
        }
    }

    /// <summary>The hot state of a slot, or null: native memory that stays where it is until the slot is shredded or the vault is closed.</summary>
    public byte* HotState(KeyHandle handle, out int length)
    {
        lock (_gate)
        {
            length = 0;
            if (_disposed || !_index.TryGetValue(handle, out var at)) return null;
            var slot = Slot(at);
            length = (int)slot->HotLength;
            return length == 0 ? null : (byte*)slot + SlotHeader.Size + (2 * slot->BufferLength);
        }
    }

    /// <summary>Overwrites the slot, syncs that to the disk and frees it. A handle that is not there is fine.</summary>
    public void Shred(KeyHandle handle)
    {
        lock (_gate)
        {
            if (_disposed || !_index.Remove(handle, out var at)) return;
            Erase(at, sync: true);
        }
    }

    /// <summary>Shreds many slots with one sync.</summary>
    public void Shred(IReadOnlyCollection<KeyHandle> handles)
    {
        lock (_gate)
        {
            if (_disposed || handles.Count == 0) return;
            foreach (var handle in handles)
                if (_index.Remove(handle, out var at)) Erase(at, sync: false);
            Libc.Sync(_base, Header->Used * (nuint)_unit);
        }
    }

    /// <summary>Overwrites and frees slots at once, and syncs that to the disk in a moment, together with what else is shredded meanwhile: nobody waits for the disk.</summary>
    public void ShredSoon(IReadOnlyCollection<KeyHandle> handles)
    {
        lock (_gate)
        {
            if (_disposed) return;
            foreach (var handle in handles)
            {
                if (!_index.Remove(handle, out var at)) continue;
                var from = (nuint)at * (nuint)_unit;
                _erased.Add(from, from + (Slot(at)->Units * (nuint)_unit));
                Erase(at, sync: false);
            }
        }
    }

    /// <summary>The journal that <see cref="CheckJournal"/> saw is the one that the vault knows.</summary>
    public bool KnowsJournal { get; private set; } = true;

    /// <summary>
    /// Refuses an empty journal when the vault has served another one: everything that the vault holds would count as left over.
    /// </summary>
    /// <exception cref="VaultException">That is so.</exception>
    public void RefuseEmptyJournal(JournalHead head, string path)
    {
        lock (_gate)
        {
            // Two heads that were announced: the first of them was stored.
            var seen = Math.Max(Header->JournalPosition, Header->OtherPosition);
            if (head.Position > 0 || Header->JournalPosition == 0 || Header->OtherPosition == 0) return;
            throw new VaultException($"The journal {path} is empty, but the vault belongs to one that reached position {seen}: the journal is lost, or is looked for in the wrong place. Put it back, or, to start over without the secrets, move the vault away.");
        }
    }

    /// <summary>
    /// Compares the journal's head at the start with the two that the vault knows. When it is neither, <see cref="Doubt"/> says so from now on.
    /// </summary>
    public void CheckJournal(JournalHead head)
    {
        lock (_gate)
        {
            var first = new JournalHead(Header->JournalPosition, new Octets(new ReadOnlySpan<byte>(Header->JournalHash, 32)));
            var second = new JournalHead(Header->OtherPosition, new Octets(new ReadOnlySpan<byte>(Header->OtherHash, 32)));
            _storedSecond = head == second && head != first;
            KnowsJournal = head == first || head == second;
            if (!KnowsJournal && Doubt == VaultDoubt.None) Header->Void = (uint)VaultDoubt.OtherJournal;
        }
    }

    /// <summary>The SAs that must not go on are shredded: what comes from now on may be resumed.</summary>
    public void Trust()
    {
        lock (_gate) Header->Void = (uint)VaultDoubt.None;
    }

    /// <summary>The journal will be asked to store up to here. Until <see cref="JournalStored"/> either this or the head before may be its end.</summary>
    public void JournalWillStore(JournalHead head)
    {
        lock (_gate)
        {
            if (_disposed) return;
            if (_storedSecond)
            {
                head.Hash.Span.CopyTo(new Span<byte>(Header->JournalHash, 32));
                Volatile.Write(ref Header->JournalPosition, head.Position);
            }
            else
            {
                head.Hash.Span.CopyTo(new Span<byte>(Header->OtherHash, 32));
                Volatile.Write(ref Header->OtherPosition, head.Position);
            }
        }
    }

    /// <summary>What was announced last is stored.</summary>
    public void JournalStored()
    {
        lock (_gate) _storedSecond = !_storedSecond;
    }

    /// <summary>A handle that was never used: 128 random bits.</summary>
    public static KeyHandle NewHandle()
    {
        Span<byte> bytes = stackalloc byte[16];
        SystemEntropy.Instance.Fill(bytes);
        return new KeyHandle(BinaryPrimitives.ReadUInt128BigEndian(bytes));
    }

    /// <summary>Takes the slots out of this process's memory until they are needed again; most are read once, when an SA or a peer is set up.</summary>
    public void LetGo()
    {
        lock (_gate)
            if (!_disposed) Libc.LetGo(_base, _length);
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_disposed) return;
            _disposed = true;
            _pulse?.Dispose();
            _erased.Dispose();
            Beat();
            Libc.Sync(_base, _length);
            Libc.Unmap(_base, _length);
            _file.Dispose();
        }
    }

    // A vault that cannot be used is left as it is.
    private void Abandon()
    {
        _disposed = true;
        _pulse?.Dispose();
        _erased.Dispose();
        Libc.Unmap(_base, _length);
        _file.Dispose();
    }

    // Looks before it writes: the first store changes what the file system knows of the file.
    private void TakeOver(Guid bootId)
    {
        var header = Header;
        var identity = FileIdentity.Of(_file);
        PreviousBootId = new Guid(new ReadOnlySpan<byte>(header->BootId, 16));
        var away = BootMs() - header->PulseBoot;
        if (IsNew) header->Void = (uint)VaultDoubt.None;
        else if (Doubt != VaultDoubt.None)
        {
            // A start before this one found it, and did not come far.
        }
        else if (PreviousBootId != bootId) header->Void = (uint)VaultDoubt.OtherBoot;
        else if (!identity.IsSameFile(header->Inode, header->Device, header->Birth)) header->Void = (uint)VaultDoubt.Copied;
        else if (identity.ChangedMs > header->PulseWall + (long)VaultPulse.Slack.TotalMilliseconds) header->Void = (uint)VaultDoubt.Touched;
        else if (away < 0 || away > (long)VaultPulse.LongestAway.TotalMilliseconds) header->Void = (uint)VaultDoubt.AwayTooLong;

        Beat();
        bootId.TryWriteBytes(new Span<byte>(header->BootId, 16));
        (header->Inode, header->Device, header->Birth) = (identity.Inode, identity.Device, identity.Birth);
        _pulse = new VaultPulse(Beat);
    }

    private void Beat()
    {
        var now = DateTimeOffset.UtcNow.ToUnixTimeMilliseconds();
        var stepped = now < Header->PulseWall - 1000;
        Volatile.Write(ref Header->PulseWall, now);
        Volatile.Write(ref Header->PulseBoot, BootMs());
        // The wall clock was set back: what the file system noted before lies in the future now, and must be noted anew.
        if (stepped) File.SetLastWriteTimeUtc(_file, DateTime.UtcNow);
    }

    private static long BootMs() => Ike.Interop.BootClock.Now.Milliseconds;

    private SlotHeader* Slot(uint unit) => (SlotHeader*)(_base + ((nuint)unit * (nuint)_unit));

    private static int UnitOf(uint version) => version == VaultHeader.VersionOfPages ? VaultHeader.PageUnit : UnitLength;

    private static void Make(string path, SafeFileHandle file, KeyEncryptionKey key, string gatewayId, int units, uint version)
    {
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var header = new VaultHeader { Magic = VaultHeader.MagicValue, Version = version, Units = (uint)units, Used = 1 };
        RandomNumberGenerator.Fill(new Span<byte>(header.VaultId, 16));
        RandomNumberGenerator.Fill(new Span<byte>(header.CheckNonce, 12));
        key.Wrap(new Span<byte>(header.CheckNonce, 12), [], [], new Span<byte>(header.CheckTag, 16), CheckBound(&header, gatewayId));
        Libc.Reserve(file, 0, UnitLength);
        RandomAccess.Write(file, MemoryMarshal.AsBytes(new ReadOnlySpan<VaultHeader>(in header)), 0);
        RandomAccess.SetLength(file, (long)units * UnitOf(version));
        RandomAccess.FlushToDisk(file);
    }

    private static (int Units, int Unit) CheckLength(string path, SafeFileHandle file)
    {
        Span<byte> start = stackalloc byte[12];
        var length = RandomAccess.GetLength(file);
        var unit = UnitOf(RandomAccess.Read(file, start, 0) == start.Length ? BinaryPrimitives.ReadUInt32LittleEndian(start[8..]) : VaultHeader.CurrentVersion);
        if (length < 2 * unit || length % unit != 0) throw new VaultException($"The vault {path} is damaged: its length is {length}.");
        return ((int)(length / unit), unit);
    }

    private void Check(string path, string gatewayId)
    {
        var header = Header;
        if (header->Magic != VaultHeader.MagicValue) throw new VaultException($"The file {path} is not a vault.");
        if (header->Version is not (VaultHeader.CurrentVersion or VaultHeader.VersionOfPages)) throw new VaultException($"The vault {path} has format {header->Version}; this gateway reads format {VaultHeader.CurrentVersion}.");
        if (header->Units != _taken.Length) throw new VaultException($"The vault {path} is truncated: {_taken.Length} of {header->Units} units are there.");
        if (!_key.TryUnwrap(new Span<byte>(header->CheckNonce, 12), [], new Span<byte>(header->CheckTag, 16), [], CheckBound(header, gatewayId)))
            throw new VaultException($"The vault {path} belongs to another gateway or to another key-encryption key.");
    }

    private static byte[] CheckBound(VaultHeader* header, string gatewayId) =>
        [.. new ReadOnlySpan<byte>(header, 32), .. Encoding.UTF8.GetBytes(gatewayId)];

    // A slot whose making was cut off has kind Free in its first octet, which is written last; its units are free again.
    private void Scan()
    {
        for (uint unit = 1; unit < Math.Min(Header->Used, (uint)_taken.Length);)
        {
            var slot = Slot(unit);
            var units = slot->Kind == SlotKind.Free ? 1 : slot->Units;
            if (slot->Kind != SlotKind.Free && IsSound(unit, slot))
            {
                // Two slots of one handle: the process ended while it moved the content to a larger slot; the newer one is whole.
                var handle = new KeyHandle(slot->Handle);
                if (_index.TryGetValue(handle, out var other)) Drop(Generation(Slot(other)) > Generation(slot) ? unit : other);
                if (slot->Kind != SlotKind.Free)
                {
                    _index[handle] = unit;
                    for (var i = 0; i < units; i++) _taken[unit + i] = true;
                }
            }
            else
            {
                units = 1;
            }

            unit += units;
        }
    }

    private void Drop(uint unit)
    {
        for (var i = 0; i < Slot(unit)->Units; i++) _taken[unit + i] = true;
        Erase(unit, sync: true);
    }

    private bool IsSound(uint unit, SlotHeader* slot) =>
        slot->Units > 0 && unit + slot->Units <= _taken.Length && slot->Kind <= SlotKind.Own
        && SlotHeader.Size + (2L * slot->BufferLength) + slot->HotLength <= slot->Units * (long)_unit
        && slot->A.Length <= slot->BufferLength && slot->B.Length <= slot->BufferLength;

    private static ulong Generation(SlotHeader* slot) => Math.Max(slot->A.Generation, slot->B.Generation);

    private uint Allocate(KeyHandle handle, SlotKind kind, int contentLength, int hotLength)
    {
        // Half as much again, so that most growth stays in place; hot state begins on a cache line.
        var buffer = (uint)((contentLength + (contentLength / 2) + 63) & ~63);
        var units = (int)((SlotHeader.Size + (2 * buffer) + (uint)hotLength + (uint)_unit - 1) / (uint)_unit);
        var unit = FindFree(units);
        try
        {
            Reserve((long)unit * _unit, (long)(unit + units) * _unit);
        }
        catch (IOException e)
        {
            throw new VaultException(e.Message, e);
        }

        // Raised before the slot exists: a slot behind the mark would not be found again.
        Header->Used = Math.Max(Header->Used, unit + (uint)units);
        var slot = Slot(unit);
        new Span<byte>(slot, units * _unit).Clear();
        slot->Units = (uint)units;
        slot->Handle = handle.Value;
        slot->BufferLength = buffer;
        slot->HotLength = (uint)hotLength;
        Volatile.Write(ref Unsafe.As<SlotKind, byte>(ref slot->Kind), (byte)kind);
        for (var i = 0; i < units; i++) _taken[unit + i] = true;
        _index[handle] = unit;
        return unit;
    }

    private void Reserve(long from, long to)
    {
        for (var chunk = from / Chunk; chunk * Chunk < to; chunk++)
        {
            if (_reserved[chunk]) continue;
            Libc.Reserve(_file, chunk * Chunk, Math.Min(Chunk, (long)_length - (chunk * Chunk)));
            _reserved[chunk] = true;
        }
    }

    // First fit from the lowest unit that may be free, so that the file stays as short as what it holds.
    private uint FindFree(int units)
    {
        while (_next < _taken.Length && _taken[_next]) _next++;
        var run = 0;
        for (var unit = _next; unit < _taken.Length; unit++)
        {
            run = _taken[unit] ? 0 : run + 1;
            if (run == units) return (uint)(unit - units + 1);
        }

        throw new VaultException($"The vault is full: {_index.Count} slots.");
    }

    private void MoveToLarger(KeyHandle handle, uint from, SlotKind kind, ReadOnlySpan<byte> content)
    {
        var old = Slot(from);
        var to = Allocate(handle, kind, content.Length, (int)old->HotLength);
        var slot = Slot(to);
        Buffer.MemoryCopy((byte*)old + SlotHeader.Size + (2 * old->BufferLength), (byte*)slot + SlotHeader.Size + (2 * slot->BufferLength), old->HotLength, old->HotLength);
        // Until its generation is stored the old slot is the newer one.
        Fill(to, content, Generation(old));
        Erase(from, sync: true);
    }

    private void Fill(uint unit, ReadOnlySpan<byte> content, ulong after = 0)
    {
        var slot = Slot(unit);
        var intoB = slot->A.Generation > slot->B.Generation || (slot->A.Generation == slot->B.Generation && slot->B.Length == 0 && slot->A.Length != 0);
        var generation = Math.Max(Generation(slot), after) + 1;
        var header = intoB ? &slot->B : &slot->A;
        SystemEntropy.Instance.Fill(new Span<byte>(header->Nonce, KeyEncryptionKey.NonceLength));
        _key.Wrap(
            new ReadOnlySpan<byte>(header->Nonce, KeyEncryptionKey.NonceLength),
            content,
            new Span<byte>(BufferOf(slot, intoB), content.Length),
            new Span<byte>(header->Tag, KeyEncryptionKey.TagLength),
            Bound(slot, generation));
        header->Length = (uint)content.Length;
        // The generation makes the buffer count: it is stored when all else is.
        Volatile.Write(ref header->Generation, generation);
    }

    private bool TryUnwrap(SlotHeader* slot, bool b, [NotNullWhen(true)] out Secret? content)
    {
        content = null;
        var header = b ? &slot->B : &slot->A;
        if (header->Generation == 0) return false;
        var secret = Secret.Allocate((int)header->Length, out var plain);
        if (_key.TryUnwrap(
            new ReadOnlySpan<byte>(header->Nonce, KeyEncryptionKey.NonceLength),
            new ReadOnlySpan<byte>(BufferOf(slot, b), plain.Length),
            new ReadOnlySpan<byte>(header->Tag, KeyEncryptionKey.TagLength),
            plain,
            Bound(slot, header->Generation)))
        {
            content = secret;
            return true;
        }

        secret.Dispose();
        return false;
    }

    private static byte* BufferOf(SlotHeader* slot, bool b) => (byte*)slot + SlotHeader.Size + (b ? slot->BufferLength : 0);

    // What a wrapped content is bound to: it cannot be moved to another slot, vault or generation.
    private byte[] Bound(SlotHeader* slot, ulong generation)
    {
        var bound = new byte[16 + 16 + 1 + 8];
        new ReadOnlySpan<byte>(Header->VaultId, 16).CopyTo(bound);
        BinaryPrimitives.WriteUInt128BigEndian(bound.AsSpan(16), slot->Handle);
        bound[32] = (byte)slot->Kind;
        BinaryPrimitives.WriteUInt64BigEndian(bound.AsSpan(33), generation);
        return bound;
    }

    private void Erase(uint unit, bool sync)
    {
        var slot = Slot(unit);
        var units = slot->Units;
        // The header goes last: an erasure that was cut off leaves a slot that is still found, does not verify, and is shredded again.
        CryptographicOperations.ZeroMemory(new Span<byte>((byte*)slot + SlotHeader.Size, (int)(units * _unit) - SlotHeader.Size));
        CryptographicOperations.ZeroMemory(new Span<byte>((byte*)slot, SlotHeader.Size));
        if (sync) Libc.Sync((byte*)slot, units * (nuint)_unit);
        for (var i = 0; i < units; i++) _taken[unit + i] = false;
        _next = Math.Min(_next, (int)unit);
    }
}
