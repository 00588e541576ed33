using System.Buffers.Binary;
using System.Security.Cryptography;
using Gateway.Ike.Sa;
using Microsoft.Win32.SafeHandles;

namespace Gateway.Host.Vault;

/// <summary>
/// A file of what the gateway has learned and could learn again, so that the next process need not: no secrets, nothing that must be right. Two buffers are written
/// in turn, each with a digest, so that a write that was cut off leaves the one before in force. It holds on the same boot only.
/// <code>
///   0  magic "GWWARM01"   8  kind u16   10  version u16   12  length u32   16  generation u64
///  24  boot id (16)      40  saved at, ms since boot i64   48  SHA-256 of 0–47 and the content (32)   80  content
/// </code>
/// </summary>
internal sealed class WarmFile : IDisposable
{
    private const ulong Magic = 0x31_30_4d_52_41_57_57_47;
    private const int HeaderLength = 80;
    private const int Digested = 48;

    private readonly SafeFileHandle _file;
    private readonly ushort _kind;
    private readonly ushort _version;
    private readonly Guid _boot;
    private readonly byte[] _buffer;
    private ulong _generation;
    private byte[] _last = [];

    /// <param name="capacity">Most octets of content.</param>
    /// <param name="version">Of the content's form; another one is not read.</param>
    public WarmFile(string path, ushort kind, ushort version, int capacity, Guid boot)
    {
        (_kind, _version, _boot) = (kind, version, boot);
        _buffer = new byte[HeaderLength + capacity];
        Directory.CreateDirectory(Path.GetDirectoryName(Path.GetFullPath(path))!);
        _file = File.OpenHandle(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read);
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
    }

    /// <summary>What was saved last on this boot, and when; false when there is nothing or it is not whole.</summary>
    public bool TryRead(out byte[] content, out Timestamp savedAt)
    {
        (content, savedAt) = ([], default);
        for (var half = 0; half < 2; half++)
        {
            var length = RandomAccess.Read(_file, _buffer, OffsetOf(half));
            if (length < HeaderLength || !IsWhole(_buffer.AsSpan(0, length), out var size)) continue;
            var generation = BinaryPrimitives.ReadUInt64LittleEndian(_buffer.AsSpan(16));
            if (generation <= _generation) continue;
            _generation = generation;
            content = _buffer.AsSpan(HeaderLength, size).ToArray();
            savedAt = new Timestamp(BinaryPrimitives.ReadInt64LittleEndian(_buffer.AsSpan(40)));
        }

        return _generation != 0;
    }

    /// <summary>Saves, in place of what was saved before the last time. The same content again is not written until it would grow old.</summary>
    public void Write(ReadOnlySpan<byte> content, Timestamp now)
    {
        if (content.Length > _buffer.Length - HeaderLength) throw new ArgumentException($"{content.Length} octets are more than the file holds.", nameof(content));
        _generation++;
        var header = _buffer.AsSpan(0, HeaderLength);
        BinaryPrimitives.WriteUInt64LittleEndian(header, Magic);
        BinaryPrimitives.WriteUInt16LittleEndian(header[8..], _kind);
        BinaryPrimitives.WriteUInt16LittleEndian(header[10..], _version);
        BinaryPrimitives.WriteInt32LittleEndian(header[12..], content.Length);
        BinaryPrimitives.WriteUInt64LittleEndian(header[16..], _generation);
        _boot.TryWriteBytes(header[24..]);
        BinaryPrimitives.WriteInt64LittleEndian(header[40..], now.Milliseconds);
        content.CopyTo(_buffer.AsSpan(HeaderLength));
        Digest(_buffer.AsSpan(0, HeaderLength + content.Length), header[Digested..]);
        RandomAccess.Write(_file, _buffer.AsSpan(0, HeaderLength + content.Length), OffsetOf((int)(_generation & 1)));
        _last = content.ToArray();
    }

    /// <summary>Whether this is what was written last by this process.</summary>
    public bool IsSame(ReadOnlySpan<byte> content) => content.SequenceEqual(_last);

    public void Dispose() => _file.Dispose();

    private long OffsetOf(int half) => (long)half * _buffer.Length;

    private bool IsWhole(ReadOnlySpan<byte> bytes, out int size)
    {
        size = BinaryPrimitives.ReadInt32LittleEndian(bytes[12..]);
        if (BinaryPrimitives.ReadUInt64LittleEndian(bytes) != Magic || BinaryPrimitives.ReadUInt16LittleEndian(bytes[8..]) != _kind
            || BinaryPrimitives.ReadUInt16LittleEndian(bytes[10..]) != _version || size < 0 || size > bytes.Length - HeaderLength || new Guid(bytes.Slice(24, 16)) != _boot) return false;
        Span<byte> digest = stackalloc byte[SHA256.HashSizeInBytes];
        Digest(bytes[..(HeaderLength + size)], digest);
        return digest.SequenceEqual(bytes.Slice(Digested, digest.Length));
    }

    private static void Digest(ReadOnlySpan<byte> bytes, Span<byte> into)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(bytes[..Digested]);
        hash.AppendData(bytes[HeaderLength..]);
        hash.GetHashAndReset(into);
    }
}
