using System.Buffers.Binary;
using System.Security.Cryptography;
using Gateway.Host.Journal.EventStore.Contract;
using Gateway.Policy.Journal;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Journal.EventStore;

/// <summary>
/// Events that the gateway has decided to store and that are on their way into the store: a local file that survives the process at once, and the power when
/// <see cref="Sync"/> was called. A record is one batch: length in four octets big-endian, SHA-256 of the rest, its events as they are sent. A cut-off record at the end is
/// as if it had never been begun. The file is emptied whenever everything in it has arrived. It also keeps a second process out.
/// </summary>
internal sealed class JournalSpool : IDisposable
{
    private const int RecordHeader = 4 + 32;

    /// <summary>A file that is longer, and mostly behind, is written anew.</summary>
    private const long Compact = 4 * 1024 * 1024;

    private static ReadOnlySpan<byte> Magic => "GWSPOOL1"u8;

    private readonly string _path;
    private readonly Queue<long> _ends = new();
    private SafeFileHandle _file;
    private long _start;
    private long _length;

    private JournalSpool(string path, SafeFileHandle file) => (_path, _file) = (path, file);

    /// <summary>Octets that wait.</summary>
    public long Waiting => _length - _start;

    /// <summary>Opens or makes the file (mode 0600) and reads what waits in it.</summary>
    /// <exception cref="JournalUnavailableException">Another process uses it, or it cannot be written.</exception>
    /// <exception cref="JournalDamagedException">It is no spool.</exception>
    public static JournalSpool Open(string path, out IReadOnlyList<IReadOnlyList<AppendReq.Types.ProposedMessage>> waiting)
    {
        SafeFileHandle file;
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            var existed = File.Exists(path);
            file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
            if (!existed) File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        }
        catch (IOException e)
        {
            throw new JournalUnavailableException($"The spool {path} is in use by another process, or cannot be opened: {e.Message}", e);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new JournalUnavailableException($"The spool {path} cannot be written: {e.Message}", e);
        }

        var spool = new JournalSpool(path, file);
        try
        {
            waiting = spool.Load();
            return spool;
        }
        catch
        {
            spool.Dispose();
            throw;
        }
    }

    /// <summary>Adds a batch; it is in the kernel's hands when this returns.</summary>
    public void Add(IReadOnlyList<AppendReq.Types.ProposedMessage> events)
    {
        var record = new byte[RecordHeader + events.Sum(e => GrpcFrames.HeaderLength + e.CalculateSize())];
        GrpcFrames.Write([.. events]).CopyTo(record, RecordHeader);
        BinaryPrimitives.WriteInt32BigEndian(record, record.Length - RecordHeader);
        SHA256.HashData(record.AsSpan(RecordHeader), record.AsSpan(4, 32));
        try
        {
            RandomAccess.Write(_file, record, _length);
        }
        catch (IOException)
        {
            // What was written of it, if anything, is written over by the next one.
            RandomAccess.SetLength(_file, _length);
            throw;
        }

        _length += record.Length;
        _ends.Enqueue(_length);
    }

    /// <summary>The oldest batch has arrived.</summary>
    public void RemoveFirst()
    {
        _start = _ends.Dequeue();
        if (_ends.Count == 0)
        {
            RandomAccess.SetLength(_file, Magic.Length);
            (_start, _length) = (Magic.Length, Magic.Length);
        }
        else if (_start > Compact && _start > _length / 2)
        {
            Rewrite();
        }
    }

    /// <summary>The newest batch is given up, before anybody relied on it.</summary>
    public void RemoveLast()
    {
        var kept = _ends.ToArray()[..^1];
        _ends.Clear();
        foreach (var end in kept) _ends.Enqueue(end);
        _length = kept.Length > 0 ? kept[^1] : _start;
        RandomAccess.SetLength(_file, _length);
    }

    /// <summary>Puts it on stable storage.</summary>
    public void Sync() => RandomAccess.FlushToDisk(_file);

    public void Dispose() => _file.Dispose();

    private List<IReadOnlyList<AppendReq.Types.ProposedMessage>> Load()
    {
        var waiting = new List<IReadOnlyList<AppendReq.Types.ProposedMessage>>();
        var size = RandomAccess.GetLength(_file);
        var magic = new byte[Magic.Length];
        if (size == 0)
        {
            RandomAccess.Write(_file, Magic, 0);
            size = Magic.Length;
        }
        else if (RandomAccess.Read(_file, magic, 0) < magic.Length || !Magic.SequenceEqual(magic))
        {
            throw new JournalDamagedException(0, $"{_path} is no spool of a gateway's journal.");
        }

        _start = _length = Magic.Length;
        var header = new byte[RecordHeader];
        while (_length + RecordHeader <= size && RandomAccess.Read(_file, header, _length) == RecordHeader)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(header);
            if (length <= 0 || _length + RecordHeader + length > size) break;
            var record = new byte[length];
            if (RandomAccess.Read(_file, record, _length + RecordHeader) < length || !SHA256.HashData(record).AsSpan().SequenceEqual(header.AsSpan(4))) break;
            waiting.Add(Events(record));
            _length += RecordHeader + length;
            _ends.Enqueue(_length);
        }

        if (_length < size) RandomAccess.SetLength(_file, _length);
        return waiting;
    }

    private static List<AppendReq.Types.ProposedMessage> Events(ReadOnlySpan<byte> record)
    {
        var events = new List<AppendReq.Types.ProposedMessage>();
        while (record.Length >= GrpcFrames.HeaderLength)
        {
            var length = BinaryPrimitives.ReadInt32BigEndian(record[1..]);
            events.Add(AppendReq.Types.ProposedMessage.Parser.ParseFrom(record.Slice(GrpcFrames.HeaderLength, length)));
            record = record[(GrpcFrames.HeaderLength + length)..];
        }

        return events;
    }

    private void Rewrite()
    {
        var fresh = _path + ".new";
        var rest = new byte[_length - _start];
        RandomAccess.Read(_file, rest, _start);
        var file = File.OpenHandle(fresh, FileMode.Create, FileAccess.ReadWrite, FileShare.None);
        File.SetUnixFileMode(fresh, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        RandomAccess.Write(file, Magic, 0);
        RandomAccess.Write(file, rest, Magic.Length);
        RandomAccess.FlushToDisk(file);
        File.Move(fresh, _path, overwrite: true);
        _file.Dispose();
        _file = file;
        var moved = _ends.Select(end => end - _start + Magic.Length).ToArray();
        _ends.Clear();
        foreach (var end in moved) _ends.Enqueue(end);
        (_start, _length) = (Magic.Length, Magic.Length + rest.Length);
    }
}
