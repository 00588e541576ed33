using System.Collections.Concurrent;
using System.Globalization;
using Gateway.Policy.Journal;
using Gateway.Projections.Folds;

namespace Gateway.Host.Journal.Snapshots;

/// <summary>
/// The snapshots of a journal, in a folder of their own. They can be thrown away at any time: what they say is folded from the journal again. A snapshot
/// counts when it was signed by this gateway, folded by this build, is whole, and its hash is the journal's at its position.
/// </summary>
/// <param name="folder">Made when the first snapshot is written.</param>
/// <param name="gateway">Id of the gateway; null = any, for reading.</param>
/// <param name="seal">Null: signatures are neither made nor looked at.</param>
public sealed class SnapshotStore(string folder, string? gateway, ISeal? seal)
{
    private const string Extension = ".snapshot";

    /// <summary>Most snapshots; beyond it every second one of the older half goes.</summary>
    private const int Most = 256;

    private readonly ConcurrentDictionary<string, (DateTime Written, SnapshotHeader? Header)> _headers = [];

    /// <summary>The folder for the journal at <paramref name="journal"/>.</summary>
    public static string FolderOf(string journal) => journal + ".snapshots";

    /// <summary>All that can be used, newest first, as far as their headers tell.</summary>
    public IReadOnlyList<SnapshotHeader> List()
    {
        if (!Directory.Exists(folder)) return [];
        var headers = new List<SnapshotHeader>();
        foreach (var path in Directory.GetFiles(folder, "*" + Extension))
        {
            var written = File.GetLastWriteTimeUtc(path);
            if (!_headers.TryGetValue(path, out var known) || known.Written != written) _headers[path] = known = (written, SnapshotFile.ReadHeader(path, gateway, seal));
            if (known.Header is { } header) headers.Add(header);
        }

        headers.Sort((a, b) => b.Position.CompareTo(a.Position));
        return headers;
    }

    /// <summary>The state of a snapshot, when it is whole and belongs to <paramref name="journal"/>; else null, and it is not listed again.</summary>
    public async ValueTask<StateFold?> LoadAsync(SnapshotHeader header, IJournal journal, bool blame, CancellationToken cancellationToken)
    {
        var path = PathOf(header.Position);
        var state = await BelongsAsync(header, journal, cancellationToken).ConfigureAwait(false) ? SnapshotFile.ReadState(path, header, seal, blame) : null;
        if (state is null && _headers.TryGetValue(path, out var known)) _headers[path] = (known.Written, null);
        return state;
    }

    /// <summary>Writes a snapshot of <paramref name="state"/>, which must have blame, at <paramref name="head"/>.</summary>
    /// <exception cref="IOException">The disk is full or cannot be written.</exception>
    public SnapshotHeader Write(StateFold state, JournalHead head, long segmentFrom, long segmentEarliest)
    {
        var content = SnapshotFile.Pack(StateDocument.Write(state));
        var header = new SnapshotHeader
        {
            Gateway = gateway ?? "",
            Position = head.Position,
            Hash = head.Hash,
            Revision = state.Configuration.Revision,
            SegmentFrom = segmentFrom,
            SegmentEarliest = segmentEarliest,
            Build = StateDocument.Build,
            Digest = SnapshotFile.Digest(content),
            Length = content.Length,
        };
        Directory.CreateDirectory(folder);
        SnapshotFile.Write(PathOf(head.Position), header, content, seal);
        Thin();
        return header;
    }

    private static async ValueTask<bool> BelongsAsync(SnapshotHeader header, IJournal journal, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var e in journal.ReadAsync(header.Position, cancellationToken).ConfigureAwait(false)) return e.Position == header.Position && e.Hash == header.Hash;
            return await journal.BaseAsync(cancellationToken).ConfigureAwait(false) is { } begin && begin.Head == header.Head;
        }
        catch (JournalArchivedException)
        {
            // At the base the base itself says the hash; before it the archive is asked, if there is one.
            return await journal.BaseAsync(cancellationToken).ConfigureAwait(false) is { } begin && begin.Head == header.Head;
        }
    }

    private void Thin()
    {
        var all = List();
        for (var i = all.Count - 1; all.Count > Most && i > all.Count / 2; i -= 2) File.Delete(PathOf(all[i].Position));
        // What another build, another key or a crash left behind.
        foreach (var path in Directory.GetFiles(folder))
            if ((path.EndsWith(".new", StringComparison.Ordinal) || (path.EndsWith(Extension, StringComparison.Ordinal) && _headers.GetValueOrDefault(path).Header is null && _headers.ContainsKey(path)))) File.Delete(path);
    }

    private string PathOf(long position) => Path.Combine(folder, position.ToString("D15", CultureInfo.InvariantCulture) + Extension);
}
