using System.Runtime.CompilerServices;
using Gateway.Policy.Journal;

namespace Gateway.Host.Journal.Bundles;

/// <summary>A journal together with the bundles that its older events were archived into, read as one from position 1 on.</summary>
/// <param name="journal">The journal, which begins behind the bundles.</param>
/// <param name="folder">Where the bundles are.</param>
public sealed class ArchivedJournal(IJournal journal, string folder) : IJournal
{
    /// <summary>The end of a bundle's name.</summary>
    public const string Extension = ".bundle.gz";

    /// <summary>The name of the bundle of a period, by which it is found again.</summary>
    public static string NameOf(string gateway, long from, long to) => string.Create(System.Globalization.CultureInfo.InvariantCulture, $"{gateway}-{from:D12}-{to:D12}{Extension}");

    public async IAsyncEnumerable<Envelope> ReadAsync(long from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        from = Math.Max(1, from);
        var begin = (await journal.BaseAsync(cancellationToken).ConfigureAwait(false))?.Head.Position ?? 0;
        while (from <= begin)
        {
            var bundle = BundleReader.Open(PathOf(from, begin));
            await foreach (var e in bundle.ReadAsync(from, cancellationToken).ConfigureAwait(false))
            {
                if (e.Position > begin) break;
                from = e.Position + 1;
                yield return e;
            }
        }

        await foreach (var e in journal.ReadAsync(from, cancellationToken).ConfigureAwait(false)) yield return e;
    }

    public ValueTask<JournalHead> OpenAsync(CancellationToken cancellationToken) => throw new NotSupportedException("An archive is only read.");

    public ValueTask AppendAsync(AppendBatch batch, CancellationToken cancellationToken) => throw new NotSupportedException("An archive is only read.");

    public IAsyncEnumerable<Envelope> FollowAsync(long from, CancellationToken cancellationToken) => throw new NotSupportedException("An archive is not followed.");

    public ValueTask<RecordedCommand?> FindCommandAsync(CommandKey key, CancellationToken cancellationToken) => journal.FindCommandAsync(key, cancellationToken);

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private string PathOf(long position, long begin)
    {
        foreach (var path in Directory.Exists(folder) ? Directory.GetFiles(folder, "*" + Extension) : [])
        {
            var parts = Path.GetFileName(path)[..^Extension.Length].Split('-');
            if (parts.Length >= 3 && long.TryParse(parts[^2], out var from) && long.TryParse(parts[^1], out var to) && from <= position && position <= to) return path;
        }

        throw new JournalArchivedException(position, $"Position {position} was archived (the journal begins behind position {begin}): put the bundle that holds it, …-FROM-TO{Extension} with FROM ≤ {position} ≤ TO, into {folder}.");
    }
}
