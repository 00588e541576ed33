using System.Buffers.Binary;
using System.Security.Cryptography;
using Gateway.Policy;
using Gateway.Policy.Journal;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Journal;

/// <summary>
/// The end of the stream, kept outside the database, so that a journal which lost its tail (a truncated or damaged write-ahead log passes every check
/// of the database itself) is seen at the next start. A small file of two slots that are written in turn: 8 octets position, 32 octets hash,
/// 32 octets SHA-256 over both. Written after each commit without a sync of its own, so it is never ahead of the database.
/// </summary>
internal sealed class HeadAnchor : IDisposable
{
    private const int SlotLength = 72;

    private readonly SafeFileHandle _file;
    private int _slot;

    private HeadAnchor(SafeFileHandle file) => _file = file;

    /// <summary>Opens or makes the file (mode 0600).</summary>
    public static HeadAnchor Open(string path)
    {
        var existed = File.Exists(path);
        var file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        if (!existed) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        return new HeadAnchor(file);
    }

    /// <summary>The furthest head that the file at <paramref name="path"/> names; null when there is no file or no whole slot in it.</summary>
    public static JournalHead? Read(string path)
    {
        if (!File.Exists(path)) return null;
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        JournalHead? best = null;
        Span<byte> slot = stackalloc byte[SlotLength];
        Span<byte> digest = stackalloc byte[32];
        for (var i = 0; i < 2; i++)
        {
            if (RandomAccess.Read(file, slot, i * SlotLength) < SlotLength) continue;
            SHA256.HashData(slot[..40], digest);
            if (!digest.SequenceEqual(slot[40..])) continue;
            var head = new JournalHead(BinaryPrimitives.ReadInt64BigEndian(slot), new Octets(slot[8..40]));
            if (best is null || head.Position > best.Value.Position) best = head;
        }

        return best;
    }

    public void Write(JournalHead head)
    {
        Span<byte> slot = stackalloc byte[SlotLength];
        BinaryPrimitives.WriteInt64BigEndian(slot, head.Position);
        head.Hash.Span.CopyTo(slot[8..]);
        SHA256.HashData(slot[..40], slot[40..]);
        RandomAccess.Write(_file, slot, _slot * SlotLength);
        _slot ^= 1;
    }

    /// <summary>Puts the anchor itself on stable storage.</summary>
    public void Sync() => RandomAccess.FlushToDisk(_file);

    public void Dispose() => _file.Dispose();
}
