using System.Buffers.Binary;
using System.IO.Compression;
using System.Security.Cryptography;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Policy;
using Gateway.Projections.Folds;

namespace Gateway.Host.Journal.Snapshots;

/// <summary>
/// One snapshot as a file.
/// <code>
///   0  magic "GWSNAP01"     8  length of the header u32, big-endian     12  length of the signature u32
///  16  header, UTF-8 JSON (<see cref="SnapshotHeader"/>)     then the signature over it, then the content
/// </code>
/// A file that is not whole, not of this journal, or not signed by this gateway is as good as none.
/// </summary>
internal static class SnapshotFile
{
    private const int MaxHeader = 64 * 1024;

    private static ReadOnlySpan<byte> Magic => "GWSNAP01"u8;

    /// <summary>Writes the file whole or not at all.</summary>
    public static void Write(string path, SnapshotHeader header, ReadOnlySpan<byte> content, ISeal? seal)
    {
        var text = JsonSerializer.SerializeToUtf8Bytes(header, ApiJson.Options);
        var signature = seal?.Sign(text) ?? [];
        Span<byte> start = stackalloc byte[16];
        Magic.CopyTo(start);
        BinaryPrimitives.WriteInt32BigEndian(start[8..], text.Length);
        BinaryPrimitives.WriteInt32BigEndian(start[12..], signature.Length);
        var fresh = path + ".new";
        using (var file = new FileStream(fresh, FileMode.Create, FileAccess.Write, FileShare.None))
        {
            File.SetUnixFileMode(file.SafeFileHandle, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            file.Write(start);
            file.Write(text);
            file.Write(signature);
            file.Write(content);
            file.Flush(flushToDisk: true);
        }

        File.Move(fresh, path, overwrite: true);
    }

    /// <summary>The header of a file that claims to be this gateway's; null when it is not, or was folded by other code.</summary>
    public static SnapshotHeader? ReadHeader(string path, string? gateway, ISeal? seal)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            return ReadHeader(file, gateway, seal);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            return null;
        }
    }

    /// <summary>The state that the file holds; null when it is damaged.</summary>
    public static StateFold? ReadState(string path, SnapshotHeader expected, ISeal? seal, bool blame)
    {
        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read | FileShare.Delete);
            if (ReadHeader(file, expected.Gateway, seal) is not { } header || header != expected) return null;
            var content = new byte[header.Length];
            file.ReadExactly(content);
            return Digest(content) == header.Digest ? StateDocument.Read(Unpack(content), blame) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException or InvalidDataException)
        {
            return null;
        }
    }

    public static Octets Digest(ReadOnlySpan<byte> content) => Octets.Owning(SHA256.HashData(content));

    public static byte[] Pack(byte[] document)
    {
        using var packed = new MemoryStream();
        using (var brotli = new BrotliStream(packed, CompressionLevel.Fastest, leaveOpen: true)) brotli.Write(document);
        return packed.ToArray();
    }

    public static byte[] Unpack(byte[] content)
    {
        using var brotli = new BrotliStream(new MemoryStream(content), CompressionMode.Decompress);
        using var document = new MemoryStream();
        brotli.CopyTo(document);
        return document.ToArray();
    }

    private static SnapshotHeader? ReadHeader(FileStream file, string? gateway, ISeal? seal)
    {
        Span<byte> start = stackalloc byte[16];
        file.ReadExactly(start);
        var (length, signed) = (BinaryPrimitives.ReadInt32BigEndian(start[8..]), BinaryPrimitives.ReadInt32BigEndian(start[12..]));
        if (!start[..8].SequenceEqual(Magic) || length is < 2 or > MaxHeader || signed is < 0 or > 1024) return null;
        var (text, signature) = (new byte[length], new byte[signed]);
        file.ReadExactly(text);
        file.ReadExactly(signature);
        if (seal is not null && !seal.Verify(text, signature)) return null;
        var header = JsonSerializer.Deserialize<SnapshotHeader>(text, ApiJson.Options);
        return header is { Length: >= 0 } && header.Build == StateDocument.Build && (gateway is null || header.Gateway == gateway) && file.Length == 16L + length + signed + header.Length ? header : null;
    }
}
