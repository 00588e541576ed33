using System.IO.Compression;
using System.Runtime.CompilerServices;
using System.Text;
using System.Text.Json;
using Gateway.Host.Api;
using Gateway.Host.Journal.Heads;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Bundles;

/// <summary>A bundle, read as a journal that ends. Whoever reads it checks the chain; it only sees to it that the file is a bundle and is whole.</summary>
public sealed class BundleReader : IJournal
{
    /// <summary>What the header says the file is.</summary>
    public const string Magic = "gateway-journal";

    private const int MaxLine = 64 * 1024 * 1024;

    private readonly string _path;

    private BundleReader(string path, BundleHeader header) => (_path, Header) = (path, header);

    public BundleHeader Header { get; }

    /// <exception cref="BundleException">It is no bundle.</exception>
    public static BundleReader Open(string path)
    {
        using var lines = Lines(path);
        if (Next(lines, path) is not { } first) throw new BundleException($"{path} is empty.");
        var header = Parse<BundleHeader>(first);
        if (header is not { Bundle: Magic, From: > 0, Before.Length: HashChain.HashLength } || header.To < header.From) throw new BundleException($"{path} is no bundle of a gateway's journal.");
        if (header.Version != 1) throw new BundleException($"{path} has format {header.Version}; this gateway reads format 1.");
        return new BundleReader(path, header);
    }

    /// <summary>True when the file begins as a gzipped file does; a database does not.</summary>
    public static bool IsBundle(string path)
    {
        using var file = File.OpenRead(path);
        return file.ReadByte() == 0x1f && file.ReadByte() == 0x8b;
    }

    /// <summary>The signed heads in it.</summary>
    public IReadOnlyList<SignedHead> Heads()
    {
        using var lines = Lines(_path);
        Next(lines, _path);
        var heads = new List<SignedHead>();
        while (Next(lines, _path) is { } line)
            if (line.StartsWith("{\"head\":", StringComparison.Ordinal) && Parse<BundleLine>(line)?.Head is { } head) heads.Add(head);
        return heads;
    }

    public async IAsyncEnumerable<Envelope> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await Task.CompletedTask.ConfigureAwait(false);
        using var lines = Lines(_path);
        Next(lines, _path);
        var last = Header.From - 1;
        while (Next(lines, _path, last) is { } text)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var line = Parse<BundleLine>(text) ?? throw new JournalDamagedException(last + 1, $"{_path} is damaged behind position {last}.");
            if (line.Event is { } e)
            {
                last = e.Position;
                if (e.Position >= from) yield return e.ToEnvelope() ?? throw new JournalDamagedException(e.Position, $"{_path} is damaged at position {e.Position}.");
            }
            else if (line.End is { } end)
            {
                if (last == Header.To && end.Events == Header.To - Header.From + 1) yield break;
                throw new JournalDamagedException(last + 1, $"{_path} ends at position {last}, but says that it goes to {Header.To}.");
            }
        }

        throw new JournalDamagedException(last + 1, $"{_path} was cut off behind position {last}.");
    }

    public ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken) => throw new NotSupportedException("A bundle is only read.");

    public ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken) => throw new NotSupportedException("A bundle is only read.");

    public IAsyncEnumerable<Envelope> FollowAsync(long from, CancellationToken cancellationToken) => ReadAsync(from, cancellationToken);

    public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken) => ValueTask.FromResult<RecordedCommand?>(null);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private static StreamReader Lines(string path) => new(new GZipStream(new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read), CompressionMode.Decompress), new UTF8Encoding(false, throwOnInvalidBytes: true));

    private static string? Next(StreamReader lines, string path, long? behind = null)
    {
        try
        {
            return lines.ReadLine() is { Length: <= MaxLine } line ? line : null;
        }
        catch (Exception e) when (e is InvalidDataException or DecoderFallbackException)
        {
            throw behind is { } last ? new JournalDamagedException(last + 1, $"{path} is damaged behind position {last}: {e.Message}") : new BundleException($"{path} is damaged: {e.Message}");
        }
    }

    private static T? Parse<T>(string line)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize<T>(line, ApiJson.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}

/// <summary>The file is no bundle, or not a whole one.</summary>
public sealed class BundleException(string message) : Exception(message);
