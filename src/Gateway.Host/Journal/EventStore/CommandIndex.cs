using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using Gateway.Policy;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.EventStore;

/// <summary>
/// Where in the stream each command's record lies, by the first 16 octets of the SHA-256 of its key, about 50 octets of memory each. Kept in a file too, so
/// that a start does not have to read the stream for it: blocks of entries, each closed by the position and hash up to which it is complete, and a checksum.
/// The file can be thrown away at any time; it is then made anew from the stream.
/// </summary>
internal sealed class CommandIndex : IDisposable
{
    private const int EntryLength = 24;
    private const int BlockTail = 8 + 16 + 16;

    private static ReadOnlySpan<byte> Magic => "GWCMDIX1"u8;

    private readonly Dictionary<UInt128, long> _positions = [];
    private readonly FileStream? _file;
    private List<(UInt128 Key, long Position)> _fresh = [];

    private CommandIndex(FileStream? file) => _file = file;

    /// <summary>Up to here it is complete.</summary>
    public long Position { get; private set; }

    /// <summary>The first 16 octets of the chain's hash at <see cref="Position"/>.</summary>
    public Octets HashPrefix { get; private set; }

    public int Count => _positions.Count;

    /// <summary>One that lives in memory only.</summary>
    public static CommandIndex InMemory() => new(null);

    /// <summary>Opens or makes the file; what is unreadable in it is left out.</summary>
    public static CommandIndex Open(string path)
    {
        var existed = File.Exists(path);
        var file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 64 * 1024);
        if (!existed) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        var index = new CommandIndex(file);
        index.Load();
        return index;
    }

    /// <summary>Position of the event that carries the command's record; null when there is none.</summary>
    public long? Find(CommandKey key) => _positions.TryGetValue(Hash(key), out var position) ? position : null;

    public void Add(CommandKey key, long position)
    {
        var hash = Hash(key);
        _positions[hash] = position;
        if (_file is not null) _fresh.Add((hash, position));
    }

    /// <summary>Everything up to <paramref name="head"/> is in it. Not synced: after a power loss the end is read again from the stream.</summary>
    public void Complete(JournalHead head)
    {
        (Position, HashPrefix) = (head.Position, new Octets(head.Hash.Span[..16]));
        if (_file is null || _fresh.Count == 0) return;
        var block = new byte[4 + (_fresh.Count * EntryLength) + BlockTail];
        BinaryPrimitives.WriteInt32BigEndian(block, _fresh.Count);
        var at = 4;
        foreach (var (key, position) in _fresh)
        {
            BinaryPrimitives.WriteUInt128BigEndian(block.AsSpan(at), key);
            BinaryPrimitives.WriteInt64BigEndian(block.AsSpan(at + 16), position);
            at += EntryLength;
        }

        BinaryPrimitives.WriteInt64BigEndian(block.AsSpan(at), Position);
        HashPrefix.Span.CopyTo(block.AsSpan(at + 8));
        SHA256.HashData(block.AsSpan(0, at + 24)).AsSpan(0, 16).CopyTo(block.AsSpan(at + 24));
        try
        {
            _file.Write(block);
            _file.Flush();
            _fresh = [];
        }
        catch (IOException)
        {
            // A full disk: the entries stay in memory and go with the next block.
            _file.SetLength(_file.Position = Math.Min(_file.Position, _file.Length));
        }
    }

    /// <summary>Begins anew.</summary>
    public void Clear()
    {
        _positions.Clear();
        _fresh.Clear();
        (Position, HashPrefix) = (0, Octets.Empty);
        _file?.SetLength(Magic.Length);
        if (_file is not null) _file.Position = Magic.Length;
    }

    public void Dispose() => _file?.Dispose();

    private void Load()
    {
        var magic = new byte[Magic.Length];
        if (_file!.ReadAtLeast(magic, magic.Length, throwOnEndOfStream: false) < magic.Length || !Magic.SequenceEqual(magic))
        {
            _file.SetLength(0);
            _file.Write(Magic);
            _file.Flush();
            return;
        }

        var good = _file.Position;
        var count = new byte[4];
        while (_file.ReadAtLeast(count, 4, throwOnEndOfStream: false) == 4)
        {
            var entries = BinaryPrimitives.ReadInt32BigEndian(count);
            if (entries <= 0 || ((long)entries * EntryLength) + BlockTail > _file.Length - _file.Position) break;
            var block = new byte[4 + (entries * EntryLength) + BlockTail];
            count.CopyTo(block, 0);
            _file.ReadExactly(block.AsSpan(4));
            var tail = block.Length - BlockTail;
            if (!SHA256.HashData(block.AsSpan(0, tail + 24)).AsSpan(0, 16).SequenceEqual(block.AsSpan(tail + 24))) break;
            for (var at = 4; at < tail; at += EntryLength) _positions[BinaryPrimitives.ReadUInt128BigEndian(block.AsSpan(at))] = BinaryPrimitives.ReadInt64BigEndian(block.AsSpan(at + 16));
            (Position, HashPrefix) = (BinaryPrimitives.ReadInt64BigEndian(block.AsSpan(tail)), new Octets(block.AsSpan(tail + 8, 16)));
            good = _file.Position;
        }

        _file.SetLength(good);
        _file.Position = good;
    }

    private static UInt128 Hash(CommandKey key)
    {
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(Encoding.UTF8.GetBytes($"{key.Principal.Door.Length}:{key.Principal.Door}{key.Principal.Name.Length}:{key.Principal.Name}{key.Id}"), hash);
        return BinaryPrimitives.ReadUInt128BigEndian(hash);
    }
}
